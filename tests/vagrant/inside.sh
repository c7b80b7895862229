#!/usr/bin/env bash
# Runs in network, mount and PID namespaces of its own: libvirt, and in it the machines of the Vagrantfiles. TAP goes to
# descriptor 3.
set -uo pipefail

readonly SCRATCH=$1 BOX=$2
number=0 failed=0

main() {
  make_room
  start_libvirt || return 1
  vagrant box add --name debian/bookworm64 "$BOX/debian.box" || return 1
  two_machines
  pasted
  printf '1..%d\n' "$number" >&3
  return "$((failed > 0))"
}

# What libvirt writes stays in here, and a host that answers as 8.8.8.8.
make_room() {
  local name
  mount -t proc proc /proc
  mount -t tmpfs tmpfs /run
  mount -t sysfs sysfs /sys
  mkdir -p /run/netns /run/lock /run/libvirt /run/etc/{upper,work}
  mount -t overlay overlay -o lowerdir=/etc,upperdir=/run/etc/upper,workdir=/run/etc/work /etc
  for name in lib log cache; do
    mkdir -p "$SCRATCH/$name" "/var/$name/libvirt"
    mount --bind "$SCRATCH/$name" "/var/$name/libvirt"
  done
  ip link set lo up
  ip address add 8.8.8.8/32 dev lo
}

start_libvirt() {
  local try
  mkdir -p /etc/libvirt /var/lib/libvirt/images
  printf '%s\n' 'auth_unix_rw = "none"' 'auth_unix_ro = "none"' 'unix_sock_group = "root"' >/etc/libvirt/libvirtd.conf
  printf '%s\n' 'user = "root"' 'group = "root"' 'security_driver = "none"' 'cgroup_controllers = []' 'namespaces = []' \
    'stdio_handler = "file"' 'remember_owner = 0' >/etc/libvirt/qemu.conf
  # It looks for this user before it reads whom it is to take.
  getent passwd libvirt-qemu >/dev/null || {
    echo 'libvirt-qemu:x:64055:64055::/var/lib/libvirt:/usr/sbin/nologin' >>/etc/passwd
    echo 'libvirt-qemu:x:64055:' >>/etc/group
  }
  export HOME=$SCRATCH/home VAGRANT_HOME=$SCRATCH/vagrant VAGRANT_DEFAULT_PROVIDER=libvirt VAGRANT_CHECKPOINT_DISABLE=1
  mkdir -p "$HOME" "$VAGRANT_HOME"
  libvirtd &
  for try in {1..50}; do
    ! virsh -c qemu:///system list || return 0
    sleep 0.2
  done
  echo "libvirt did not start in $try tries"
  return 1
}

# The Vagrantfile of the checkout, and every command in its comments.
two_machines() {
  local command
  cd "$SCRATCH/checkout" || return 1
  try 'vagrant up starts both machines' vagrant up --no-parallel
  while read -r command; do
    try "$command" bash -c "$command"
  done < <(grep -oE 'vagrant (ssh|provision) .*' Vagrantfile)
  try 'check finds no difference' vagrant ssh host -c 'sudo bash /tmp/vagrant-shell check --strict'
  try 'vagrant reload starts them again' vagrant reload
  try 'the topology is up again, and answers the other machine' vagrant ssh guest -c 'curl --fail 172.16.1.4:8080'
  vagrant destroy --force
}

# A Vagrantfile into which a rendered provisioner was pasted, beside the script; it has a box, and nothing else.
pasted() {
  mkdir "$SCRATCH/pasted"
  cd "$SCRATCH/pasted" || return 1
  cp "$SCRATCH/checkout/out/article/setup.sh" .
  sed '/^Vagrant.configure/a\  config.vm.box = "debian/bookworm64"\n  config.vm.synced_folder ".", "/vagrant", disabled: true' \
    "$SCRATCH/checkout/out/article/Vagrantfile" >Vagrantfile
  try 'pasted: vagrant up builds the topology' vagrant up
  try 'pasted: the port is answered' vagrant ssh -c 'curl --fail 127.0.0.1:8080'
  try 'pasted: vagrant reload builds it again' vagrant reload
  try 'pasted: the port is answered again' vagrant ssh -c 'curl --fail 127.0.0.1:8080'
  # A box without what the script needs is told, by the package's name, and vagrant up fails.
  try 'pasted: take iptables away' vagrant ssh -c 'sudo bash /tmp/vagrant-shell down && sudo dpkg --purge --force-depends iptables'
  try 'pasted: what is missing is named' bash -c '! vagrant provision >said 2>&1 && grep -i "iptables" said'
  vagrant destroy --force
}

try() { # NAME COMMAND…
  local name=$1 began=$SECONDS
  shift
  printf '\n# %s\n' "$name"
  ((++number))
  if "$@" </dev/null; then
    printf 'ok %d %s in %d s\n' "$number" "$name" "$((SECONDS - began))" >&3
  else
    ((++failed))
    printf 'not ok %d %s\n' "$number" "$name" >&3
  fi
}

main
