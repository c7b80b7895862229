"""The programs that scripts about networks call, by what becomes of them while a script is captured."""

from __future__ import annotations


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split())


# Done by ip(8) where they are missing.
TRANSLATED = ("brctl", "ifconfig", "route", "vconfig")
# Run, and told of.
CHANGING = _names("ip tc bridge sysctl nft wg ethtool ipset ifenslave tunctl arp")
TABLES = _names(
    "iptables ip6tables iptables-restore ip6tables-restore iptables-legacy ip6tables-legacy iptables-nft ip6tables-nft"
    " arptables ebtables"
)
# Run, told of, and not waited for.
LASTING = _names("dhclient udhcpc dhcpcd wg-quick")
# Told of, and not done.
NOT_DONE = _names(
    "apt apt-get aptitude yum dnf zypper apk pacman snap brew pip pip3 pipx npm gem dpkg add-apt-repository"
    " modprobe insmod rmmod depmod"
    " systemctl service rc-service initctl ufw firewall-cmd nmcli networkctl netplan resolvectl"
    " tcpdump wireshark tshark dumpcap termshark"
    " useradd adduser usermod groupadd chown chgrp passwd reboot shutdown poweroff"
)
CONTAINERS = _names("docker podman nerdctl")
WINDOWS = _names(
    "xterm gnome-terminal konsole xfce4-terminal lxterminal x-terminal-emulator mate-terminal"
)
MULTIPLEXERS = ("tmux", "screen")
AS_ANOTHER = _names("sudo doas su runuser pkexec")
ENDING = ("pkill", "killall")
PINGS = ("ping", "ping6")
# Who asks somebody something is waited for a while; who serves is run. Where one is missing, nothing is done, or a
# process stands there in its place.
CLIENTS = _names(
    "curl wget nc ncat netcat telnet iperf iperf3 netperf traceroute tracepath mtr arping nmap dig nslookup host fping"
    " hping3 ssh-keyscan whois ab"
)
DAEMONS = _names(
    "dnsmasq named coredns nginx apache2 httpd dhcpd udhcpd hostapd sshd radvd zebra bgpd ospfd bird frr openvpn squid"
    " haproxy vsftpd netserver ttyd"
)
EITHER = _names("nc ncat netcat iperf iperf3")
SERVER_FLAGS = _names("-s -l --server --listen -lk -lp -lu -luk -lkp -sD -lvp -lnvp")
IN_BACKGROUND = ("-D", "-sD", "--daemon")
# What is there for a script although nobody has installed it.
STOOD_IN = frozenset((
    *TRANSLATED, *NOT_DONE, *CONTAINERS, *WINDOWS, *MULTIPLEXERS, *AS_ANOTHER, *ENDING, *PINGS, *CLIENTS, *DAEMONS,
))  # fmt: skip
ALL = (*CHANGING, *TABLES, *LASTING, *sorted(STOOD_IN), "sleep", "nsgen-note", "nsgen-mark")
