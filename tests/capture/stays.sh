#!/bin/bash
# A server that nobody has installed here, and one in the foreground.
ip netns add red
ip -n red link set lo up
ip netns exec red dnsmasq --no-daemon --port 5353 &
ip netns exec red python3 -m http.server 8000
