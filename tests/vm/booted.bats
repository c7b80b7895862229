# A machine that was booted with the topology installed. Nobody has logged in.
bats_require_minimum_version 1.5.0
load lab

setup_file() {
  make_outside
}

@test "the topology is there after the boot" {
  systemctl is-active "$UNIT"
  /usr/local/sbin/nsgen-article check
  [[ -e /sys/module/br_netfilter && -e /run/netns/red && -e /run/netns/blue ]]
  [[ $(ip -br address show dev bridge0) == *" $GATEWAY/24 "* ]]
  [[ $(iptables -S FORWARD) == *'-j NSGEN-article-INTO'* ]]
}

@test "systemd's own tools have set the parameters, those of bridge0 too" {
  systemctl is-active systemd-sysctl.service systemd-modules-load.service
  sysctl_is net.ipv4.ip_forward 1
  sysctl_is net.bridge.bridge-nf-call-iptables 1
  sysctl_is net.ipv4.conf.bridge0.route_localnet 1
}

@test "the published port answers from outside, the host, loopback, the sibling and red itself" {
  works
}

@test "the machine was no router before, and is none for others" {
  [[ $(iptables -S FORWARD) == *'-j NSGEN-article-GUARD' ]]
}

@test "the unit can be stopped and started" {
  systemctl stop "$UNIT"
  [[ ! -e /run/netns/red && ! -e /sys/class/net/bridge0 ]]
  sysctl_is net.ipv4.ip_forward 0
  sysctl_is net.bridge.bridge-nf-call-iptables 0
  systemctl start "$UNIT"
  /usr/local/sbin/nsgen-article check
  works
}

@test "the journal has no error of ours, of this boot or of the one before" {
  no_complaints
  run systemctl --failed --no-legend --plain
  [[ ! $output ]]
}

@test "removed as it was put there, nothing is left" {
  if [[ -e /root/copied ]]; then
    systemctl disable --now "$UNIT"
    rm /usr/local/sbin/nsgen-article /etc/{sysctl.d/99-nsgen-article.conf,modules-load.d/nsgen-article.conf,systemd/system/"$UNIT"}
    rm /run/nsgen.boot # it would go with the next boot
  else
    bash "$SETUP" uninstall
  fi
  nothing_left
  sysctl_is net.ipv4.ip_forward 0
}
