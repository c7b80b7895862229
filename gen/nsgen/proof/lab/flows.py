"""Keep connections talking while something is done to the machine, and tell how long each was interrupted.

Standard input has a line of JSON: a list of flows, ``[FROM, TO, PORT, PROTOCOL, BY, LISTEN]``; FROM and BY are nodes,
TO an address, PROTOCOL ping, udp or tcp, and BY listens on the port LISTEN. Every 5 ms each says something, and is
answered. ``ready`` and the numbers of those that are answered are printed once they are, and at the end of standard
input what came of each of these, as JSON: ``[NUMBER, LOST, SECONDS]``; SECONDS is null where it never came back.

The one argument is for how many seconds those that do not come back are waited for.

Both ends are in this process: when it is held up, so is what it asks, and nothing is taken for lost.
"""

from __future__ import annotations

import contextlib
import json
import select
import socket
import sys
import time

from nsgen.proof.lab.flow import APART, QUIET, STALLED, Flow
from nsgen.proof.lab.nodes import destination, family_of, inside
from nsgen.proof.lab.responder import EVERYWHERE

WARMING = 1.0  # seconds in which a flow has to begin


class Talk:
    """Some connections, and who answers."""

    def __init__(self, wanted: list[list[object]], patience: float) -> None:
        """Open both ends of each."""
        self.servers: dict[int, socket.socket] = {}  # by file descriptor
        self.streams: dict[int, socket.socket] = {}
        for _, _, _, protocol, by, listen in wanted:
            if protocol != "ping":
                self._serve(str(by), int(str(listen)), str(protocol))
        self.flows: list[Flow] = []
        for number, (asker, to, port, protocol, _, _) in enumerate(wanted):
            with contextlib.suppress(OSError):
                sock = self._ask(str(asker), str(to), int(str(port)), str(protocol))
                self.flows.append(
                    Flow(number, str(asker), str(to), int(str(port)), str(protocol), sock)
                )
        self.late = 0.0
        self.patience = patience

    def _serve(self, node: str, port: int, protocol: str) -> None:
        for address in EVERYWHERE:
            family = family_of(address)
            with inside(node):
                sock = socket.socket(
                    family, socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM
                )
            if family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            if protocol == "tcp":
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                sock.bind(destination(address, port))
            except OSError:
                sock.close()  # another flow has it, or a service of the topology's own
                continue
            if protocol == "tcp":
                sock.listen(64)
            sock.settimeout(0)
            self.servers[sock.fileno()] = sock

    @staticmethod
    def _ask(node: str, to: str, port: int, protocol: str) -> socket.socket:
        family = family_of(to)
        kind, number = {
            "tcp": (socket.SOCK_STREAM, 0),
            "udp": (socket.SOCK_DGRAM, 0),
            "ping": (
                socket.SOCK_RAW,
                socket.IPPROTO_ICMPV6 if family == socket.AF_INET6 else socket.IPPROTO_ICMP,
            ),
        }[protocol]
        with inside(node):
            sock = socket.socket(family, kind, number)
            try:
                sock.settimeout(WARMING)
                sock.connect(destination(to, port))
            except OSError:
                sock.close()
                raise
        sock.settimeout(0)
        if protocol == "tcp":
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return sock

    def answer(self, number: int, kinds: dict[int, bool]) -> None:
        """Send back what was said."""
        with contextlib.suppress(OSError):
            if number in self.streams:
                self._repeat(self.streams[number])
            elif kinds[number]:
                sock, _ = self.servers[number].accept()
                sock.settimeout(0)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self.streams[sock.fileno()] = sock
            else:
                while True:
                    data, peer = self.servers[number].recvfrom(64)
                    self.servers[number].sendto(data, peer)

    def _repeat(self, sock: socket.socket) -> None:
        data = sock.recv(4096)
        if data:
            sock.send(data)
        else:
            del self.streams[sock.fileno()]
            sock.close()

    def run(self) -> None:
        """Talk until standard input ends, and all is well again."""
        by_number = {flow.sock.fileno(): flow for flow in self.flows}
        streaming = {n: s.type == socket.SOCK_STREAM for n, s in self.servers.items()}
        now = began = tick = time.monotonic()
        told, ended, until = False, False, 0.0
        while not ended or not self._well(now, until):
            now = time.monotonic()
            if now >= tick:
                if told:
                    self.late = max(self.late, now - tick)
                for flow in self.flows:
                    flow.say(now)
                tick = max(tick + APART, now)
            watched = [*by_number, *self.servers, *self.streams, *([] if ended else [0])]
            ready = _ready(watched, max(0.0, tick - time.monotonic()))
            for number in ready:
                if number in by_number:
                    by_number[number].hear(time.monotonic())
                    if by_number[number].broken:
                        del by_number[number]
                elif number == 0 and not ended:
                    ended, until = not sys.stdin.readline(), time.monotonic()
                else:
                    self.answer(number, streaming)
            if not told and (now - began > WARMING or all(flow.back for flow in self.flows)):
                told = True
                self._begin(by_number)

    def _begin(self, by_number: dict[int, Flow]) -> None:
        """Leave out those that are not answered: somebody else is, there."""
        self.flows = [flow for flow in self.flows if flow.back and not flow.broken]
        for number in [number for number, flow in by_number.items() if flow not in self.flows]:
            del by_number[number]
        for flow in self.flows:  # what it took to learn a neighbour's address is of no interest
            first = min(flow.back)
            flow.back |= dict.fromkeys(range(first), flow.back[first])
        sys.stdout.write(f"ready {json.dumps([flow.number for flow in self.flows])}\n")
        sys.stdout.flush()

    def _well(self, now: float, until: float) -> bool:
        """Whether it can end: all that are not broken have been well for a while, or have had their time."""
        if now - until < QUIET:
            return False
        waiting = [f for f in self.flows if not (f.broken or f.over) and now - f.heard > QUIET]
        for flow in waiting:
            flow.over = not flow.has_source()
        return all(flow.over for flow in waiting) or now - until > self.patience

    def told(self) -> list[tuple[int, int, float | None]]:
        """What came of each."""
        found = []
        for flow in self.flows:
            lost, seconds = flow.outage()
            if flow.protocol == "tcp" and seconds is not None and seconds <= STALLED + self.late:
                lost, seconds = 0, 0.0
            found.append((flow.number, lost, seconds))
        return found


def _ready(numbers: list[int], timeout: float) -> list[int]:
    poll = select.poll()
    for number in numbers:
        poll.register(number, select.POLLIN)
    return [number for number, _ in poll.poll(timeout * 1000)]


def main() -> None:
    """Talk."""
    talk = Talk(json.loads(sys.stdin.readline()), float(sys.argv[1]))
    talk.run()
    sys.stdout.write(json.dumps(talk.told()) + "\n")


if __name__ == "__main__":
    main()
