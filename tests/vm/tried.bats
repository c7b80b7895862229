# A machine that went down, with a topology installed, while a change of that was on trial.
bats_require_minimum_version 1.5.0
load lab

readonly INSTALLED=/usr/local/sbin/nsgen-programs

@test "what was installed is there after the boot, and what was not confirmed is not" {
  systemctl is-active nsgen-programs.service
  "$INSTALLED" check
  [[ $(ip -n blue -o address show dev veth-blue) == *' 192.168.15.3/24 '* ]]
  run -1 "$INSTALLED" confirm
  [[ $output == *'there is nothing to confirm' ]]
  "$INSTALLED" uninstall
  rm /etc/systemd/system/web.service
  nothing_left
}
