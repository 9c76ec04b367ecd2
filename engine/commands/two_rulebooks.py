"""Two rulebooks side by side, each a folder or a revision of the repository at hand."""

from __future__ import annotations

import io
import subprocess
import tarfile
from pathlib import Path

from engine.commands.common import console, fail, files_of, print_problems
from engine.language.model import Rulebook
from engine.language.rulebook import CATALOGUE, read_texts


def rulebook_of(name: str, lang: str, examples: bool = False) -> Rulebook:
    """The checked rulebook of a folder or revision; its problems are shown and end the command with code 1."""
    rulebook, problems = read_texts(texts_of(name, lang), examples=examples)
    if rulebook is None or problems:
        print_problems(problems, lang, console(stderr=True))
        fail(f"{name}：规则有 {len(problems)} 个问题", f"{name}: the rules have {len(problems)} problem(s)", lang, 1)
    return rulebook


def texts_of(name: str, lang: str) -> dict[str, str]:
    """The rule files of a folder that holds a catalogue, else of a git revision such as HEAD~3 or v1.0."""
    if Path(name).is_dir():
        return files_of(name, lang)
    try:
        made = subprocess.run(
            ["git", "archive", "--format=tar", name, "--", CATALOGUE, "rules"], capture_output=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        fail(
            f"{name}：既不是含 {CATALOGUE} 的文件夹，也不是此处 git 仓库中含规则的版本",
            f"{name}: neither a folder with {CATALOGUE} nor a revision with rules of a git repository here",
            lang,
        )
    with tarfile.open(fileobj=io.BytesIO(made.stdout)) as tar:
        found = {m.name: tar.extractfile(m) for m in tar.getmembers() if m.isfile() and m.name.endswith(".yaml")}
        return {path: file.read().decode("utf-8", "surrogateescape") for path, file in found.items() if file}
