# ---- router advertisements ----

# A host that forwards ignores them, and forgets the default route that it has from one, unless accept_ra is 2
# (linux/Documentation/networking/ip-sysctl.rst).
keep_router_advertisements() {
  local device devices
  if [[ ! -e /proc/sys/net/ipv6 ]] || ! command -v ip >/dev/null; then return 0; fi
  devices=$(ip -6 route show default proto ra | sed -n 's/.* dev \([^ ]*\).*/\1/p' | sort -u) || die 'ip -6 route failed'
  for device in $devices; do
    [[ ! -e /run/nsgen/sysctl/host@net%ipv6%conf%$device%accept_ra && $(</proc/sys/net/ipv6/conf/"$device"/accept_ra) != 1 ]] ||
      add host sysctl "net/ipv6/conf/$device/accept_ra = 2"
  done
}
