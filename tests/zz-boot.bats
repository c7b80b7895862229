bats_require_minimum_version 1.5.0
load lab/lab
load campaign/lifecycle/campaign
setup() { lab_start redirects=1; }
teardown() { lab_stop; }
@test "boot" {
  prepare examples/article.yaml
  before=$(state)
  printf 'net.ipv4.ip_forward = 1\nnet.bridge.bridge-nf-call-iptables=1\n' | on host tee /etc/sysctl.d/99-nsgen-article.conf
  on host bash -c 'sed "s/^btime .*/btime 4000000000/" /proc/stat >/run/stat; mount --bind /run/stat /proc/stat'
  on host sysctl -qw net.ipv4.ip_forward=1 net.bridge.bridge-nf-call-iptables=1
  script up
  on host sh -c 'head -50 /run/nsgen/sysctl/host@net.ipv4.ip_forward /run/nsgen/sysctl/host@net.bridge* /run/nsgen.boot' >&3
  [[ $(on host iptables -S FORWARD) == *GUARD* ]]
  script check
  script down
  on host sysctl net.ipv4.ip_forward net.bridge.bridge-nf-call-iptables net.ipv4.conf.all.accept_redirects net.ipv4.conf.eth0.forwarding net.ipv4.conf.default.forwarding >&3
  on host sysctl -qw net.ipv4.ip_forward=1
  script up
  [[ $(on host iptables -S FORWARD) != *GUARD* ]]
  script down
  [[ $(on host sysctl -n net.ipv4.ip_forward) == 1 ]]
  on host rm -f /run/nsgen.boot
  printf 'net.ipv4.ip_forward = 1\n' | on host tee /etc/sysctl.d/50-mine.conf
  script up
  [[ $(on host iptables -S FORWARD) != *GUARD* ]]
  script down
  on host umount /proc/stat
  on host rm /etc/sysctl.d/50-mine.conf
  on host rm -f /run/nsgen.boot
  script up
  [[ $(on host iptables -S FORWARD) != *GUARD* ]]
  script down
}
