"""Why each step is there: the comments of the script, for a reader who has never done it by hand.

It is long because it is a list: a text for each step.
"""

from __future__ import annotations

NAMESPACES = """\
A network namespace is like a machine of its own: it has interfaces, addresses, a route table
and iptables rules of its own, and shares none of them with this host."""

JOINED = """\
Somebody else made this one, a container's runtime say: it has interfaces, addresses and processes of
its own. It is known by a name from here on, and what is ours is put beside that, unless it has
something of this kind already; it is taken out again, and the namespace left as it was."""

ADVERTISEMENTS = """\
A host that forwards ignores router advertisements, and forgets the default route that it has from
one, unless accept_ra of that device is 2."""

UNMANAGED = """\
systemd-networkd and NetworkManager may have been told to manage every device: they would ask for
addresses on ours, and take away what they do not know. Where they are, each is told what to leave
alone."""

MODULE_BRIDGE = """\
br_netfilter lets iptables see the packets that cross a bridge without leaving it. It is needed
because a reply from one namespace to another would otherwise go straight through the bridge,
past the rule that has to translate it back."""

MODULE_ASKED = "Asked for by the topology, now and after every boot."

BRIDGE = """\
"Bridge" is another word for switch. {bridge} is both: the switch that the namespaces are
plugged into, and this host's own interface on that switch."""

BRIDGE_MAC = "\nIts MAC address is fixed here; left alone, it would change with every port."

BRIDGE_NF = "iptables sees what crosses {bridge}, and no other bridge of this host."

NO_IPV6 = (
    "{bridge} is an IPv4 network: without this, IPv6 would be a way in that no rule below covers."
)

NO_RA = "Nobody on {bridge} is a router for this host: a namespace could announce itself as one."

MTU = "Left to itself, a bridge has the smallest MTU of its ports."

CABLES = """\
A veth pair is a cable with two ends: one in the namespace, the other a port of {bridge}."""

HAIRPIN_PORT = """\
A bridge never sends a frame back through the port it came from. For a namespace that asks for
its own published port that is just what has to happen: its packet goes to the host and is
translated to the namespace itself."""

ISOLATED_PORT = (
    "Ports that are isolated exchange frames with the host alone, never with each other."
)

GATEWAY = """\
With an address on {bridge} the host is a neighbour of the namespaces: it reaches them, they
reach it. Setting the address also adds the route to {subnets}."""

INSIDE = """\
The prefix of an address adds a route: the whole subnet is reached directly, without a router."""

INSIDE_ROUTED = (
    INSIDE
    + """ For all else there is the default
route: to this host, which passes it on as a router does."""
)

BARE = """\
Who is plugged in without an address gets and sends frames all the same: what runs inside asks for an
address, bridges, or listens."""

BEHIND_PORTS = """\
Who is behind a port of the network may announce himself as a router: nobody here takes an address or a
route of IPv6 from him."""

DISPATCH = """\
Many ports: each range of them, or block of addresses, has a chain of its own, so that a packet is
compared with the rules of one of them, and not with those of all."""

FORGED_LOOPBACK = """\
route_localnet, below, would also let a namespace or a neighbour reach what listens on this
host's 127.0.0.1 only. A packet with such an address that did not come from lo is forged."""

DIRECT = """\
Other machines may use what is published, and nothing by a namespace's own address, whatever
route they set up. Here and not in FORWARD, so that no other program's rule can accept it first."""

BY_A_MEMBER = """\
A member of this network is a router. Where iptables sees what crosses bridges, what the others
send to it is seen here, and is no way in; what this host itself would pass on, FORWARD drops."""

DNAT = """\
To a published port of this host (the jump takes only packets to the host's own addresses, so a
connection to somebody else's port of that number stays theirs): on to the namespace. Other
machines come this way, and so do namespaces, which are other machines to the host."""

UDP_PROXY = """\
A process answers UDP from the address by which its answer leaves, whichever was asked. Asked by
just that one, its answer is translated back, and comes from where it is waited for."""

DNAT_OUTPUT = "The host's own packets do not pass PREROUTING; they need the same rule in OUTPUT."

MASQUERADE = """\
What leaves for anywhere but {bridge} gets this host's address as its source: nobody outside
knows a route to the namespaces. Any way out will do, so none is named."""

KEPT = """\
There the namespaces are known by their own addresses, and whoever is asked has a route back to
them: the source is kept."""

KEPT_ANSWERS = """\
Answers come from where the source is kept, to a namespace's own address. Connection tracking,
in FORWARD, lets nothing else of it through."""

LOOPBACK_SOURCE = """\
A request to 127.0.0.1 comes from 127.0.0.1, an address to which no namespace can reply: give it
the host's address on the bridge."""

NO_WAY_BACK = """\
These namespaces have no route back to whoever asks from elsewhere: they are asked from the
host's address instead."""

DNAT_BESIDE = """\
Members of another network that the namespace is on reach it there, as siblings: they are sent to
its address on their own network, and it sees who asks. (Not the namespace itself, to which its own
address would come back.)"""

OTHER_NETWORKS = """\
The publishing namespace is on the network of these clients too, and would answer there directly,
from an address that they never asked: it is asked from the host's address instead."""

SIBLINGS_OFF = """\
A sibling's request would be answered straight through the bridge, from an address that the
sibling never asked. Asked from the host's address, a namespace answers the host, which
translates back. (The price: it sees the host, not who asked.)"""

SELF = """\
A namespace asking for its own published port would get a request from itself, and answer itself
without the host. Asked from the host's address, it answers the host, which translates back."""

INVALID = """\
What connection tracking cannot place would leave untranslated, with a source that nobody
outside can answer."""

REPLIES = "Both directions of what was let through once."

PUBLISHED = """\
Published ports: only what was translated on its way in, never a packet sent to the namespace's
own address."""

OWN_PORTS = """\
For members of this network the host's ports are those that are published on it: what was translated
on its way to anybody else ends here."""

APART = "Networks are apart."

ROUTED = (
    "This network is not masqueraded: a published port answers by the namespace's own address too."
)

ROUTED_OUTSIDE = (
    "To other machines, a published port and ping answer by the namespaces' own addresses too."
)

SIBLINGS = """\
Members of a network talk to each other. With br_netfilter their packets come by here, and a
policy of DROP would stop them."""

BRIDGED = """\
What the bridge itself passes on, to and from a port that is not isolated, is its own business: here, where
iptables may see what crosses bridges, only the way round by this host is closed."""

ISOLATED = "Members of an isolated network do not, not even by way of the host."

CLOSED = "Nothing else enters, from outside or from another network."

NO_INTERNET = "Nothing else leaves either: this network is not connected to any other."

ROUTER = """\
This host routes, by the topology's own word: what comes by its cables, or leaves by them, goes on
whatever the policy is."""

OUT = "To the internet, from the network's own addresses."

SPOOFED = "From any other address it is forged."

GUARD = """\
A host that forwards is a router for whoever sends it packets. If it was none before, it is one
for our networks alone: what got here is neither from them nor to them. (Frames that only cross
some bridge are not routed, and go on.)"""

OTHERS = """\
From here on iptables sees what crosses any bridge of this host (bridge-nf-call-iptables, below).
Where it did not before, a policy of DROP would cut other programs' virtual machines and
containers off from each other: what none of their rules has dropped goes on."""

OWN_PORTS_PROXY = """\
The proxy listens for everybody: this network's members are answered by its own published ports alone."""

PROXY_REACH = "The proxy listens for everybody: refuse those whom the topology does not name."

JUMPS = """\
A built-in chain gets one rule, the jump to a chain of ours. It goes first, but for the way out
(FROM), which goes behind what other programs' rules say of their own networks."""

WHERE_OFF = (
    " Last come those that are needed only where a parameter was 0 before a topology set it."
)

SYSCTL = {
    "route_localnet": """\
Without this the kernel drops a packet from 127.0.0.1 that is routed to another interface, as a
request to 127.0.0.1 is once it is translated.""",
    "bridge-nf-call": """\
A namespace that uses a port published by a sibling is answered through the bridge, without any
routing. With this, iptables sees the answer there, and translates its source back to the
address that was asked; without it, an answer comes from an address that nobody asked, and is
thrown away.""",
    "ip_forward": """\
Packets of the namespaces come neither from this host nor are they for it: to pass them on, the
host has to act as a router. This comes last, when every rule is in place.""",
    "asked": "Asked for by the topology.",
    "asked after ip_forward": """\
Asked for by the topology; the kernel sets these, too, when forwarding is switched on.""",
    "forwarding": "This node routes between its interfaces.",
}

LOW_PORTS = """\
A port below 1024 is root's. Here it need not be: whoever serves on one as somebody else has this
namespace for himself. (Docker sets this in every container.)"""

NO_FORWARDING = """\
A namespace that is made on a host that forwards forwards too, and would connect the networks
that it is on."""

LINKS = """\
A veth pair is a cable: what goes in at one end comes out at the other, wherever the two ends are."""

UNEQUAL = """
What one end sends and the other is too small for is lost, and nobody is told: their MTUs differ."""

HOST_DEVICES = "This host's own: its ends of cables, and what else it has."

CARDS = """\
A device that this host has anyway becomes a port. It is switched off first, as a bond wants it, and given
back on `down`."""

ON_NETWORK = """\
A port of a network's bridge: whoever is behind it is on that network as the namespaces are, and the
rules below, which know the bridge alone, take him for one of them."""

HOST_IPV6 = """\
Nobody at the other end of a cable is a router for this host; and where a cable has no IPv6
address, IPv6 would be a way in that no rule covers."""

BRIDGE_SETTINGS = """\
Which VLANs a port is in, which number each has on a VXLAN, and whom a frame for everybody is sent to."""

PEER = """\
An address with a peer has no subnet: the route is to the peer alone, or to the subnet that is written
with it, so that both ends may have any addresses. For IPv4 it comes with the address."""

PROXY_NDP = """\
A router answers for an address elsewhere, so that what is sent there comes to it. For IPv6 that is
switched on for the device."""

IMPAIR = "A link that is slow, or loses packets: each end holds back what it sends."

POLICIES = """\
Which table is asked for a route depends on where a packet comes from; the first rule that fits
decides, and main is the last one asked."""

WIREGUARD = """\
The key goes from its file to the kernel, and is shown to nobody. One that is missing is made now."""

TRANSLATION = """\
Nodes that put one address in place of another, on what they pass on. Replies are translated back
by connection tracking, without a rule."""

NAT_MEMBER = "What the host's own address translation, above, sends to a member."

NAT_NEIGHBOURS = """\
A neighbour of the member would be answered without the host, which is to translate the answer back:
it asks from the host's address."""

NAT_INTO = "On to another address: for one destination, or for the node's own addresses."

NAT_KEPT = """\
What goes there keeps its source: whoever is asked has a route back. ACCEPT ends the table, so that
no later rule, of a network or of another program, rewrites it."""

NAT_OUT = "What leaves gets another source, that those outside can answer."

NAT_MASQUERADE = "What leaves gets the address of the device that it leaves by."

ROUTES = "Routes that the topology asks for."

AUTO_ROUTES = """\
Worked out, not written: `routing: auto` leads every node to every subnet by the fewest hops. Where
all of them have the same next hop, a default route says it once."""

SERVICE = "Started in {node}, with its output under /run/nsgen/{topology}/."

READY = "They are waited for until they are ready, so many seconds at most."

PROXY = """\
A process on the host that listens on the published port and passes on what it gets: for whom no
rule translates."""

FILES = "`ip netns exec {name}` shows these as /etc/resolv.conf and /etc/hosts."

EXEC = "The topology's own commands, after everything else."

UNITS = """\
Units of systemd that run in a namespace, from their next start. `install` writes these, so that none
of them ever starts outside: a unit whose namespace cannot be made does not start. systemd does not
mount what is in /etc/netns."""

UDP = """\
UDP has no connections: an entry from before these rules would send a client's packets where
they went until now."""

AS_IPV4 = "Rule for rule as for IPv4, where the reasons stand."

# For every network but the first one, on whose steps the reasons stand.
AGAIN = {
    "bridge": "The switch, and the host's interface on it.",
    "cables": "The cables.",
    "hairpin": "Ports of namespaces that may ask for their own published ports.",
    "isolated": "Isolated ports.",
    "gateway": "The host's address.",
}
