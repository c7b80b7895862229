# ---- after a reboot ----

drop_in() { TEXT[$1]=$(</dev/stdin); } # PATH <TEXT: for another unit of systemd

install() { boot_files; say "installed; it is built at every boot, and now by: systemctl start nsgen-$NAME.service"; }

uninstall() {
  down
  boot_files
  compgen -G '/etc/sysctl.d/99-nsgen-*.conf' >/dev/null || rm -f /run/nsgen.boot # what those files switched on at boot
}

boot_files() {
  local file unit=nsgen-$NAME.service folder=/etc/systemd/system whose="of the nsgen topology $NAME, for every boot"
  local wants=$folder/multi-user.target.wants/$unit
  TEXT[/usr/local/sbin/nsgen-$NAME]=$(print_self)
  TEXT[/etc/sysctl.d/99-nsgen-$NAME.conf]=${TEXT["host sysctl"]:+"# Kernel parameters $whose, sysctl.d(5); $unit sets them too."$'\n'${TEXT["host sysctl"]}}
  TEXT[/etc/modules-load.d/nsgen-$NAME.conf]=${TEXT["host module"]:+"# Kernel modules $whose, modules-load.d(5)."$'\n'${TEXT["host module"]}}
  TEXT[$folder/$unit]="# Builds the nsgen topology $NAME at boot, by setup.sh, which is to be /usr/local/sbin/nsgen-$NAME, with mode 755.
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
  for file in "${!TEXT[@]}" "$folder"/*.d/nsgen-"$NAME".conf; do [[ $file != /* ]] || boot_file "$file"; done
  if [[ $ACTION == install ]]; then # as `systemctl enable` does it, and where systemd is not running, too
    mkdir -p "${wants%/*}"
    ln -sfn "$folder/$unit" "$wants"
  else rm -f "$wants"; fi
  [[ -d /run/systemd/system ]] || return 0
  run systemctl daemon-reload
  [[ $ACTION == install ]] || ! systemctl is-active --quiet "$unit" || run systemctl stop "$unit" # its ExecStop is gone
}

# Whole or not at all. Where there is nothing to say in it, and after `uninstall`, there is none.
boot_file() { # FILE
  local mode=644 text=${TEXT[$1]:-}
  [[ $1 != /usr/* ]] || mode=755
  if [[ $text && $ACTION == install ]]; then
    printf '%s\n' "${text%$'\n'}" | command install -D -m "$mode" /dev/stdin "$1.nsgen-new"
    mv "$1.nsgen-new" "$1"
  else
    rm -f "$1" "$1.nsgen-new"
    [[ $1 != *.service.d/* || ! -d ${1%/*} ]] || rmdir --ignore-fail-on-non-empty "${1%/*}"
  fi
}
