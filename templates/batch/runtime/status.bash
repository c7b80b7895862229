# ---- what there is ----

status() {
  local drift since node kind name file pid text port
  [[ -e $STATE/up ]] || { printf '%s is not up\n' "$NAME" && exit 1; }
  drift=$(differences)
  since=$(date -r "$STATE/up" '+%F %T')
  printf '%s: up since %s: %s\n' "$NAME" "$since" "$WHAT"
  [[ ! -d $STATE.try ]] || printf 'on trial\n'
  for port in $PORTS; do
    IFS=/ read -r kind name text <<<"$port"
    printf 'published: %s/%s\n' "${text:+$text:}$name" "$kind"
  done
  while read -r node kind name _; do
    if [[ $kind != service ]]; then continue; fi
    text='does not run' file=$STATE/$node.$name.main
    [[ -s $file ]] || file=$STATE/$node.$name.pid
    if is_running "$node.$name" "$node"; then
      read -r pid _ <"$file"
      since=$(date -r "$file" '+%F %T')
      text="process $pid, since $since"
      if [[ $'\n'$drift =~ $'\n'"$node: missing: service $name is "(not ready: [^$'\n']*) ]]; then text+=", ${BASH_REMATCH[1]}"
      elif [[ $'\n'$ALL == *$'\n'"$node ready $name "* ]]; then text+=', ready'; fi
    fi
    printf 'service %s.%s: %s\n' "$node" "$name" "$text"
  done <<<"$ALL"
  if [[ ! $drift ]]; then printf 'no drift\n'; else printf 'drift, as check tells it:\n%s\n' "${drift#$'\n'}"; fi
  drift=$(what_counts "$drift")
  [[ ! $drift ]] || exit 1
}
