# ---- namespaces that somebody else made ----
# A mount of ours holds each: what is ours in it is found, whatever becomes of its name. (It is mounted on a pipe, not on a
# file: `-f` tells.)

join_namespace() { # NAME PATH <WHAT IS NOT THERE BEFORE, as ip(8) is asked
  while read -r; do add host free "$1 $2 $REPLY"; done
  add host join "$1 $2"
  JOINED[$1]=$STATE/join.$1
  [[ ! -p ${JOINED[$1]} ]] || JOINED[$1]=/dev/null # killed before the mount, and who opens a pipe waits
  [[ $ACTION != install || $2 != /proc/* ]] || PROBLEMS+=("$1 is that of a process, which has another number after a reboot: run up when it runs")
}

is_network() { nsenter --net="$1" true 2>/dev/null; }
make_free() { :; }
check_join() { is_joined "${2% *}" "${2#* }" || printf '%s: changed: it is not the namespace %s\n' "${2% *}" "${2#* }"; } # host NAME PATH
is_joined() { [[ $2 -ef ${JOINED[$1]} && $2 -ef /run/netns/$1 ]]; } # NAME PATH

survey_free() { # host NAME PATH WORDS
  local -a words
  read -ra words <<<"$2"
  [[ ! ${KEPT["host free $2"]:-} || ! ${words[1]} -ef ${JOINED[${words[0]}]} ]] || return 0
  ! read -r < <(nsenter --net="${words[1]}" ip -o "${words[@]:2}" 2>/dev/null) ||
    PROBLEMS+=("${words[0]} has this already, and it is not of this topology: $REPLY")
}

survey_join() { # host NAME PATH
  local name=${2% *} path=${2#* } line
  is_network "$path" || { PROBLEMS+=("there is no network namespace $path, which $name is to be") && return 0; }
  [[ $path == "/run/netns/$name" || /run/netns/$name -ef ${JOINED[$name]} ]] || ! is_network "/run/netns/$name" || taken netns "$name"
  for line in 'host join host /proc/self/ns/net' "${LINES[@]}"; do
    [[ $line != 'host join '* || $line == *" $2" || ! ${line##* } -ef $path ]] || PROBLEMS+=("$path, which $name is to be, is that of ${line:10}")
  done
}

prepare_joined() { # what is in one that is another now is made again
  local line name
  for line in "${LINES[@]}"; do
    if [[ $line != 'host join '* ]]; then continue; fi
    name=${line#host join } name=${name%% *}
    [[ ! -f ${JOINED[$name]} || ${line##* } -ef ${JOINED[$name]} ]] || { DRIFT+=$'\n'"$name: changed" && ANEW+="|$name *|host * netns $name *"; }
  done
}

make_join() { # host NAME PATH
  local name=${2% *} path=${2#* }
  local held=$STATE/join.$name
  JOINED[$name]=$held
  [[ ! -f $held || $path -ef $held ]] || leave "$name" "$path"
  [[ -e $held ]] || mkfifo "$held"
  [[ -f $held ]] || run mount --bind "$path" "$held"
  if is_joined "$name" "$path"; then return; fi
  rm -f "/run/netns/$name"
  run nsenter --net="$held" bash -c "exec ip netns attach $name \$\$" || die "$path cannot be called $name"
}

# For another one: that of a process that was started again, say.
leave() { # NAME PATH
  local line ACTION='' # which tells nothing
  NEW=()
  for line in "${LINES[@]}"; do [[ $line == "$1 "* || "$line " == *" netns $1 "* ]] || NEW[$line]=1; done
  undo
  let_go "$@"
  [[ ! $LEFT ]] || die "what is in the namespace that was $1 cannot be removed"
  for line in "${LINES[@]}"; do NEW[$line]=1; done
}

settle_joined() { # when nothing of ours is in it any more
  local line name
  for line in "${OLD[@]}"; do
    if [[ $line != 'host join '* ]]; then continue; fi
    line=${line#host join } name=${line%% *}
    [[ " ${!NEW[*]} " == *" host join $name "* ]] || let_go "$name" "${line#* }"
  done
}

let_go() { # NAME PATH
  local held=$STATE/join.$1
  [[ -e $held ]] || return 0
  [[ $2 == "/run/netns/$1" ]] || { is_network "/run/netns/$1" && [[ ! /run/netns/$1 -ef $held ]]; } || ip netns del "$1" 2>/dev/null || true
  [[ ! -f $held ]] || umount -l "$held" || left "$held cannot be unmounted"
  remove "$held"
}
