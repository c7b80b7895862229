#!/usr/bin/env bash
# Makes a Vagrant box of Debian for vagrant-libvirt, and prints its folder. It is emulated, and its kernel is loaded from
# beside it, so that it needs no boot loader. What was made once is kept under build/vagrant.
set -euo pipefail
cd "${0%/*}/../.."

readonly SOURCE=tests/vagrant RELEASE=bookworm
readonly PACKAGES=linux-image-amd64,systemd-sysv,udev,dbus,ifupdown,isc-dhcp-client,openssh-server,sudo,iproute2,iputils-ping,kmod,procps,iptables,curl,python3

main() {
  local key folder
  key=$(cat "$SOURCE/box.sh" "$SOURCE/customize.sh" tests/vm/hooks/essential00.sh | sha256sum | cut -c 1-16)
  folder=$PWD/build/vagrant/$RELEASE-$key
  if [[ ! -e $folder/debian.box ]]; then
    rm -rf build/vagrant
    mkdir -p "$folder"
    install_packages "$folder" >"$folder/log" 2>&1 || {
      tail -n 20 "$folder/log" >&2
      return 1
    }
    pack "$folder" >>"$folder/log"
  fi
  printf '%s\n' "$folder"
}

# From the mirror, and by the proxy, that apt has on this machine.
install_packages() { # FOLDER
  local mirror name options
  apt-config dump --format '%f "%v";%n' Acquire | grep -E '^Acquire::(https?|ftp|Check-)' >"$1/apt.conf" || true
  mirror=$(apt-get indextargets --format "\$(ORIGIN) \$(LABEL) \$(REPO_URI)" | awk '$1 == "Debian" && $2 == "Debian" { print $3; exit }')
  options=("--include=$PACKAGES" "--aptopt=$1/apt.conf" '--aptopt=Acquire::Retries "3"')
  for name in doc man locale; do options+=("--dpkgopt=path-exclude=/usr/share/$name/*"); done
  mmdebstrap --variant=minbase "${options[@]}" --essential-hook="sh tests/vm/hooks/essential00.sh \"\$1\"" \
    --customize-hook="sh $SOURCE/customize.sh \"\$1\"" "$RELEASE" "$1/disk.tar" ${mirror:+"$mirror"}
}

pack() { # FOLDER
  mkdir "$1/root"
  # shellcheck disable=SC2016 # the inner shell's
  fakeroot sh -c 'cd "$1" && tar -C root --exclude="./dev/*" -xf disk.tar && cp root/boot/vmlinuz-* vmlinuz &&
    cp root/boot/initrd.img-* initrd && mke2fs -q -t ext4 -d root disk.raw 3G' sh "$1"
  rm -rf "$1/root" "$1/disk.tar"
  qemu-img convert -O qcow2 "$1/disk.raw" "$1/box.img"
  rm "$1/disk.raw"
  echo '{"provider": "libvirt", "format": "qcow2", "virtual_size": 3}' >"$1/metadata.json"
  cat >"$1/Vagrantfile" <<RUBY
Vagrant.configure("2") do |config|
  config.vm.provider :libvirt do |libvirt|
    libvirt.driver = "qemu"
    libvirt.cpu_mode = "custom"
    libvirt.cpu_model = "Nehalem"
    libvirt.memory = 512
    libvirt.graphics_type = "none"
    libvirt.kernel = "$1/vmlinuz"
    libvirt.initrd = "$1/initrd"
    libvirt.cmd_line = "console=ttyS0 root=/dev/vda rw net.ifnames=0 mitigations=off quiet"
  end
end
RUBY
  tar -C "$1" -cf "$1/new" metadata.json Vagrantfile box.img
  rm "$1/box.img"
  mv "$1/new" "$1/debian.box"
}

main
