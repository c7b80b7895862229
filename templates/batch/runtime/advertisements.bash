# ---- router advertisements -------------------------------------------------------------------------------------------

# A host that forwards ignores them, and forgets the default route that it has from one, unless accept_ra is 2
# (linux/Documentation/networking/ip-sysctl.rst).
keep_router_advertisements() {
  local device
  for device in $(ip -6 route show default proto ra 2>/dev/null | sed -n 's/.* dev \([^ ]*\).*/\1/p' | sort -u); do
    [[ ! -e /run/nsgen/sysctl/host@net%ipv6%conf%$device%accept_ra && $(</proc/sys/net/ipv6/conf/"$device"/accept_ra) != 1 ]] ||
      LINES+=("host sysctl net/ipv6/conf/$device/accept_ra = 2")
  done
}
