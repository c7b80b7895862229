#!/usr/bin/env bats
# What a topology spells otherwise than the kernel prints it, or asks for beside what the script would set by itself: it
# comes up, `check` finds it as it should be, and a second `up` has nothing to do.

bats_require_minimum_version 1.5.0
load lab/lab

setup() {
  lab_start
}

teardown() {
  lab_stop
}

steady() { # TOPOLOGY
  up "$1"
  script check --strict || fail "check finds something right after up"
  script up 2>&1 | grep -F 'nothing to do' || fail "the second up does something"
}

# `check` tells what has been damaged, and `up` puts it right.
told() { # TEXT...
  local text said
  said=$(script check || true)
  for text in "$@"; do [[ $said == *"$text"* ]] || fail "check does not tell '$text': $said"; done
  script up
  script check || fail "up does not put it right"
}

@test "spelled: what is written in other words than the kernel's stays as it is, and is watched" {
  local before
  before=$(snapshot)
  steady tests/topologies/spelled.yaml
  on host ip route del default metric 5000
  on host ip -6 route del default dev lab0 metric 5000
  on host ip rule del priority 1000
  on b ip -6 rule del priority 1002
  on b iptables -t nat -F NSGEN-spelled-SNAT
  on a ip -6 route del default metric 2000
  told 'host: missing: route default via 10.2.0.2' 'host: missing: route default dev lab0' 'host: missing: rule priority 1000' \
    'b: missing: rule -6 priority 1002' 'b: missing: iptables' 'a: missing: route default dev eth0'
  script down
  expect_snapshot "$before"
}

@test "ipv6-wanted: a route and a parameter are enough for IPv6, and what the author sets stands" {
  local before
  before=$(snapshot)
  steady tests/topologies/ipv6-wanted.yaml
  for device in e0 e1 e2 e4; do [[ $(on a ip -6 -o address show dev "$device" scope link) ]] || fail "$device has no link-local address"; done
  [[ $(on host ip -6 -o address show dev lab0 scope link) && ! $(on host ip -6 -o address show dev lab2) ]]
  [[ ! $(on a ip -6 -o address show dev veth-a) ]] || fail "veth-a has an IPv6 address, and nobody asks for one"
  on host sysctl -q -w net.ipv6.conf.lab1.disable_ipv6=1
  on a sysctl -q -w net.ipv4.ip_forward=0
  told 'net.ipv6.conf.lab1.disable_ipv6 is 1, not 0' 'net.ipv4.ip_forward is 0, not 1'
  script down
  expect_snapshot "$before"
}

# Every parameter that the table has ranges for, in a namespace. Some pairs hang together: one of the two is left out.
with_parameters() { # 0|-1: the first or the last value of each range
  "$LAB_PYTHON" -B - "$1" <<'PYTHON'
import json, sys
from nsgen.language.parameter_table import TABLE
end = int(sys.argv[1])
tied = {"disable_ipv6", "forwarding", "ip_forward", "accept_redirects", "tcp_max_reordering", "base_reachable_time",
        "retrans_time", "unres_qlen_bytes", "gc_min_interval", "nf_hooks_lwtunnel", "mtu"}
own = {"ip_local_port_range": ("1024 65535", "2000 3001"), "ip_unprivileged_port_start": ("0", "1024"),
       "tcp_reordering": ("1", "300")}
words = {"seconds": ("0", "2147483"), "ms": ("20", "2147483000"), "ticks": ("2", "2147482"), "ranges": ("1,2,3", "0-3,7")}
sysctls = {}
for folder, kinds in TABLE.items():
    for kind, names in kinds.items():
        count, _, span = kind.rpartition(" of ")
        if kind in words:
            both = words[kind]
        elif ".." in span and "machine" not in kind and folder != "bridge":
            both = [" ".join([limit] * int(count or 1)) for limit in span.split("..")]
        else:
            continue
        for name in names.split():
            if name in tied or name.endswith("_thresh") and "frag" in name:
                continue
            device = "eth0/" if folder.endswith(("conf", "neigh")) else ""
            sysctls[f"net/{folder}/{device}{name}"] = own.get(name, both)[end]
link = {"endpoints": {"a:eth0": ["10.0.0.1/24", "fd00::1/64"], "b:eth0": ["10.0.0.2/24", "fd00::2/64"]}}
print(json.dumps({"name": "parameters", "links": [link], "namespaces": {"b": {}, "a": {"sysctls": sysctls}}}))
PYTHON
}

# Those of the table that this kernel has: it may be older than the table, or lack a module.
this_kernels() {
  "$LAB_PYTHON" -c '
import json, os, sys
topology = json.load(sys.stdin)
own = topology["namespaces"]["a"]["sysctls"]
for key in list(own):
    if not os.path.exists("/proc/sys/" + key.replace("/eth0/", "/lo/")):
        del own[key]
assert len(own) > 100
print(json.dumps(topology))'
}

@test "parameters: every one of the table takes the least of its range, and shows it again" {
  with_parameters 0 | this_kernels >"$BATS_TEST_TMPDIR/parameters.yaml"
  steady "$BATS_TEST_TMPDIR/parameters.yaml"
}

@test "parameters: every one of the table takes the most of its range, and shows it again" {
  with_parameters -1 | this_kernels >"$BATS_TEST_TMPDIR/parameters.yaml"
  steady "$BATS_TEST_TMPDIR/parameters.yaml"
}
