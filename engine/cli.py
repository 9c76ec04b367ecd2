"""The `jiuzhu` command."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from engine import __version__
from engine.decide.examples import check_examples
from engine.decide.program import compile_rulebook
from engine.language.rulebook import read


@click.group()
@click.version_option(__version__, prog_name="jiuzhu")
def main() -> None:
    """Relief policies as rules."""


@main.command()
@click.option("--lang", default="en")
def check(lang: str) -> None:
    """Read every rule and report every problem."""
    rulebook, problems = read(Path.cwd())
    if rulebook is not None and not problems:
        problems = check_examples(compile_rulebook(rulebook))
    for problem in problems:
        click.echo(problem.text(lang))
    sys.exit(1 if problems else 0)
