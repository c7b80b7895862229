#!/usr/bin/env bats
# A published SCTP port (rules 54).

bats_require_minimum_version 1.5.0
load lab/lab

setup_file() {
  need_sctp
  lab_start
  up tests/topologies/sctp.yaml
  serve "red * 80 sctp"
}

teardown_file() {
  lab_stop
}

@test "rules 54: sctp is published like any other protocol" {
  expect <<'TABLE'
outside  172.16.1.4    8080  sctp  ok red 172.16.1.5
host     172.16.1.4    8080  sctp  ok red
host     127.0.0.1     8080  sctp  ok red
blue     192.168.15.1  8080  sctp  ok red 192.168.15.3
red      192.168.15.1  8080  sctp  ok red
outside  172.16.1.4    8080  tcp   refused
TABLE
}
