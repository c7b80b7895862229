"""The mutants that nobody notices, by the reason why not; each is `TOPOLOGY: MUTANT`."""

from __future__ import annotations

SURVIVORS: dict[str, tuple[str, ...]] = {
    "Nobody asks through this network by TCP or UDP; and for ICMP the chain FROM lets the same packets pass, last of all.": (
        "routed: ip6tables -A INTO -i inner -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
    ),
    "Where members are isolated, the request is routed by the host, and not sent back through its port.": (
        "isolated: host link set dev veth-web-br type bridge_slave hairpin on",
    ),
    "The proxy answers the host, too; then the namespace sees the bridge's address, and not the one that was asked.": (
        "proxy: iptables -A OUTPUT -p tcp -m tcp --dport 8080 -j DNAT --to-destination 192.168.15.2:80",
        "proxy: jump iptables nat OUTPUT OUTPUT",
    ),
    "A new namespace takes the value of the machine's first one, which is 0 unless that forwards.": (
        "routed: both net.ipv4.ip_forward = 0",
    ),
    "Translated to the namespace that it is from, the kernel drops it for its source; with this rule it is refused.": (
        "routed: iptables -A PRE -s 10.50.0.2/32 -p udp -m udp --dport 5353 -j RETURN",
        "routed: ip6tables -A PRE -s fd00:50::2/128 -p udp -m udp --dport 5353 -j RETURN",
    ),
    "In a routed network a rule behind it lets the same port be asked by the namespace's own address.": (
        "routed: iptables -A INTO -d 10.50.0.2/32 -o lab -p udp -m udp --dport 53 -m conntrack --ctstate DNAT -j ACCEPT",
        "routed: ip6tables -A INTO -d fd00:50::2/128 -o lab -p udp -m udp --dport 53 -m conntrack --ctstate DNAT -j ACCEPT",
    ),
}

# Whether these are noticed depends on the machine that the tests run on.
BY_MACHINE = ("routed: both net.ipv4.ip_forward = 0",)

# What `check` of the whole script does not tell.
UNCHECKED: tuple[str, ...] = ()
