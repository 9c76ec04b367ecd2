"""The `jiuzhu` command: one name, one subcommand a job, each read only when it is asked for."""

from __future__ import annotations

from importlib import import_module

import click

from engine import __version__

# name -> where it is; a new command is one row here and one file in engine/commands
COMMANDS = {
    "check": "check:check",
    "decide": "decide:decide_command",
    "diff": "diff:diff",
    "docs": "docs:docs",
    "events": "events:events",
    "explain": "explain:explain",
    "find": "find:find",
    "key": "keys:key",
    "impact": "impact:impact",
    "ledger": "ledger:ledger",
    "mutate": "mutate:mutate",
    "orders": "orders:orders",
    "population": "population:population",
    "replay": "replay:replay_command",
    "schema": "schema:schema",
    "serve": "serve:serve",
    "sweep": "sweep:sweep",
    "watch": "watch:watch",
}
# what a command needs beyond the plain install: module -> the extra of pyproject.toml that brings it
EXTRAS = {"duckdb": "sweep", "sqlglot": "sweep", "numpy": "sweep", "pyarrow": "sweep",
          "pyspark": "spark", "durable": "watch"}  # fmt: skip


class Commands(click.Group):
    """A group that reads a command's file when the command is asked for: `decide` need not wait for the service."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, name = COMMANDS[cmd_name].split(":")
        try:
            found = getattr(import_module(f"engine.commands.{module}"), name)
        except ModuleNotFoundError as missing:
            if missing.name is None or missing.name.partition(".")[0] not in EXTRAS:
                raise
            return _not_installed(cmd_name, EXTRAS[missing.name.partition(".")[0]])
        assert isinstance(found, click.Command)
        return _with_whole_lines(found)


def _with_whole_lines(command: click.Command) -> click.Command:
    """The command with the lines of its examples kept whole: a wrapped command line cannot be copied."""
    if command.epilog and not command.epilog.startswith("\b"):
        command.epilog = "\b\n" + command.epilog.replace("\n\n", "\n")
    if isinstance(command, click.Group):
        for each in command.commands.values():
            _with_whole_lines(each)
    return command


def _not_installed(command: str, extra: str) -> click.Command:
    """Stands where a command would be whose libraries are not there: says what to install."""

    @click.command(
        command,
        short_help=f"（需另装：pip install 'jiuzhu[{extra}]'）/ needs jiuzhu[{extra}]",
        context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
    )
    def absent() -> None:
        click.echo(f"jiuzhu {command} 需要另装组件 / needs more than the plain install:", err=True)
        click.echo(f"    pip install 'jiuzhu[{extra}]'", err=True)
        raise SystemExit(2)

    return absent


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="jiuzhu")
def main() -> None:
    """救助：政策写成规则，认定一个家庭并说明理由。/ Relief policies as rules: decide a household, and say why."""
