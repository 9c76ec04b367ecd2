"""What the commands share: where the rules are, which language, how to print, how to fail."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, NoReturn

import click
from rich.console import Console

from engine.decide.program import Program, compile_rulebook
from engine.language.fields import plain
from engine.language.problems import Problem, Problems
from engine.language.rulebook import read_texts
from engine.language.shipped import NoRules, rule_files
from engine.language.source import read_yaml

PIPE_WIDTH = 110
LARGEST_INPUT = 1_000_000  # bytes of one household


def default_lang() -> str:
    """Chinese first, unless the environment asks for English."""
    asked = os.environ.get("JIUZHU_LANG") or os.environ.get("LC_ALL") or os.environ.get("LANG") or ""
    return "en" if asked.lower().startswith("en") else "zh"


def lang_option(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--lang", type=click.Choice(["zh", "en"]), default=default_lang, help="中文或英文 / Chinese or English."
    )(command)


def rules_option(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--rules",
        metavar="DIR",
        help="规则文件夹（含 policies.yaml）/ folder with policies.yaml; default: here, else the shipped rules.",
    )(command)


def json_option(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option("--json", "as_json", is_flag=True, help="供程序读取 / for machines.")(command)


class Day(click.ParamType):  # type: ignore[type-arg]  # generic only to the type checker
    """A date such as 2025-08-01."""

    name = "date"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        if isinstance(value, date):
            return value
        try:
            return date.fromisoformat(str(value))
        except ValueError:
            self.fail(f"'{value}' is not a date such as 2025-08-01 / 不是日期，如 2025-08-01", param, ctx)


def today() -> date:
    """The only clock of the command line."""
    return datetime.now().astimezone().date()


def on_option(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--on", type=Day(), default=today, show_default="today", help="按哪一天的规定 / the day the law is read for."
    )(command)


def console(stderr: bool = False) -> Console:
    """A terminal gets colour and its own width; a pipe gets plain text of a settled width."""
    stream = sys.stderr if stderr else sys.stdout
    if stream.isatty():
        return Console(stderr=stderr, highlight=False)
    return Console(stderr=stderr, highlight=False, width=PIPE_WIDTH, color_system=None)


def fail(zh: str, en: str, lang: str, code: int = 2) -> NoReturn:
    """Say what is wrong and leave."""
    console(stderr=True).print(zh if lang == "zh" else en, style="red", soft_wrap=True, markup=False)
    sys.exit(code)


def print_problems(problems: tuple[Problem, ...], lang: str, to: Console) -> None:
    for problem in problems:
        head, *rest = problem.text(lang).splitlines()
        to.print(head, style="bold red", soft_wrap=True, markup=False)
        for line in rest:
            to.print(line, soft_wrap=True, markup=False)


def files_of(rules: str | None, lang: str) -> dict[str, str]:
    try:
        return rule_files(rules)
    except NoRules as error:
        fail(str(error), str(error), lang)
    except OSError as error:
        fail(f"规则无法读取：{error}", f"the rules cannot be read: {error}", lang)


def load_program(rules: str | None, lang: str, *, examples: bool = False) -> Program:
    """The compiled rulebook; its problems are shown and end the command with code 1. `examples`: with the policies'
    examples, which take as long to read as all the rest."""
    rulebook, problems = read_texts(files_of(rules, lang), examples=examples)
    if rulebook is None or problems:
        print_problems(problems, lang, console(stderr=True))
        count = len(problems)
        fail(f"规则有 {count} 个问题，未载入", f"the rules have {count} problem(s) and are not loaded", lang, 1)
    return compile_rulebook(rulebook)


def read_facts(source: str, lang: str) -> Any:
    """The plain data of a household file (YAML or JSON), or of standard input for `-`."""
    try:
        if source == "-":
            content = sys.stdin.buffer.read(LARGEST_INPUT + 1)
        else:
            with Path(source).open("rb") as file:
                content = file.read(LARGEST_INPUT + 1)
    except OSError as error:
        fail(f"{source}：无法读取（{error.strerror}）", f"{source}: cannot be read ({error.strerror})", lang)
    if len(content) > LARGEST_INPUT:
        fail(f"{source}：超过 {LARGEST_INPUT:,} 字节", f"{source}: larger than {LARGEST_INPUT:,} bytes", lang)
    if not content.strip():
        fail(f"{source}：文件是空的", f"{source}: the file is empty", lang)
    if source.endswith(".json") or (source == "-" and content.lstrip()[:1] in (b"{", b"[")):
        try:
            return json.loads(content, parse_float=Decimal, parse_constant=_no_constant)
        except (ValueError, RecursionError) as error:
            fail(f"{source}：不是合法的 JSON：{error}", f"{source}: not JSON: {error}", lang)
    problems = Problems()
    node = read_yaml(content, source, problems)
    if node is None or len(problems):
        print_problems(problems.sorted(), lang, console(stderr=True))
        fail(f"{source}：无法读取", f"{source}: cannot be read", lang)
    return plain(node)


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number")


def print_json(value: Any) -> None:
    """JSON to standard output, Chinese as it is."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2, sort_keys=False))
