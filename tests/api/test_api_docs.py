"""docs/api.md is true: its lines are run as they stand, and nothing that can be called or answered is left out."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from api_live import ROOT, Live

from api.app import ENDPOINTS
from api.auth import HELD, MAY_HOLD, SCOPES
from api.problems import KINDS
from api.settings import Limits

TEXT = (ROOT / "docs/api.md").read_text(encoding="utf-8")


def session() -> list[tuple[str, list[str]]]:
    """Every `$ …` line (with its here-document) and what it is said to print."""
    found: list[tuple[str, list[str]]] = []
    for block in re.findall(r"```console\n(.*?)```", TEXT, re.S):
        lines = iter(block.splitlines())
        for line in lines:
            if line.startswith("$ "):
                command = line[2:]
                if "<<'JSON'" in command:
                    for more in lines:
                        command += f"\n{more}"
                        if more == "JSON":
                            break
                found.append((command, []))
            else:
                found[-1][1].append(line)
    return found


def prints(output: str, said: list[str]) -> bool:
    """Whether what is said stands in the output, `…` for anything."""
    if not said:
        return not output.strip()
    parts = "\n".join(said).split("…")
    pattern = r".*?".join(re.escape(part.strip("\n")).replace(r"\ ", " ") for part in parts)
    return re.fullmatch(rf"\s*{pattern}\s*", output, re.S) is not None


@pytest.mark.skipif(not shutil.which("curl"), reason="NOT RUN: there is no curl here")
def test_every_line_can_be_run_as_it_stands(live: Live, tmp_path: Path) -> None:
    """In one shell, with the address and keys of a running service. `jiuzhu serve` itself is started by the tests."""
    scripts = tmp_path / "bin"
    scripts.mkdir()
    python = "from engine.cli import main; main(prog_name='jiuzhu')"
    (scripts / "jiuzhu").write_text(f'#!/bin/sh\nexec {sys.executable} -c "{python}" "$@"\n')
    (scripts / "jiuzhu").chmod(0o755)
    work = tmp_path / "work"
    work.mkdir()
    (work / "docs").symlink_to(ROOT / "docs")
    (work / "var").symlink_to(live.data)
    environment = {
        **os.environ, "URL": live.url, "CASEWORKER": live.tokens["caseworker"], "AUDITOR": live.tokens["auditor"],
        "PATH": f"{scripts}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT), "JIUZHU_LANG": "en", "PYTHONUTF8": "1",
    }  # fmt: skip
    steps = [(line, said) for line, said in session() if not line.startswith("jiuzhu serve")]
    mark = "----8<----"
    script = "\n".join(f"{line}\necho '{mark}'" for line, _ in steps)
    ran = subprocess.run(
        ["bash", "-c", script], cwd=work, env=environment, capture_output=True, text=True, timeout=240
    )  # fmt: skip
    outputs = ran.stdout.split(f"{mark}\n")
    assert len(outputs) == len(steps) + 1, ran.stderr[-3000:]
    for (line, said), output in zip(steps, outputs, strict=False):
        assert prints(output, said), (
            f"$ {line}\n{output[-3000:]}\n--- was said to print:\n" + "\n".join(said) + ran.stderr[-2000:]
        )
    assert len(steps) > 25


def test_what_is_said_to_be_printed_can_be_wrong() -> None:
    assert prints("a\nb\nc\n", ["a", "…", "c"]) and not prints("a\nb\n", ["a", "…", "c"])
    assert not prints("x", []) and prints("", [])


def test_every_endpoint_stands_in_the_table_with_its_scope() -> None:
    rows = dict(re.findall(r"^\| `((?:GET|POST) \S+)` \| ?`?([a-z:]*)`? \|", TEXT, re.M))
    assert rows == {each.label: each.scope for each in ENDPOINTS}


def test_every_query_parameter_is_named() -> None:
    for each in ENDPOINTS:
        (row,) = [line for line in TEXT.splitlines() if line.startswith(f"| `{each.label}` |")]
        said = set(re.findall(r"[a-z_]+", row))
        hidden = {"why", "size", "log", "body", "jurisdiction", "before", "limit", "case", "who"}
        assert set(each.query.fields) - hidden <= said, each.label


def test_every_problem_scope_limit_and_metric_is_described() -> None:
    table = TEXT[TEXT.index("## Problems") : TEXT.index("## Running it")]
    assert set(re.findall(r"`([a-z-]+)`", table)) >= set(KINDS)
    for role, held in HELD.items():
        (row,) = re.findall(rf"^\| {role} \| `([a-z: ]*)` \| (?:`([a-z: ]*)`)? ?\|", TEXT, re.M)
        assert set(row[0].split()) == held and set(row[1].split()) == MAY_HOLD[role] - held
    assert all(f"`{scope}`" in TEXT or scope in TEXT for scope in SCOPES)
    limits = Limits()
    assert (
        limits.body == 512 * 1024
        and limits.rules_body == 4 * 1024 * 1024
        and limits.depth == 16
        and limits.digits == 40
    )
    assert (limits.per_minute, limits.burst, limits.page) == (3000, 600, 200)
    assert (limits.body_seconds, limits.verify_seconds) == (10, 60)


def test_every_metric_is_named(small: Live) -> None:
    names = re.findall(r"^# TYPE (\S+) ", small.get("/metrics", "admin").body.decode(), re.M)
    assert len(names) >= 8 and all(f"`{name}`" in TEXT for name in names)
