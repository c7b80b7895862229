#!/bin/sh
# mmdebstrap runs it when everything is installed: the user, the key and the network that Vagrant expects in a box.
set -eu
key=$(find /usr/share /opt -path '*/keys/vagrant.pub' | head -n 1)
chroot "$1" useradd --create-home --shell /bin/bash vagrant
echo 'vagrant ALL=(ALL) NOPASSWD:ALL' >"$1/etc/sudoers.d/vagrant"
mkdir -m 700 "$1/home/vagrant/.ssh"
cp "$key" "$1/home/vagrant/.ssh/authorized_keys"
chroot "$1" chown -R vagrant:vagrant /home/vagrant/.ssh
printf 'auto lo\niface lo inet loopback\nauto eth0\niface eth0 inet dhcp\n' >"$1/etc/network/interfaces"
echo 'UseDNS no' >>"$1/etc/ssh/sshd_config"
echo debian >"$1/etc/hostname"
