"""Machines of the tests' own, on which scripts and topologies are built, and what is read of them."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections import Counter
from pathlib import Path

from nsgen.capturing.elements import elements
from nsgen.proof.state import State
from sandboxed import unshare

HERE = Path(__file__).resolve().parent
SCRIPTS = HERE / "scripts"
SECONDS = 300
# A machine with an uplink, 172.16.1.4 on eth0, in namespaces of its own: a script runs there, and what it has built is
# read into a file. The first one is read before that, too: it is what all begin with.
MACHINE = r"""
set -e
python=$1 script=$2 file=$3 live=$4
mount -t tmpfs tmpfs /run
mkdir -p /run/netns /run/nodes /run/upper/netns /run/work
mount -t overlay overlay -o lowerdir=/etc,upperdir=/run/upper,workdir=/run/work /etc
touch /run/nodes/host /run/nodes/lan
mount --bind /proc/self/ns/net /run/nodes/host
unshare --net=/run/nodes/lan true
ip link set lo up
ip link add eth0 type veth peer name lan netns /run/nodes/lan
nsenter --net=/run/nodes/lan ip link set lan up
ip link set eth0 up
ip address add 172.16.1.4/24 dev eth0
ip route add default via 172.16.1.1
iptables -A INPUT -s 198.51.100.9/32 -j DROP # somebody else's
export NSGEN_NODES=/run/nodes
settle() { "$python" -c 'from nsgen.proof.lab.still import settle; settle()'; }
before=${file%/*}/before
[ -e "$before" ] || { settle; "$python" -m nsgen.proof.lab.state --empty >"$before"; }
bash -e "$script" >&2
settle
"$python" -m nsgen.proof.lab.state --empty >"$file"
[ -z "$live" ] || {
  "$python" -m nsgen capture --live $live >"$file.live" 2>"$file.notes" || echo "$?" >"$file.status"
  "$python" -m nsgen.proof.lab.state --empty >"$file.after"
}
"""


def built(folder: Path, scripts: list[Path], *, live: str = "") -> dict[str, Path]:
    """Run each script on a machine of its own, all in one sandbox; give the file of what was read, by its name.

    `live`: options with which `nsgen capture --live` is run there.
    """
    machine = folder / "machine.sh"
    machine.write_text(MACHINE)
    places = {script.stem: folder / f"{script.stem}.json" for script in scripts}
    own = ["unshare", "--net", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child", "bash"]
    lines = ["set -e"]
    for script in scripts:
        words = [*own, str(machine), sys.executable, str(script), str(places[script.stem]), live]
        lines.append(f"{shlex.join(words)} </dev/null")
    done = subprocess.run(
        [*unshare(), "bash", "-c", "\n".join(lines)],
        capture_output=True, text=True, timeout=SECONDS, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return places


def loaded(place: Path) -> tuple[State, State]:
    """Give what was read of a machine, and what was read before the script ran."""
    before = place.parent / "before"
    return State.load(place.read_text()), State.load(before.read_text())


def built_topology(topology: Path) -> State:
    """Build a topology by the script of nsgen's on a machine of its own, and read that."""
    reader = [sys.executable, "-m", "nsgen.proof.lab.state", "--empty"]
    done = subprocess.run(
        [sys.executable, "-m", "nsgen", "run", str(topology), "--", *reader],
        capture_output=True, text=True, timeout=SECONDS, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return State.load(done.stdout)


def facts(state: State, baseline: State) -> Counter[str]:
    """The elements of a state, without what differs between two machines that are alike: see :func:`plain`."""
    return Counter(
        plain(str(one)) for one in elements(state, baseline) if " alias " not in one.text
    )


def plain(text: str) -> str:
    """An element without the name of the topology, and without an address that the kernel has drawn."""
    drawn = re.sub(r"fe80::[0-9a-f:]+", "fe80::", text)
    return re.sub(r"NSGEN-[a-z0-9-]+-|nsgen:[a-z0-9-]+|/run/nsgen/\S+", "NSGEN-", drawn)
