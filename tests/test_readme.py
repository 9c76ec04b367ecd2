"""The sessions of the README are run as they stand: what it says is printed is printed."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from engine.cli import main
from tests.little import ROOT

READMES = {"README.md": "en", "README.zh-CN.md": "zh"}
_BLOCK = re.compile(r"```console\n(.*?)```", re.S)


def sessions(name: str) -> list[tuple[str, list[str]]]:
    """Every `$ jiuzhu …` of a README with the lines it is said to print."""
    found: list[tuple[str, list[str]]] = []
    for block in _BLOCK.findall((ROOT / name).read_text(encoding="utf-8")):
        for line in block.splitlines():
            if line.startswith("$ "):
                found.append((line[2:], []))
            elif found:
                found[-1][1].append(line)
    # a service that goes on running is tried by the tests of the service
    return [(c, lines) for c, lines in found if c.startswith("jiuzhu ") and lines and not c.startswith("jiuzhu serve")]


def prints(output: list[str], said: list[str]) -> bool:
    """Whether the lines said stand in the output in order; a line `…` stands for any number of lines."""
    at = 0
    loose = False
    for line in said:
        if line.strip() == "…":
            loose = True
            continue
        while loose and at < len(output) and output[at].rstrip() != line.rstrip():
            at += 1
        if at >= len(output) or output[at].rstrip() != line.rstrip():
            return False
        at += 1
        loose = False
    return loose or not any(line.strip() for line in output[at:])


def of_a_city(command: str) -> bool:
    return "city" in command or "swept" in command


EVERY = [(name, command, lines) for name in READMES for command, lines in sessions(name)]
CASES = [each for each in EVERY if not of_a_city(each[1])]


@pytest.mark.parametrize(("name", "command", "said"), CASES, ids=[f"{name}: {command}" for name, command, _ in CASES])
def test_a_session_prints_what_it_says(
    name: str, command: str, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    found = CliRunner().invoke(main, shlex.split(command)[1:], env={"JIUZHU_LANG": READMES[name]})
    assert prints((found.stdout + found.stderr).splitlines(), said), found.stdout


@pytest.mark.parametrize("name", READMES)
def test_the_session_of_a_city_prints_what_it_says(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One command after another, in an empty folder, by the rules of the house."""
    monkeypatch.chdir(tmp_path)
    mine = [(command, said) for of, command, said in EVERY if of == name and of_a_city(command)]
    assert len(mine) >= 4
    for command, said in mine:
        found = CliRunner().invoke(main, shlex.split(command)[1:], env={"JIUZHU_LANG": READMES[name]})
        assert prints((found.stdout + found.stderr).splitlines(), said), (command, found.stdout)


def test_both_readmes_have_sessions() -> None:
    assert {name for name, _, _ in CASES} == set(READMES)


@pytest.mark.parametrize("file", [*READMES, *(f"docs/{p.name}" for p in (ROOT / "docs").glob("*.md"))])
def test_links_lead_somewhere(file: str) -> None:
    text = (ROOT / file).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
        assert ((ROOT / file).parent / Path(target)).exists(), f"{file} points to {target}"
