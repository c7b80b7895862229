# ---- what there is ----

status() {
  local protocol ports address entry
  [[ -e $STATE/up ]] || { printf '%s is not up\n' "$NAME" && exit 1; }
  DRIFT=$(differences)
  printf '%s: up since %s: %s\n' "$NAME" "$(since "$STATE/up")" "$WHAT"
  [[ ! -d $STATE.try ]] || printf 'on trial\n'
  for entry in $PORTS; do
    IFS=/ read -r protocol ports address <<<"$entry"
    printf 'published: %s/%s\n' "${address:+$address:}$ports" "$protocol"
  done
  each status
  if [[ ! $DRIFT ]]; then printf 'no drift\n'; else printf 'drift, as check tells it:\n%s\n' "$DRIFT"; fi
  DRIFT=$(what_counts "$DRIFT")
  [[ ! $DRIFT ]] || exit 1
}

since() { date -r "$1" '+%F %T'; } # FILE
