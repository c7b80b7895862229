"""From the plan to files: what each template is given, and how its values are quoted."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Any, Literal, NamedTuple

import jinja2

from nsgen.ops import HOST, LoadModule, SetSysctl, WriteFile
from nsgen.plan.steps import OpKind, Plan, Step
from nsgen.script import batch
from nsgen.script.shell import Shell, comment, quote
from nsgen.script.templates import template_folder

Style = Literal["batch", "plain"]


class File(NamedTuple):
    """A file that a target makes; one without text is not written."""

    text: str
    executable: bool = False


def _finalize(value: object) -> object:
    """Quote what a template prints, unless it is marked as shell."""
    return value if isinstance(value, Shell) else quote(str(value))


def _title(text: str) -> Shell:
    return Shell(" ".join(text.split()))


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(  # noqa: S701 (what is rendered is shell, quoted by `finalize`, not HTML)
        loader=jinja2.FileSystemLoader(template_folder()),
        finalize=_finalize,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        comment_start_string="<#",  # `{#` is bash's ${#array[@]}
        comment_end_string="#>",
    )
    environment.filters.update(comment=comment, title=_title)
    return environment


def _render(template: str, values: dict[str, Any]) -> str:
    return _environment().get_template(template).render(values)


def script(plan: Plan, style: Style = "batch", *, teardown: bool = False) -> str:
    """The script of a plan, in one of two styles; `teardown` is what undoes the plain one."""
    if style == "batch":
        return _render("batch/setup.sh.j2", batch.values(plan))
    from nsgen.script import plain

    values = plain.teardown(plan) if teardown else plain.values(plan)
    return _render("plain/plain.sh.j2", values)


def _script(style: Style, *, teardown: bool = False) -> Callable[[Plan], File]:
    return lambda plan: File(script(plan, style, teardown=teardown), executable=True)


def _boot(
    template: str, kind: type[OpKind], line: Callable[[OpKind], str]
) -> Callable[[Plan], File]:
    """A file read at boot: the lines of the operations of one kind, under the reasons for them."""

    def lines(step: Step) -> list[Shell]:
        found = (line(op) for op in step.ops if isinstance(op, kind))
        return [Shell(text) for text in found if text]

    def make(plan: Plan) -> File:
        blocks = (steps for section in plan.sections for steps in batch.joined(section.steps))
        made = [[{"why": step.why, "lines": lines(step)} for step in steps] for steps in blocks]
        said = [block for block in made if any(step["lines"] for step in block)]
        values = {"name": _unquoted(plan), "blocks": said}
        return File(_render(template, values) if said else "")

    return make


def _sysctl_line(op: SetSysctl) -> str:
    return op.line() if op.node == HOST else ""


def _module_line(op: LoadModule) -> str:
    return op.name


def _named(template: str) -> Callable[[Plan], File]:
    return lambda plan: File(_render(template, {"name": _unquoted(plan)}))


def _unquoted(plan: Plan) -> Shell:
    """The topology's name, in a file that no shell reads: `done` is a name there."""
    return Shell(plan.topology.name)


def _verify(plan: Plan) -> File:
    """What asks on the machine, where there is anything to ask."""
    from nsgen.script import bats

    values = bats.values(plan)
    text = _render("verify/verify.bats.j2", values) if values["sections"] else ""
    return File(text, executable=True)


def _picture(plan: Plan) -> File:
    from nsgen.script.drawn import svg

    return File(svg(plan.topology))


# The files of a topology, below a folder of its name; {name} is filled in. One without text is not written.
TARGETS: dict[str, Callable[[Plan], File]] = {
    "setup.sh": _script("batch"),
    "plain.sh": _script("plain"),
    "plain-teardown.sh": _script("plain", teardown=True),
    "etc/sysctl.d/99-nsgen-{name}.conf": _boot("persist/sysctl.conf.j2", SetSysctl, _sysctl_line),
    "etc/modules-load.d/nsgen-{name}.conf": _boot(
        "persist/modules.conf.j2", LoadModule, _module_line
    ),
    "etc/systemd/system/nsgen-{name}.service": _named("persist/unit.service.j2"),
    "Vagrantfile": _named("vagrant/Vagrantfile.j2"),
    "verify.bats": _verify,
    "topology.svg": _picture,
}


# Every one of them says in its first lines who made it.
MARK = re.compile(r"nsgen(:| topology )|made by nsgen", re.IGNORECASE)


def tree(plan: Plan, under: str = "") -> dict[str, File]:
    """Every file of a topology that has something to say, by its path; or of those, the ones `under` a folder."""
    name = plan.topology.name
    made = {path: make for path, make in TARGETS.items() if path.startswith(under)}
    files = {path.format(name=name): make(plan) for path, make in made.items()}
    written = {op.path.removeprefix("/"): op.text for op in plan.of(WriteFile) if not op.reader}
    files |= {path: File(text) for path, text in written.items() if path.startswith(under)}
    return {path: file for path, file in files.items() if file.text}


def owner(name: str) -> Callable[[str, str], bool]:
    """Tell of a file whether a rendering of this topology wrote it: by its path below the folder, and its beginning."""
    fixed = {target.format(name=name) for target in TARGETS}

    def is_ours(path: str, head: str) -> bool:
        parts = path.split("/")
        named = path in fixed or (
            len(parts) == 4
            and parts[:2] == ["etc", "netns"]
            and parts[3] in ("resolv.conf", "hosts")
        )
        drop_in = re.fullmatch(rf"etc/systemd/system/[^/]+\.d/nsgen-{re.escape(name)}\.conf", path)
        return (named or drop_in is not None) and MARK.search(head) is not None

    return is_ours
