"""Make scripts of the Compose files, outside of the machine, and write down what they make, by the names of the source.

    prepare.py FOLDER CASE...

FOLDER/CASE gets the Compose files, `setup.sh`, and `case.json`: the names to ask for, and the namespaces with their
addresses on each network.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from nsgen.cli.files import read
from nsgen.compiler import compile_topology
from nsgen.importing.application import import_compose

HERE = Path(__file__).resolve().parent
FILES = ("compose.yaml", "compose.override.yaml")


def main(folder: Path, *cases: str) -> None:
    """Prepare some cases."""
    for name in cases:
        case = folder / name
        shutil.copytree(HERE / name, case)
        described = prepare(case)
        (case / "case.json").write_text(json.dumps(described, indent=1), encoding="utf-8")


def prepare(case: Path) -> dict[str, Any]:
    """Import the files of a case, render what comes of them, and describe it."""
    files = [file for file in FILES if (case / file).exists()]
    os.chdir(case)
    imported = import_compose(
        files,
        read,
        {},
        [],
        folder="",
        name=case.name,
        processes=False,
    )
    file = case / "topology.yaml"
    file.write_text(imported.text, encoding="utf-8")
    topology = compile_topology(str(file), imported.text.encode()).topology
    if imported.notes.errors or topology is None:
        sys.exit(f"{case.name}: nsgen import compose says why")
    script = [sys.executable, "-m", "nsgen", "render", "--", str(file)]
    with (case / "setup.sh").open("wb") as output:
        subprocess.run(script, stdout=output, check=True)
    own = imported.names
    keys = [key for (kind, _), key in own.items() if kind == "namespaces"]
    nodes = {}
    for space in topology.namespaces:
        key = own["namespaces", space.name]
        label = key if keys.count(key) == 1 else f"{key}-{space.name.rpartition('-')[2]}"
        places = {
            own["networks", member.bridge.name]: [str(address.ip) for address in member.addresses]
            for member in space.members
        }
        nodes[label] = {"namespace": space.name, "service": key, "networks": places}
    gateways = {
        own["networks", bridge.name]: [str(subnet.gateway) for subnet in bridge.subnets]
        for bridge in topology.bridges
    }
    names = yaml.safe_load((case / FILES[0]).read_text(encoding="utf-8"))["x-names"]
    return {"names": names, "nodes": nodes, "gateways": gateways}


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), *sys.argv[2:])
