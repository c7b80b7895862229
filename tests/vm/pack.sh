#!/usr/bin/env bash
# Makes a disk of what mmdebstrap has left in FOLDER/disk.tar. fakeroot runs it, so that the files belong to root there.
set -euo pipefail
cd "$1"

mkdir root
tar -C root --exclude='./dev/*' -xf disk.tar
cp root/boot/vmlinuz-* vmlinuz
cp root/boot/initrd.img-* initrd
mke2fs -q -t ext4 -d root disk.new 3G
rm -rf root disk.tar
# It appears last, and whole.
mv disk.new disk.raw
