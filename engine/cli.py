"""The `jiuzhu` command: one name, one subcommand a job."""

from __future__ import annotations

import click

from engine import __version__
from engine.commands.check import check
from engine.commands.decide import decide_command
from engine.commands.docs import docs
from engine.commands.explain import explain
from engine.commands.mutate import mutate


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="jiuzhu")
def main() -> None:
    """救助：政策写成规则，认定一个家庭并说明理由。/ Relief policies as rules: decide a household, and say why."""


for command in (check, decide_command, docs, explain, mutate):
    main.add_command(command)
