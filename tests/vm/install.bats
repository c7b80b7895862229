# A machine that is new: its kernel modules, and the topology installed for the next boot.
bats_require_minimum_version 1.5.0
load lab

setup_file() {
  make_outside
}

@test "a new machine has neither br_netfilter nor forwarding" {
  echo "# $(. /etc/os-release && echo "$PRETTY_NAME"), kernel $(uname -r), $(ip -V), $(iptables -V), bash $BASH_VERSION" >&3
  [[ ! -e /proc/sys/net/bridge && ! -e /sys/module/br_netfilter ]]
  sysctl_is net.ipv4.ip_forward 0
}

@test "a topology that needs no module loads none" {
  bash /root/out/steps/3-host/setup.sh
  [[ -e /run/netns/red && ! -e /sys/module/br_netfilter ]]
  bash /root/out/steps/3-host/setup.sh down
}

@test "looking loads no module" {
  run -1 bash "$SETUP" check
  [[ ! -e /sys/module/br_netfilter ]]
}

@test "a module that is blacklisted, or that the kernel does not have, is told before anything is touched" {
  local line
  for line in 'blacklist br_netfilter' 'install br_netfilter /bin/false'; do
    echo "$line" >/etc/modprobe.d/test.conf
    run -1 bash "$SETUP"
    [[ $output == *'nothing was changed'*'the kernel module br_netfilter is blacklisted'* ]]
  done
  rm /etc/modprobe.d/test.conf
  mount -t tmpfs none /lib/modules
  run -1 bash "$SETUP"
  umount /lib/modules
  [[ $output == *'nothing was changed'*'this kernel has no module br_netfilter'* ]]
  nothing_left
}

@test "a match that the kernel does not have is told with its module and package, before anything is touched" {
  local file
  file=$(modinfo -n xt_addrtype)
  [[ ! -e /sys/module/xt_addrtype ]] || modprobe -r xt_addrtype
  mv "$file" /root/xt_addrtype
  run -1 bash "$SETUP"
  mv /root/xt_addrtype "$file"
  [[ $output == *'nothing was changed'*'this kernel refuses the rules: '*'this kernel has no module xt_addrtype: install kernel-modules-extra '*', then modprobe -a xt_addrtype' ]] || fail "$output"
  nothing_left
}

@test "the module is loaded when it is needed, and the topology works" {
  bash "$SETUP"
  [[ -e /sys/module/br_netfilter ]]
  sysctl_is net.bridge.bridge-nf-call-iptables 1
  bash "$SETUP" check
  works
}

@test "down leaves nothing, and the parameters as they were" {
  bash "$SETUP" down
  nothing_left
  sysctl_is net.ipv4.ip_forward 0
  sysctl_is net.bridge.bridge-nf-call-iptables 0
}

@test "install, for the next boot" {
  bash "$SETUP" install
  systemctl is-enabled "$UNIT"
  [[ ! -e /run/netns/red ]]
}
