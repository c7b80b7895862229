"""A script that somebody wrote by hand, as a topology: run where it can touch nothing, read, and tried again."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from nsgen.capturing.accepted import Judgement, judged
from nsgen.capturing.elements import Element
from nsgen.capturing.faults import CaptureRequest, failures, notes, nothing, short
from nsgen.capturing.marks import MarkError, marked
from nsgen.capturing.spoken import spoken
from nsgen.capturing.topology import Captured, capture
from nsgen.capturing.traced import BY_EXEC, SAID, UNSAID, CommandOutcome, ScriptTrace
from nsgen.comparing import compare
from nsgen.language.yaml.excerpt import printable
from nsgen.plan.make import make_plan
from nsgen.proof.captured import Run, asked, capturing, run_script
from nsgen.proof.lab.commands import ip_words
from nsgen.proof.observe import BuildSource, UnbuiltError, no_topology, observe
from nsgen.proof.state import State
from nsgen.script import targets
from nsgen.values import HOST
from nsgen.words import count

UPLINK = "eth0"  # where a script names no card
DROPPED = "-t filter -P FORWARD DROP"
OWN_ADDRESS = re.compile(r"fe80::[0-9a-f:]+/64 dev ")
NO_SCRIPTS = (
    (re.compile(r"(GNUm|[Mm])akefile|.*\.mk"), "it is for make(1): capture a script with the line 'make TARGET'"),
    (re.compile(r".*\.(service|target|timer)"), "it is for systemd: capture a script with its ExecStart"),
)  # fmt: skip
UNWRITTEN = "not said: where there is IPv4 alone, nsgen leaves IPv6 off"


@dataclass
class ScriptCapture:
    """What came of it. With an error it is not accepted."""

    asked: CaptureRequest
    source: BuildSource
    run: Run
    captured: Captured | None = None
    verdict: Judgement | None = None
    errors: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    outcomes: list[CommandOutcome] = field(default_factory=list)
    places: dict[Element, str] = field(default_factory=dict)

    @property
    def accepted(self) -> bool:
        """Whether the topology is what the script builds."""
        return not self.errors and self.verdict is not None and self.verdict.accepted

    def lines(self) -> Iterator[str]:
        """The elements that are not said in the language, the commands, and what was decided, a line each."""
        if self.captured is None:
            return
        account = self.captured.notes
        for element, how in account.by_exec.items():
            yield self._at(element, f"by exec: {element}: {how}")
        own = [element for element in account.unsaid if OWN_ADDRESS.match(element.text)]
        if own:
            yield f"note: IPv6 link-local addresses of the kernel's own are {UNWRITTEN}"
        for element, reason in account.unsaid.items():
            if element not in own:
                yield self._at(element, f"not said: {element}: {reason}")
        told = set(self.places.values())
        yield from dict.fromkeys(
            f"{one.place}: not said: {printable(short(one.command))}: {one.reason}"
            for one in self.outcomes
            if one.list == UNSAID and one.place not in told
        )
        yield from (f"note: {printable(text)}" for text in (*account.told, *self.notes))
        if self.verdict is not None:
            yield from (f"note: closed by nsgen: {line}" for line in self.verdict.closed)
            yield from (f"note: not taken by nsgen: {line}" for line in self.verdict.passed)
            yield from (f"note: {printable(line)}" for line in self.verdict.remarks)

    def _at(self, element: Element, text: str) -> str:
        place = self.places.get(element, "")
        return f"{place or self.asked.name}: {printable(text)}"

    def summary(self) -> str:
        """How much is in each of the lists."""
        told = {
            name: sum(one.list == name for one in self.outcomes) for name in (SAID, BY_EXEC, UNSAID)
        }
        commands = f"{count(len(self.outcomes), 'command')} that changed the network"
        of_commands = (
            f"of {commands}, {told[SAID]} said, {told[BY_EXEC]} by exec, {told[UNSAID]} not said"
        )
        account = self.captured.notes.summary() if self.captured else ""
        return f"{of_commands}; {account}"


def capture_script(
    asking: CaptureRequest, progress: Callable[[str], None] = lambda _: None
) -> ScriptCapture:
    """Run a script, write what it has built as a topology, and hold that against it, if nothing is wrong by then.

    Raises MarkError, and VerifyError where nothing can be run here.
    """
    found = built(asking, progress)
    if not found.errors:
        progress("building what was captured, and asking both")
        held_against(found)
    return found


def built(
    asking: CaptureRequest, progress: Callable[[str], None] = lambda _: None
) -> ScriptCapture:
    """Run a script, and write what it has built as a topology. Raises as :func:`capture_script`."""
    why = next(
        (why for pattern, why in NO_SCRIPTS if pattern.fullmatch(Path(asking.path).name)), ""
    )
    if why:
        raise MarkError(why)
    text, line = marked(asking.text, asking.at)
    source = _source(asking, text)
    run = run_script(source, progress)
    found = ScriptCapture(asking, source, run)
    found.errors += failures(asking, run, line)
    found.notes += notes(asking, run)
    state, baseline = _in_order(State.load(run.state), run), State.load(run.baseline)
    name = asking.topology or re.sub(r"\.\w+$", "", asking.name.rpartition("/")[2])
    captured = capture(state, baseline, name)
    if not captured.notes.elements:
        found.errors = [nothing(asking, run)]
        return found
    found.captured = captured
    _trace(found, captured, state)
    found.errors += [f"namespace {node!r}: {why}" for node, why in state.unreadable.items()]
    found.errors += [
        f"the topology: {finding.text}"
        for finding in captured.compiled.findings()
        if finding.severity == "error"
    ]
    return found


def held_against(found: ScriptCapture) -> None:
    """Have the topology build a machine, as the script does, and tell them apart."""
    captured = found.captured
    if captured is None or captured.compiled.topology is None:
        return
    # A policy is the host's, and left out: the topology is tried where it is the same.
    drops = any(one.text == DROPPED and one.node == HOST for one in captured.notes.unsaid)
    if drops:
        found.notes.append("the topology was tried on a host with the policy DROP for FORWARD")
    topology = captured.compiled.topology
    first, second = (
        asked(found.source, found.run),
        BuildSource(
            "the topology",
            targets.script(make_plan(topology)),
            topology,
            found.source.cards,
            found.source.asked,
            ("drop",) if drops else (),
        ),
    )
    try:
        a, b = observe([first, second], patience=found.asked.timeout)
    except UnbuiltError as error:
        found.errors.append("\n".join(map(printable, str(error).splitlines())))
    else:
        found.verdict = judged(compare(a, b), topology.name)


def _in_order(state: State, run: Run) -> State:
    """The state with its namespaces in the order in which the script has made them."""
    made: dict[str, int] = {}
    for number, command in enumerate(run.commands):
        words = ip_words(command.argv)[1] if command.argv[0] == "ip" else []
        if words[:1] == ["netns"] and words[1:2] in (["add"], ["a"], ["attach"]):
            made.setdefault(words[2] if len(words) > 2 else "", number)
    last = len(run.commands)
    called = {name: state.renamed.get(name, name) for name in state.nodes}
    names = sorted(called, key=lambda name: -1 if name == HOST else made.get(called[name], last))
    return replace(state, nodes={name: state.nodes[name] for name in names})


def _source(asking: CaptureRequest, text: str) -> BuildSource:
    known = spoken(asking.text)
    source = BuildSource(asking.name, text, no_topology(), known.cards or (UPLINK,), known.public)
    return capturing(
        source,
        asking.path,
        asking.arguments,
        cwd=asking.cwd,
        timeout=asking.timeout,
        names=known.names,
        answers=asking.answers,
    )


def _trace(found: ScriptCapture, captured: Captured, state: State) -> None:
    """Find out where each element is from, and what became of each command."""
    asking = found.asked
    origins = ScriptTrace(found.run, asking.name, asking.path, asking.text, state.renamed)
    account = captured.notes
    found.places = {element: origins.of(element) for element in account.elements}
    alive = {name for name in state.nodes if name != HOST} | set(state.renamed.values())
    alive |= {link.name for node in state.nodes.values() for link in node.links}
    found.outcomes = list(origins.outcomes(account.by_exec, account.unsaid, alive))
