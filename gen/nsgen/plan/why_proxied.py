"""Why there is each of the things that a transparent proxy takes: see :mod:`nsgen.plan.why`."""

REDIRECT = """\
A transparent proxy: what is for a machine elsewhere goes to a port of this node. The kernel notes where it
was to go, and tells the proxy that asks for SO_ORIGINAL_DST."""

REDIRECT_OWN = """\
A proxy beside the programs of this node: what they send elsewhere goes to its port, and what it sends
itself goes out."""

TPROXY = """\
A transparent proxy that sees who asks, and whom: the packet stays as it is, and is given to the socket that
listens there, which is one with IP_TRANSPARENT."""

TPROXY_KNOWN = """\
What a proxy's connections get already, from both sides: it asks a server under its client's address, and the
answer comes by another device. The match finds sockets with IP_TRANSPARENT, and nobody else's."""

TPROXY_DIVERT = "Marked, a packet takes the route below, which leads to this node itself."

TPROXY_BACK = """\
The way back to who sent a packet, which the kernel looks up too, is not by that table. It is looked up with
the mark where src_valid_mark is 1, as VPNs set it, and as if from lo."""

TPROXY_ROUTE = """\
By its destination a packet for somebody else would be sent on. Marked it is routed by a table of its own,
asked first, where every address is one of this node's."""

PROXY_CHOSEN = "To the proxy, with the exceptions above."

PROXY_EXCEPT = "Not to the proxy: what goes here goes on as if there were none."

PROXY_SIBLINGS = """\
Neighbours on this bridge reach each other without this node, although iptables may see it (br_netfilter)."""
