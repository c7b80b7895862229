#!/bin/bash
# What has no screen, no other machine and no other user.
modprobe dummy
PID=$(docker inspect -f '{{.State.Pid}}' web)
mkdir -p /var/run/netns
ln -s "/proc/$PID/ns/net" /var/run/netns/web
ip netns add red
tmux new-session -d -s lab "ip netns exec red sleep 1001"
xterm -e ip netns exec red sleep 1002 &
gnome-terminal -- ip netns exec red sleep 1003
screen -dmS lab ip netns exec red sleep 1004
systemctl restart systemd-networkd
tcpdump -i any -w /tmp/out.pcap &
chown nobody /tmp
su nobody -c "ip netns exec red sleep 1005" &
env -i /sbin/ip link add name late type bridge
ip link set late up
touch /tmp/written-by-a-captured-script
sleep 0.5
