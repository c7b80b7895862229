# ---- router advertisements -------------------------------------------------------------------------------------------

# A host that forwards ignores router advertisements, and forgets the default route that it has from one, unless accept_ra
# is 2 (linux/Documentation/networking/ip-sysctl.rst).
keep_router_advertisements() {
  local record device
  for device in $(ip -6 route show default proto ra 2>/dev/null | sed -n 's/.* dev \([^ ]*\).*/\1/p' | sort -u); do
    record=/run/nsgen/sysctl/host@net%ipv6%conf%$device%accept_ra
    [[ -e $record/was || $(</proc/sys/net/ipv6/conf/"$device"/accept_ra) == 1 ]] || continue
    parameters host <<<"net/ipv6/conf/$device/accept_ra = 2"
  done
}
