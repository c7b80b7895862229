"""What the Python tests share."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# How long an example takes says little where two processes share a machine. In CI the examples are
# the same each time, so that a change is not blamed for what it did not do.
settings.register_profile(
    "nsgen",
    deadline=None,
    derandomize=bool(os.environ.get("CI")),
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("nsgen")


# Files with tests that take longest: begun first, so that no process waits for another in the end.
LONG = ("test_steps.py", "test_rooms.py", "test_hostile.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put what takes longest first; the order is the same in every process."""
    items.sort(key=lambda item: item.path.name not in LONG)


@pytest.fixture(scope="session")
def checkout() -> Path:
    """Give the top of the source tree."""
    return Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def program() -> Callable[[str], str]:
    """Give a function that finds a program, or skips the test that asks for it."""
    places = [str(Path(sys.executable).parent), os.environ["PATH"], "/usr/sbin", "/sbin"]

    def find(name: str) -> str:
        found = shutil.which(name, path=os.pathsep.join(places))
        return found or pytest.skip(f"{name} is not installed")

    return find
