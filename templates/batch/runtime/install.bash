# ---- after a reboot --------------------------------------------------------------------------------------------------

install() {
  local unit=nsgen-$NAME.service
  print_self | write_file "/usr/local/sbin/nsgen-$NAME" 755
  boot_file "/etc/sysctl.d/99-nsgen-$NAME.conf" "${TEXT["host sysctl"]:-}" <<FILE
# Kernel parameters of the nsgen topology $NAME, for every boot: sysctl.d(5).
# $unit sets them too; this file says so to whoever looks here first.
FILE
  boot_file "/etc/modules-load.d/nsgen-$NAME.conf" "${TEXT["host module"]:-}" <<FILE
# Kernel modules of the nsgen topology $NAME, for every boot: modules-load.d(5).
FILE
  print_unit | write_file "/etc/systemd/system/$unit" 644
  mkdir -p /etc/systemd/system/multi-user.target.wants
  ln -sfn "/etc/systemd/system/$unit" "/etc/systemd/system/multi-user.target.wants/$unit" # systemctl enable
  [[ ! -d /run/systemd/system ]] || run systemctl daemon-reload
  say "installed; it is built at every boot, and now by: systemctl start $unit"
}

uninstall() {
  local unit=nsgen-$NAME.service file others
  if [[ -d /run/systemd/system ]] && systemctl is-active --quiet "$unit"; then
    exec {LOCK}<&- # its `down` takes the lock
    run systemctl stop "$unit"
    LOCK=''
    lock
    recall
  fi
  down
  rm -f "/etc/systemd/system/multi-user.target.wants/$unit"
  for file in "/etc/systemd/system/$unit" "/usr/local/sbin/nsgen-$NAME" "/etc/sysctl.d/99-nsgen-$NAME.conf" "/etc/modules-load.d/nsgen-$NAME.conf"; do
    rm -f "$file" "$file.nsgen-new"
  done
  others=(/etc/sysctl.d/99-nsgen-*.conf)
  ((${#others[@]})) || rm -f /run/nsgen.boot # what those files switched on at boot
  [[ ! -d /run/systemd/system ]] || run systemctl daemon-reload
}

# A file of nothing but its head is one that an earlier version had something to say in.
boot_file() { # FILE TEXT <HEAD
  if [[ $2 ]]; then { cat && printf '%s' "$2"; } | write_file "$1" 644; else rm -f "$1"; fi
}

# Whole or not at all.
write_file() { # FILE MODE
  mkdir -p "${1%/*}"
  cat >"$1.nsgen-new"
  chmod "$2" "$1.nsgen-new"
  mv "$1.nsgen-new" "$1"
}

print_unit() {
  cat <<UNIT
# Builds the nsgen topology $NAME at boot. It runs a copy of setup.sh:
#   install -m 755 setup.sh /usr/local/sbin/nsgen-$NAME
[Unit]
Description=nsgen topology $NAME
After=systemd-modules-load.service systemd-sysctl.service network.target
# Firewalls that replace all rules when they start come before; Docker, which is to find forwarding as it will be, after.
After=nftables.service netfilter-persistent.service ufw.service firewalld.service
Before=docker.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/local/sbin/nsgen-$NAME up
ExecReload=/usr/local/sbin/nsgen-$NAME up
ExecStop=/usr/local/sbin/nsgen-$NAME down

[Install]
WantedBy=multi-user.target
UNIT
}
