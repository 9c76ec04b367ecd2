"""Every problem has a kept file that shows it, with the exact words a person reads beside it.

`bad_files/<code>.yaml` is laid over the small good rulebook in `bad_files/good`: each part begins with a line that
names the file it changes, and its top-level keys take the place of that file's own (or are added at its end).
`# rules/x.yaml, whole` is the whole of a file; `, whole, 500 times` the same text, less its last line break, over and
over.
`bad_files/<code>.txt` is what is then said, in English and Chinese. `python -m tests.test_bad_files` writes these texts
anew: read them before they are kept.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from engine.decide import compile_rulebook
from engine.decide.examples import check_examples
from engine.language.problems import CODES, Problem, Problems
from engine.language.rulebook import read, read_texts
from engine.language.source import read_yaml

FOLDER = Path(__file__).parent / "bad_files"
GOOD = {path.relative_to(FOLDER / "good").as_posix(): path.read_bytes() for path in (FOLDER / "good").rglob("*.yaml")}
CASES = sorted(path.stem for path in FOLDER.glob("*.yaml"))
HEAD = re.compile(rb"^# ((?:rules/|policies)[^\s,]*\.yaml)(, whole)?(?:, (\d+) times)?\n", re.MULTILINE)
BLOCK = re.compile(rb"^(?=[a-z_\"'])", re.MULTILINE)  # a top-level key begins here

DEAD = {"verified-mix"}
"""Codes that nothing reports: to be taken out of the table, or to be reported."""


def blocks(content: bytes) -> dict[bytes, bytes]:
    """The text of a file by top-level key."""
    return {part.split(b":")[0]: part for part in BLOCK.split(content) if part}


def laid_over(bad: bytes) -> dict[str, bytes]:
    """The good rulebook with a bad file laid over it."""
    files = dict(GOOD)
    heads = list(HEAD.finditer(bad))
    assert heads and heads[0].start() == 0, "a bad file begins with the name of the file it changes"
    for head, after in zip(heads, [*heads[1:], None], strict=True):
        name, text = head[1].decode(), bad[head.end() : after.start() if after else None]
        if head[2]:
            files[name] = text.removesuffix(b"\n") * int(head[3]) if head[3] else text
        else:
            files[name] = b"".join({**blocks(files[name]), **blocks(text)}.values())
    return files


def problems_of(files: dict[str, bytes], folder: Path) -> tuple[Problem, ...]:
    """What `jiuzhu check` finds: the files are read from a folder, and examples run once nothing else is wrong."""
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    rulebook, problems = read(folder)
    if rulebook is None or problems:
        return problems
    return check_examples(compile_rulebook(rulebook))


def said(problems: tuple[Problem, ...]) -> str:
    return "".join(f"{problem.text('en')}\n{problem.text('zh')}\n" for problem in problems)


@pytest.mark.parametrize("code", CASES)
def test_the_bad_file_says(code: str, tmp_path: Path) -> None:
    problems = problems_of(laid_over((FOLDER / f"{code}.yaml").read_bytes()), tmp_path)
    assert {problem.code for problem in problems} == {code}, said(problems)
    assert said(problems) == (FOLDER / f"{code}.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("code", CASES)
def test_the_message_is_in_both_languages_and_tells_the_place(code: str, tmp_path: Path) -> None:
    for problem in problems_of(laid_over((FOLDER / f"{code}.yaml").read_bytes()), tmp_path):
        assert re.search("[\u4e00-\u9fff]", problem.message("zh")), "the Chinese sentence is Chinese"
        assert not re.search("[\u4e00-\u9fff]", CODES[code][0]), "the English sentence is English"
        assert problem.place.file and problem.place.line > 0
        assert bool(problem.hint[0]) == bool(problem.hint[1]), "a hint is in both languages or in none"


def test_every_code_has_its_file() -> None:
    assert set(CODES) - DEAD == set(CASES)
    assert {path.stem for path in FOLDER.glob("*.txt")} == set(CASES)


def test_what_is_called_dead_is_dead() -> None:
    engine = Path(__file__).parent.parent / "engine"
    sources = [path.read_text(encoding="utf-8") for path in engine.rglob("*.py") if path.name != "problems.py"]
    assert not [code for code in DEAD if any(f'"{code}"' in source for source in sources)]


def test_the_good_rulebook_has_no_problem(tmp_path: Path) -> None:
    assert said(problems_of(GOOD, tmp_path)) == ""


def test_the_order_of_files_and_the_way_they_are_read_change_nothing(tmp_path: Path) -> None:
    """From a folder or as texts, first to last or last to first: the same problems in the same order."""
    for code in CASES:
        files = laid_over((FOLDER / f"{code}.yaml").read_bytes())
        try:
            texts = {name: content.decode() for name, content in files.items()}
        except UnicodeDecodeError:
            continue
        forwards, backwards = read_texts(texts)[1], read_texts(dict(reversed(texts.items())))[1]
        assert forwards == backwards


def test_a_code_out_of_the_table_cannot_be_reported() -> None:
    problems = Problems()
    read_yaml(b"a: [", "f.yaml", problems)
    with pytest.raises(KeyError):
        Problem(problems.sorted()[0].place, "no-such-code").message()


if __name__ == "__main__":  # pragma: no cover - writes the texts anew
    import tempfile

    for name in sys.argv[1:] or CASES:
        with tempfile.TemporaryDirectory() as scratch:
            text = said(problems_of(laid_over((FOLDER / f"{name}.yaml").read_bytes()), Path(scratch)))
        (FOLDER / f"{name}.txt").write_text(text, encoding="utf-8")
        print(f"== {name}\n{text}")
