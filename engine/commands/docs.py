"""`jiuzhu docs`: a page for each policy, made from the rules."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from engine.commands.common import console, fail, lang_option, load_program, rules_option
from engine.decide.pages.folder import out_of_step, pages

FOLDER = "docs/policies"


@click.command(epilog="例 / examples:\n\n  jiuzhu docs\n\n  jiuzhu docs --check\n\n  jiuzhu docs --out /tmp/pages")
@click.option("--out", default=FOLDER, show_default=True, metavar="DIR", help="写到哪个文件夹 / the folder to write.")
@click.option("--check", is_flag=True, help="只看是否与规则一致，不写 / write nothing; say what is out of step.")
@rules_option
@lang_option
def docs(out: str, check: bool, rules: str | None, lang: str) -> None:
    """由规则生成每项政策的说明页（中英文）。/ Write a page for each policy from the rules, in Chinese and English.

    Exit code 0: written, or in step; 1: out of step, or the rules have problems; 2: the folder cannot be used.
    """
    folder = Path(out)
    wanted = pages(load_program(rules, lang, examples=True).rulebook)
    try:
        found = {path.name: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.md"))}
        differing = out_of_step(wanted, found)
        if not check:
            _write(folder, wanted, differing)
    except (OSError, UnicodeDecodeError) as error:
        fail(f"{folder}：无法读写：{error}", f"{folder}: cannot be read or written: {error}", lang)
    _report(folder, differing, len(wanted), check, lang)
    sys.exit(1 if check and differing else 0)


def _write(folder: Path, wanted: dict[str, str], differing: tuple[str, ...]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in differing:
        if name in wanted:
            (folder / name).write_text(wanted[name], encoding="utf-8")
        else:  # a page of a policy that is no more
            (folder / name).unlink()


def _report(folder: Path, differing: tuple[str, ...], count: int, check: bool, lang: str) -> None:
    out = console()
    if check:
        for name in differing:
            said = (
                "与规则不一致，请运行 jiuzhu docs" if lang == "zh" else "is out of step with the rules: run jiuzhu docs"
            )
            out.print(f"{folder / name}: {said}", style="red", soft_wrap=True, markup=False)
    n = len(differing)
    zh = f"{count} 页" + (f"，{n} 页不一致" if check and n else "，与规则一致" if check else f"，更新 {n} 页")
    en = f"{count} pages" + (f", {n} out of step" if check and n else ", in step" if check else f", {n} written")
    out.print(zh if lang == "zh" else en, style="red" if check and n else "green")
