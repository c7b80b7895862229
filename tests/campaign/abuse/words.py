"""What the generated topologies are made of: names that are legal and look like something else, values, texts."""

from __future__ import annotations

# A shell, ip(8), iptables(8) and YAML take some of these for their own. No two make one device's name together.
TOPOLOGIES = ("t", "lab", "a-b", "x--", "no", "host", "n0", "true", "null", "abcdefghijklmno", "up")
NETWORKS = (
    *("bridge0", "br.1", "0", "IP", "no", "up", "dev", "type", "x_y-z", "123456789012345", "all0"),
    *("default.0", "RULES", "veth", "null", "true", "a.b", "name", "1e3", "0x1", "_", "eth0.5"),
)
NAMESPACES = (
    *("red", "IP", "no", "null", "a.b", "_", "0", "1e3", "x" * 64, "FILE", "done", "up", "main"),
    *("true", "netns", "default.1", "all.1", "veth", "Z" * 20, "y.-", "host0", "55", "dev", "lo"),
    *("w[1-3]", "n[08-10]", "[1-2]", "q.[0-1]", "r[7-7]"),
)
INTERFACES = ("eth0", "eth1", "0", "a.b", "up", "IP", "x_y-z", "dev", "no", "123456789012345")
PEERS = ("p", "port.", "Q_", "via", "0.", "nexthop")
SERVICES = ("web", "0", "_", "a-b", "IP", "main", "s" * 64, "true")
DOMAINS = ("example.org", "lan", "a.b-c_d", "0", "x" * 64)
TEXTS = ("it's", "$HOME", "a b", "*", "", '"', "\\", "x\ny", "-n", "#", "é", "%s", "IP\n", "$${x}")
LINES = ("ndots:1", "rotate", "timeout:1 attempts:1", "it's", "$x", "no-aaaa", "edns0 é")
VARIABLES = ("V", "_x", "COLOUR", "x1")
PROGRAMS = ("prog", "a b", "π", "it's", "$(evil)", "~", "if", "eval", "check", "/bin/true")

AUDIENCES = ("outside", "host", "loopback", "network", "self")
MTUS = {4: (68, 576, 1279, 1280, 1500), 6: (1280, 1400, 1500, 9000, 65535)}
PREFIXES = {
    4: (30, 29, 28, 25, 24, 24, 24, 20, 16, 31),
    6: (64, 64, 64, 48, 80, 112, 120, 126, 127),
}

# Parameters that every namespace has, whatever its kernel was built with.
INSIDE = {
    "net.ipv4.tcp_keepalive_time": ("60", 7200),
    "net/ipv4/ip_default_ttl": (70, "255"),
    "net.ipv4.ip_local_port_range": ("1024 65000",),
    "net.ipv4.tcp_rmem": ("4096 131072 6291456",),
    "net.ipv4.conf.all.arp_notify": (1,),
    "net/ipv6/conf/default/hop_limit": (33,),
}
OUTSIDE = {
    "net.ipv4.conf.all.log_martians": (1, 0),
    "net/ipv4/tcp_fin_timeout": (30, "7"),
    "net.core.somaxconn": (1000,),
    "net.ipv4.conf.all.accept_redirects": (0, 1),
    "net.ipv4.conf.default.rp_filter": (2, 1, 0),
    "net.ipv6.conf.all.accept_redirects": (0,),
    "net.ipv4.ip_forward": (1,),
    "net.ipv4.conf.all.forwarding": (1,),
    "net.ipv4.conf.default.forwarding": (0, 1),
    "net.ipv6.conf.default.forwarding": (0, 1),
    "net.ipv4.tcp_wmem": ("4096 16384 4194304",),
}
SWITCH, SAME_SWITCH = "net.ipv4.ip_forward", "net.ipv4.conf.all.forwarding"
# What only some machine has, or one for all of its namespaces.
ELSEWHERE = ("kernel.core_pattern", "vm/dirty_ratio", "net/x/y.z/w", "fs.a.b")
