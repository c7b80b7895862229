# The files of `nsgen render -o`, copied by hand.
load lab

@test "the files are copied, and the unit is enabled" {
  cp -R /root/out/article/etc/. /etc/
  install -m 755 "$SETUP" /usr/local/sbin/nsgen-article
  systemctl enable "$UNIT"
  touch /root/copied
}
