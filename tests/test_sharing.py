"""Tests that share something share a worker, whatever the versions of pytest and pytest-xdist."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.little import ROOT
from tests.sharing import ALONE, FIRST, place, unit


@pytest.mark.parametrize(
    ("nodeid", "with_"),
    [
        ("tests/web/test_desk.py::test_it[zh]", "tests/web"),
        ("tests/web/test_screen_desk.py::test_it[zh]", "tests/web/test_screen_desk.py"),
        ("tests/api/test_api_kill.py::test_it", "tests/api"),
        ("tests/sweep/test_since.py::test_it[a-b]", "tests/sweep/test_since.py"),
        ("tests/test_soundness.py::test_it[part 3]", "tests/test_soundness.py::test_it[part 3]"),
        ("tests/test_pages.py::test_it[a part 3]", "tests/test_pages.py"),
    ],
)
def test_what_a_test_is_given_out_with(nodeid: str, with_: str) -> None:
    assert unit(nodeid) == with_


def test_the_longest_are_given_out_first_and_parts_before_files() -> None:
    order = [*(f"{name}/x.py::test" if not name.endswith(".py") else f"{name}::test" for name in FIRST),
             "tests/test_a.py::test[part 1]", "tests/test_a.py::test"]  # fmt: skip
    assert sorted(reversed(order), key=place) == order


def test_the_files_that_are_named_are_there() -> None:
    assert all((ROOT / name).is_file() for name in ALONE)


CONFTEST = """
from tests import sharing
def pytest_xdist_make_scheduler(config, log):
    return sharing.scheduler(config, log)
"""
TEST = """
import os, pathlib, pytest
@pytest.mark.parametrize("n", range(4))
def test_it(n):
    with pathlib.Path(os.environ["SEEN"]).open("a") as file:
        file.write(os.environ["PYTEST_XDIST_WORKER"] + " " + __name__ + chr(10))
"""


def test_two_workers_keep_to_it(tmp_path: Path) -> None:
    """In earnest: groups were once without effect, and nothing said so."""
    seen = tmp_path / "seen"
    for name in ("conftest.py", "tests/web/test_a.py", "tests/web/test_b.py", "tests/test_c.py", "tests/test_d.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(CONFTEST if name == "conftest.py" else TEST, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "xdist", "-n", "2", "--dist", "loadgroup", "-p", "no:cacheprovider"],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT), "SEEN": str(seen), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    workers: dict[str, set[str]] = {}
    for line in seen.read_text(encoding="utf-8").splitlines():
        worker, name = line.split()
        workers.setdefault(name.rpartition(".")[2], set()).add(worker)
    assert workers.keys() == {"test_a", "test_b", "test_c", "test_d"}
    assert all(len(found) == 1 for found in workers.values()) and workers["test_a"] == workers["test_b"]
