# ---- after a reboot ----

install() { boot_files; say "installed; it is built at every boot, and now by: systemctl start nsgen-$NAME.service"; }

uninstall() {
  down
  boot_files
  compgen -G '/etc/sysctl.d/99-nsgen-*.conf' >/dev/null || rm -f /run/nsgen.boot # what those files switched on at boot
}

boot_files() {
  local self file wants unit=nsgen-$NAME.service folder=/etc/systemd/system
  self=$(print_self) wants=$folder/multi-user.target.wants/$unit
  boot_file "/usr/local/sbin/nsgen-$NAME" 755 "$self"
  boot_file "/etc/sysctl.d/99-nsgen-$NAME.conf" 644 "${TEXT["host sysctl"]:-}" \
    "# Kernel parameters of the nsgen topology $NAME, for every boot, sysctl.d(5); $unit sets them too."
  boot_file "/etc/modules-load.d/nsgen-$NAME.conf" 644 "${TEXT["host module"]:-}" \
    "# Kernel modules of the nsgen topology $NAME, for every boot, modules-load.d(5)."
  boot_file "$folder/$unit" 644 "# Builds the nsgen topology $NAME at boot, by setup.sh, which is to be /usr/local/sbin/nsgen-$NAME, with mode 755.
[Unit]
Description=nsgen topology $NAME
# Firewalls that replace all rules when they start come before; Docker, which is to find forwarding as it will be, after.
After=network.target nftables.service netfilter-persistent.service ufw.service firewalld.service
Before=docker.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/local/sbin/nsgen-$NAME up
ExecReload=/usr/local/sbin/nsgen-$NAME up
ExecStop=/usr/local/sbin/nsgen-$NAME down

[Install]
WantedBy=multi-user.target"
  if [[ $ACTION == install ]]; then # as `systemctl enable` does it, and where systemd is not running, too
    each install
    mkdir -p "${wants%/*}"
    ln -sfn "$folder/$unit" "$wants"
  else
    rm -f "$wants"
  fi
  for file in "$folder"/*.d/nsgen-"$NAME".conf; do [[ $ACTION == install && ${TEXT[$file]:-} ]] || { rm "$file" && rmdir --ignore-fail-on-non-empty "${file%/*}"; }; done
  [[ -d /run/systemd/system ]] || return 0
  run systemctl daemon-reload
  [[ $ACTION == install ]] || ! systemctl is-active --quiet "$unit" || run systemctl stop "$unit" # its ExecStop is gone
}

# Whole or not at all. Where there is nothing to say in it, and after `uninstall`, there is none.
boot_file() { # FILE MODE TEXT [HEAD]
  if [[ ! $3 || $ACTION != install ]]; then rm -f "$1" "$1.nsgen-new"; return; fi
  printf '%s\n' "${@:4}" "${3%$'\n'}" | command install -D -m "$2" /dev/stdin "$1.nsgen-new"
  mv "$1.nsgen-new" "$1"
}
