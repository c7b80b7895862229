# A machine that was booted after the topology was uninstalled.
bats_require_minimum_version 1.5.0
load lab

@test "nothing of ours comes back" {
  nothing_left
  [[ ! -e /proc/sys/net/bridge && ! -e /sys/module/br_netfilter ]]
  sysctl_is net.ipv4.ip_forward 0
  run systemctl --failed --no-legend --plain
  [[ ! $output ]]
}
