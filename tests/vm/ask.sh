#!/usr/bin/env bash
# ask.sh ADDRESS PORT: the first line of what a web server answers.
exec 3<>"/dev/tcp/$1/$2" || exit
printf 'GET / HTTP/1.0\r\n\r\n' >&3
read -r status <&3 && printf '%s\n' "$status"
