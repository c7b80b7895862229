"""Why marks are set, and what uplinks do with them: continued from :mod:`nsgen.plan.why`."""

MARKS = """\
Marks tell packets apart for the rules of policy routing: of a connection, connection tracking keeps
the mark that its first packet got, for answers too."""

MARK_CONNECTION = "Of a new connection: every packet of it, both ways, gets the mark below."

MARK_UPLINK = """\
A new connection by an uplink gets the uplink's mark. (Only what begins it: an answer to somebody
whom we asked may come by any of them.)"""

MARK_RESTORE = """\
Every packet of a connection that has a mark gets it, answers too, and before its route is looked
up: it is what the rules of policy routing see."""

MARK_OWN = "What the node itself sends does not pass PREROUTING: its answers get the mark here."

MARK_PACKETS = "Packets, one by one."

UPLINKS = """\
Several ways out: what is more exact than a default route is where it always was, in the main table;
beyond that, what has an uplink's mark leaves by the uplink. Without this, an answer would leave by
the default route whatever way the question came, and with an address that nobody knows there."""

VALID_MARK = """\
Where the source of a packet is checked by the way back to it (rp_filter), its mark has to count:
by the way back without it, what comes by the second uplink is thrown away."""
