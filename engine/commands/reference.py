"""The pages that are made from the code: `docs/problems.md` and `docs/commands.md`. `make docs` writes them."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from engine.language.household import INPUT_CODES
from engine.language.problems import CODES


def problems_page() -> str:
    """Every problem code with its sentence, in both languages."""
    rows = ["# Problem codes / 问题代码", ""]
    rows += ["Made from the code by `make docs`. `{…}` is filled in where the problem is found.", ""]
    for title, table in (
        ("Problems of rule files / 规则文件的问题", CODES),
        ("Faults of a household's facts / 家庭事实的问题", INPUT_CODES),
    ):
        rows += [f"## {title}", "", "| code | English | 中文 |", "|---|---|---|"]
        rows += [f"| `{code}` | {_cell(en)} | {_cell(zh)} |" for code, (en, zh) in sorted(table.items())]
        rows.append("")
    return "\n".join(rows)


def commands_page(main: click.Group) -> str:
    """Every command with its options, as `--help` tells them."""
    rows = ["# Commands / 命令", "", "Made from the code by `make docs`.", ""]
    for name, command in _walk(main, "jiuzhu"):
        text = (command.help or "").split("\n\n")
        rows += [f"## `{name}`", "", *(" ".join(part.split()) + "\n" for part in text)]
        described = [p for p in command.params if isinstance(p, click.Option) and p.help]
        if described:
            rows += ["| option | meaning |", "|---|---|"]
            rows += [f"| `{', '.join(p.opts)}` | {_cell(p.help or '')} |" for p in described]
            rows.append("")
        if command.epilog:
            lines = [
                line.strip() for line in command.epilog.splitlines() if line.strip().startswith("jiuzhu") or "|" in line
            ]
            rows += ["```console", *(f"$ {line}" for line in lines), "```", ""]
    return "\n".join(rows)


def _walk(command: click.Command, name: str) -> list[tuple[str, click.Command]]:
    if not isinstance(command, click.Group):
        return [(name, command)]
    found: list[tuple[str, click.Command]] = [] if name == "jiuzhu" else [(name, command)]
    context = click.Context(command)
    for each in command.list_commands(context):
        inner = command.get_command(context, each)
        assert inner is not None
        found += _walk(inner, f"{name} {each}")
    return found


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("{{", "{").replace("}}", "}")


def write(folder: Path) -> None:
    from engine.cli import main

    (folder / "problems.md").write_text(problems_page(), encoding="utf-8")
    (folder / "commands.md").write_text(commands_page(main), encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
