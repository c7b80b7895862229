"""`nsgen capture --live`, on machines of the tests' own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from buildings import SCRIPTS, built, facts, loaded
from click.testing import CliRunner

from nsgen.cli.capture import capture
from nsgen.proof.state import State

# What other programs have on the machine besides: Docker's bridge, a container without a name, rules.
pytestmark = pytest.mark.xdist_group("live")  # which are built once
OTHERS = """
ip link add docker0 type bridge; ip addr add 172.17.0.1/16 dev docker0; ip link set docker0 up
unshare --net sleep 1000 & container=$!
until [ "$(readlink /proc/$container/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.05; done
ip link add veth12ab type veth peer name eth0 netns $container
ip link set veth12ab master docker0 up
iptables -t nat -A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE
"""
# Two namespaces may have one address; a topology may not.
TWICE = """
ip link add sw0 type bridge; ip addr add 10.8.0.1/24 dev sw0; ip link set sw0 up
for n in red blue; do
  ip netns add $n; ip link add p-$n type veth peer name eth0 netns $n
  ip link set p-$n master sw0 up; ip -n $n addr add 10.8.0.2/24 dev eth0; ip -n $n link set eth0 up
done
"""


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """What was read of the machines, and what the command said there."""
    folder = tmp_path_factory.mktemp("live")
    scripts = {
        "busy": OTHERS + (SCRIPTS / "bridge.sh").read_text(),
        "twice": TWICE,
        "idle": "",
    }
    for name, text in scripts.items():
        (folder / f"{name}.sh").write_text(text)
    return built(folder, [folder / f"{name}.sh" for name in scripts], live="--name here")


def said(place: Path) -> tuple[str, str, int]:
    """What the command printed, what it told, and its exit status."""
    status = Path(f"{place}.status")
    number = int(status.read_text()) if status.exists() else 0
    return Path(f"{place}.live").read_text(), Path(f"{place}.notes").read_text(), number


def test_what_is_taken(places: dict[str, Path]) -> None:
    """Namespaces and their bridge are the topology, and the host's rules about them; what others have made is not."""
    text, _, status = said(places["busy"])
    assert status == 0
    own = (SCRIPTS.parent / "wanted/bridge.yaml").read_text().split("# ")[0]
    assert text.split("\n", 1)[1] == own.replace("name: bridge", "name: here")


UNNAMED = "its other end is in a namespace without a name: a container's, say"
LEFT = (
    "docker0 (172.17.0.1/16) is left alone: it is Docker's",
    f"veth12ab is left alone: {UNNAMED}",
    f"eth0 (172.16.1.4/24) is left alone: {UNNAMED}",
    "'-A INPUT -s 198.51.100.9/32 -j DROP' of iptables is another program's: not taken",
    "'-A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE' of iptables is another program's: not taken",
    "'default via 172.16.1.1 dev eth0' is a route by what is left alone: not taken",
)


@pytest.mark.parametrize("line", LEFT)
def test_what_is_left_alone_is_told(places: dict[str, Path], line: str) -> None:
    """Cards, containers and the rules of other programs each have a line."""
    assert f"note: host: {line}" in said(places["busy"])[1].splitlines()


def test_nothing_is_changed(places: dict[str, Path]) -> None:
    """The machine is as it was before the command ran."""
    for place in places.values():
        state, before = loaded(place)
        after = State.load(Path(f"{place}.after").read_text())
        assert facts(after, before) == facts(state, before)


def test_errors(places: dict[str, Path]) -> None:
    """What no topology can be is an error of the topology, and nothing is written."""
    text, notes, status = said(places["twice"])
    assert (text, status) == ("", 1)
    assert "10.8.0.2 is taken" in notes
    assert notes.endswith("nothing is written: correct these errors, or --force\n")


def test_nothing_there(places: dict[str, Path]) -> None:
    """A machine without namespaces is told to be one."""
    text, notes, status = said(places["idle"])
    assert (text, status) == ("", 1)
    assert "there is no namespace with a name here" in notes.splitlines()[-1]


def test_without_root(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who is not root is told so, once."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    done = CliRunner().invoke(capture, ["--live"])
    assert done.exit_code == 1
    assert done.stderr == (
        "nsgen: error: the namespaces of this machine are entered as root: run it with sudo\n"
    )


@pytest.mark.parametrize("words", [[], ["--live", "x.sh"], ["--live", "--", "x"]])
def test_wrong_usage(words: list[str]) -> None:
    """Neither nothing nor both is asked for."""
    assert CliRunner().invoke(capture, words).exit_code == 2
