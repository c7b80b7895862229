"""Try the claims of a job, and tell a verdict for each."""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from nsgen.proof.lab import forged, probe
from nsgen.proof.lab.nodes import file_of
from nsgen.proof.lab.programs import output

TOGETHER = 500  # questions at a time: each has a socket
PATIENCE = 1.3  # seconds for an answer: longer than the first repetition of a SYN, RFC 6298
MEETING = 0.5  # seconds to learn a neighbour's MAC address
LOST = ("timeout", "refused", "unreachable")
WATCHED = ("host", "internet")  # where a stray packet may have got to
Asked = list[
    tuple[int, list[Any]]
]  # by its number: who asks, whom, on which port, by which protocol


class Questions:
    """The questions of a job; `tell` gives an event to the outer half."""

    def __init__(self, job: Mapping[str, Any], tell: Callable[..., None]) -> None:
        """Take both over."""
        self.job = job
        self._tell = tell
        self.verdicts: dict[int, str] = {}

    def tell(self, event: str, **values: Any) -> None:
        """Tell the outer half, and keep verdicts."""
        if event == "verdict":
            self.verdicts[values["index"]] = values["verdict"]
        self._tell(event, **values)

    @property
    def lost(self) -> list[int]:
        """The claims that are to be answered, and were not."""
        every = enumerate(self.job["questions"])
        wanted = [
            index
            for index, (*_, protocol, answered) in every
            if answered and protocol not in forged.KINDS
        ]
        return [index for index in wanted if self.verdicts.get(index) in LOST]

    def again(self, some: Sequence[int]) -> dict[int, str]:
        """Ask some once more, of which nobody is told; give their verdicts."""
        known, tell = self.verdicts, self._tell
        self.verdicts, self._tell = {}, lambda *_, **__: None
        try:
            self._ask_some([(index, self.job["questions"][index]) for index in some[:TOGETHER]])
            return {index: self.verdicts.get(index, "") for index in some}
        finally:
            self.verdicts, self._tell = known, tell

    def ask(self) -> None:
        """Try every claim; those that wait for an answer wait together."""
        questions = list(enumerate(self.job["questions"]))
        if not knows_sctp():
            questions = self._without_sctp(questions)
        self._send_strays([(i, q) for i, q in questions if q[3] in forged.KINDS])
        alone = self.job["alone"]
        honest = [(i, q) for i, q in questions if q[3] not in forged.KINDS]
        together = [(i, q) for i, q in honest if i not in alone]
        for start in range(0, len(together), TOGETHER):
            self._ask_some(together[start : start + TOGETHER])
        for index, question in honest:
            if index in alone:
                self._ask_some([(index, question)])

    def _without_sctp(self, questions: Asked) -> Asked:
        left = [index for index, question in questions if question[3] == "sctp"]
        for index in left:
            self.tell("verdict", index=index, verdict="skipped")
        if left:
            text = f"{len(left)} claims about sctp were not tried: this kernel has none"
            self.tell("note", text=text)
        return [(index, question) for index, question in questions if index not in left]

    def _ask_some(self, questions: Asked, *, again: bool = True) -> None:
        """Ask; who took it and said nothing is asked `again`: a proxy is slow where hundreds ask at once."""
        asked, wanted = [], []
        for index, (asker, to, port, protocol, answered) in questions:
            try:
                one = probe.Probe(f"{asker} {to} {port or '-'} {protocol}")
            except FileNotFoundError:
                self.tell("verdict", index=index, verdict=f"there is no {asker}")
                continue
            except OSError as error:
                self.tell("verdict", index=index, verdict=f"cannot ask: {error.strerror}")
                continue
            asked.append((index, one))
            wanted += [one] if answered else []
        probe.run([one for _, one in asked], PATIENCE, wanted)
        silent = {index for index, one in asked if one.verdict == "timeout" and one.connected}
        late = [(i, q) for i, q in questions if i in silent and q[4]] if again else []
        for index, one in asked:
            if index not in dict(late):
                verdict = "ok ? -" if index in silent else one.verdict
                self.tell("verdict", index=index, verdict=verdict)
        if late:
            self._ask_some(late, again=False)

    def _send_strays(self, questions: Asked) -> None:
        """Send what no honest kernel would send, all at once."""
        macs = self._macs({(q[0], *self._stray(i)[:2]) for i, q in questions})
        found = []
        for index, (asker, to, port, kind, _) in questions:
            device, neighbour, source, target = self._stray(index)
            mac = macs.get((asker, device, neighbour))
            if mac:
                mac_bytes = bytes.fromhex(mac.replace(":", ""))
                sent = forged.Forged(asker, device, mac_bytes, kind, source, to, port, target)
                found.append((index, sent))
            else:
                self.tell("verdict", index=index, verdict="unreachable")
        verdicts = forged.send([sent for _, sent in found], (*WATCHED, *self.job["targets"]))
        for (index, sent), verdict in zip(found, verdicts, strict=True):
            if sent.kind == "advertised":
                learnt = output(["ip", "-6", "route", "show", "default", "via", sent.source])
                verdict = f"ok host {sent.source}" if learnt else "timeout"  # noqa: PLW2901
            self.tell("verdict", index=index, verdict=verdict)

    def _stray(self, index: int) -> tuple[str, str, str, str]:
        one = self.job["strays"][str(index)]
        target = one["target"] if one["target"] != "host" else ""
        return one["device"], one["neighbour"], one["source"], target

    @staticmethod
    def _macs(places: set[tuple[str, str, str]]) -> dict[tuple[str, str, str], str]:
        """The MAC addresses of neighbours, by node, device and address; pinged first, all at once."""
        probes = []
        for node, _, address in sorted(places):
            with contextlib.suppress(OSError):
                probes.append(probe.Probe(f"{node} {address} - ping"))
        probe.run(probes, MEETING)
        found = {}
        for node, device, address in places:
            enter = ["nsenter", f"--net={file_of(node)}"]
            shown = output([*enter, "ip", "-j", "neigh", "show", address, "dev", device])
            with contextlib.suppress(ValueError, IndexError, KeyError):
                found[node, device, address] = str(json.loads(shown)[0]["lladdr"])
        return found


def knows_sctp() -> bool:
    """Whether this kernel has SCTP."""
    try:
        socket.socket(socket.AF_INET, socket.SOCK_STREAM, probe.IPPROTO_SCTP).close()
    except OSError:
        return False
    return True
