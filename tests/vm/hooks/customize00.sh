#!/bin/sh
# mmdebstrap runs it when everything is installed. What the machines are tested with is there, and is started by the
# machine that is about it.
set -eu
cp -R "${0%/*}/../etc" "$1/"
sed -i 's/^ENABLED=no/ENABLED=yes/' "$1/etc/ufw/ufw.conf"
chroot "$1" systemctl disable docker.service docker.socket containerd.service firewalld.service ufw.service \
  nftables.service NetworkManager.service NetworkManager-wait-online.service NetworkManager-dispatcher.service \
  systemd-networkd.service
chroot "$1" systemctl enable nsgen-tests.service
