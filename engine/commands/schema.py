"""`jiuzhu schema`: the JSON Schemas of the rule files, for editors."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from engine.commands.common import console, fail, files_of, lang_option, print_problems, rules_option
from engine.language.json_schema import FILES, schemas
from engine.language.rulebook import read_texts

FOLDER = "docs/schema"


@click.command(
    epilog="例 / examples:\n\n  jiuzhu schema\n\n  jiuzhu schema --check\n\n  jiuzhu schema policy > policy.json\n\n"
    "编辑器：在规则文件首行写 / in an editor, the first line of a rule file:\n\n"
    "  # yaml-language-server: $schema=../../docs/schema/policy.json"
)
@click.argument("kind", required=False, type=click.Choice(sorted(FILES)))
@click.option("--out", default=FOLDER, show_default=True, metavar="DIR", help="写到哪个文件夹 / the folder to write.")
@click.option("--check", is_flag=True, help="只看是否与规则一致，不写 / write nothing; say what is out of step.")
@rules_option
@lang_option
def schema(kind: str | None, out: str, check: bool, rules: str | None, lang: str) -> None:
    """规则文件的 JSON Schema（2020-12），供 VS Code 的 YAML 扩展等编辑器使用。/ JSON Schema of the rule files.

    Made from the reader's own table of keys and the rulebook's names: what an editor offers is what `jiuzhu check`
    takes. KIND: write that one to standard output. Exit code 0: written, or in step; 1: out of step; 2: wrong use.
    """
    rulebook, problems = read_texts(files_of(rules, lang))
    if rulebook is None:
        print_problems(problems, lang, console(stderr=True))
        fail("规则无法读取", "the rules cannot be read", lang, 1)
    texts = {name: text_of(found) for name, found in schemas(rulebook).items()}
    if kind:
        click.echo(texts[kind], nl=False)
        return
    folder = Path(out)
    try:
        stale = [name for name, text in texts.items() if _read(folder / f"{name}.json") != text]
        if not check:
            folder.mkdir(parents=True, exist_ok=True)
            for name in stale:
                (folder / f"{name}.json").write_text(texts[name], encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        fail(f"{folder}：无法读写：{error}", f"{folder}: cannot be read or written: {error}", lang)
    _report(folder, stale, len(texts), check, lang)
    sys.exit(1 if check and stale else 0)


def text_of(found: dict[str, object]) -> str:
    """A schema as the bytes of its file."""
    return json.dumps(found, ensure_ascii=False, indent=1) + "\n"


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def _report(folder: Path, stale: list[str], count: int, check: bool, lang: str) -> None:
    out = console()
    if check:
        for name in stale:
            zh, en = "与规则不一致，请运行 jiuzhu schema", "is out of step with the rules: run jiuzhu schema"
            out.print(f"{folder / name}.json: {zh if lang == 'zh' else en}", style="red", soft_wrap=True, markup=False)
    n = len(stale)
    zh = f"{count} 份" + (f"，{n} 份不一致" if check and n else "，与规则一致" if check else f"，更新 {n} 份")
    en = f"{count} schemas" + (f", {n} out of step" if check and n else ", in step" if check else f", {n} written")
    out.print(zh if lang == "zh" else en, style="red" if check and n else "green")
