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

# No second of a boot is spent on what has nothing to do with networks.
for unit in \
  apparmor apt-daily.timer apt-daily-upgrade.timer dev-hugepages.mount dev-mqueue.mount dpkg-db-backup.timer \
  e2scrub_all.timer e2scrub_reap fstrim.timer getty@tty1 modprobe@configfs modprobe@dm_mod modprobe@drm \
  modprobe@efi_pstore modprobe@fuse modprobe@loop proc-sys-fs-binfmt_misc.automount serial-getty@ttyS0 \
  sys-fs-fuse-connections.mount sys-kernel-config.mount sys-kernel-debug.mount sys-kernel-tracing.mount systemd-binfmt \
  systemd-logind systemd-random-seed systemd-sysusers systemd-timesyncd systemd-update-utmp \
  systemd-update-utmp-runlevel systemd-user-sessions; do
  case $unit in
    *.*) ;;
    *) unit=$unit.service ;;
  esac
  ln -sf /dev/null "$1/etc/systemd/system/$unit"
done
# Nor on hardware that the emulator has, and nobody uses.
for module in ata_piix button evdev floppy i2c_piix4 joydev parport_pc pcspkr psmouse serio_raw sg sr_mod; do
  echo "blacklist $module"
done >"$1/etc/modprobe.d/unused.conf"
