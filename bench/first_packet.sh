#!/usr/bin/env bash
# Connections per second to the last of so many published ports: first_packet.sh FOLDER SECONDS, in new network, mount and
# PID namespaces. FOLDER holds setup.sh, which publishes the ports of the namespace red, and `ask`: the port of the host,
# and red's own. Prints: outside RATE, sibling RATE.
set -euo pipefail

folder=$1 seconds=$2
read -r published target <"$folder/ask"

mount --make-rprivate /
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t tmpfs tmpfs /run
mkdir -p /run/lock /run/netns
ip link set lo up
ip netns add elsewhere
ip link add wan type veth peer name wan0 netns elsewhere
ip address add 172.16.1.4/24 dev wan
ip link set wan up
ip -n elsewhere address add 172.16.1.5/24 dev wan0
ip -n elsewhere link set wan0 up
bash "$folder/setup.sh" up

# Connections end by a reset, so that no port of the client is ever used up.
cat >/run/talk.py <<'PYTHON'
import socket, struct, sys, time
RESET = struct.pack("ii", 1, 0)
if sys.argv[1] == "serve":
    with socket.create_server(("", int(sys.argv[2])), backlog=4096) as server:
        print(flush=True)
        while True:
            server.accept()[0].close()
address, seconds = (sys.argv[2], int(sys.argv[3])), float(sys.argv[4])
end, number = time.monotonic() + seconds, 0
while time.monotonic() < end:
    with socket.create_connection(address, 5) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    number += 1
print(number / seconds)
PYTHON
exec {served}< <(exec nsenter --net=/run/netns/red python3 /run/talk.py serve "$target")
server=$!
read -r -u "$served"
printf 'outside %s\n' "$(nsenter --net=/run/netns/elsewhere python3 /run/talk.py ask 172.16.1.4 "$published" "$seconds")"
printf 'sibling %s\n' "$(nsenter --net=/run/netns/blue python3 /run/talk.py ask 172.16.1.4 "$published" "$seconds")"
kill "$server"
