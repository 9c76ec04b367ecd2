"""No file, expression or household can end, hold up or slip past the reader: what is wrong becomes problems.

That nothing is slow is held by bounds on the work (bytes read, events taken, parses begun), not by clocks; a text that
once cost hours is here too, and would show by its hours.
"""

from __future__ import annotations

import ast
import copy
import os
import random
import re
from datetime import date
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st
from pytest import MonkeyPatch

from engine.decide import compile_rulebook
from engine.language import expressions
from engine.language import problems as problems_
from engine.language.canonical import dumps
from engine.language.expressions import ALLOWED_NUMBERS, LONGEST, Names, Scope, read_expression
from engine.language.household import MOST_MEMBERS, HouseholdError, canonical_household, read_household
from engine.language.operators import OPERATORS, ROUND_STEPS
from engine.language.places import Place
from engine.language.problems import Problem, Problems
from engine.language.rulebook import load, read, read_texts
from engine.language.source import LARGEST_FILE, MOST_VALUES, Mapping, Node, Scalar, Sequence, read_yaml
from engine.language.tree import Expr

GOOD = Path(__file__).parent / "bad_files" / "good"
FILES = {path.relative_to(GOOD).as_posix(): path.read_text(encoding="utf-8") for path in GOOD.rglob("*.yaml")}
BOOK = load(GOOD)
VOCABULARY = compile_rulebook(BOOK).vocabulary
NAMES = Names(BOOK.choices, BOOK.facts, BOOK.parameters, {p.id: p.level for p in BOOK.policies})
LEAVES = {"literal", "fact", "parameter", "let", "on"}


def told(problems: tuple[Problem, ...]) -> list[str]:
    """The codes, once every problem has been shown in every way it can be."""
    for problem in problems:
        for lang in ("zh", "en"):
            assert problem.message(lang) and problem.text(lang).encode(errors="replace")
        problem.data()
    return [problem.code for problem in problems]


# ------------------------------------------------------------------------------------------------------ YAML, bytes


def read_bytes(content: bytes) -> tuple[Node | None, list[str]]:
    problems = Problems()
    node = read_yaml(content, "f.yaml", problems)
    return node, told(problems.sorted())


LAUGHS = b"a: &a [x, x, x]\n" + b"".join(
    b"%c: &%c [*%c, *%c, *%c]\n" % (n, n, n - 1, n - 1, n - 1) for n in b"bcdefghij"
)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"a: \x00", "not-yaml"),
        (b"a: \x07", "not-yaml"),
        (b"a: b\xe9", "not-readable"),  # é in latin-1
        ("政策: 低保".encode("gbk"), "not-readable"),
        ("a: 1".encode("utf-16"), "not-readable"),
        (b"a: \xed\xa0\x80", "not-readable"),  # half of a surrogate pair
        (b'a: "\\ud800"', "not-yaml"),
        (b'a: "\\U00110000"', "not-yaml"),
        (b"[" * 10_000, "too-deep"),
        (b"[" * 10_000 + b"]" * 10_000, "too-deep"),
        (b"{a: " * 10_000, "too-deep"),
        (b"- " * 10_000, "too-deep"),
        (b"".join(b" " * n + b"a:\n" for n in range(1_000)), "too-deep"),
        (LAUGHS, "anchor-or-alias"),
        (b"&a [*a]", "anchor-or-alias"),
        (b"a: &b 1", "anchor-or-alias"),
        (b'!!python/object/apply:os.system ["true"]', "tag"),
        (b"!!python/name:os.system x", "tag"),
        (b"a: !x 1", "tag"),
        (b"--- a\n--- b\n", "several-documents"),
        (b"a: 1\n...\nb: 2\n", "not-yaml"),
        (b"? [a]\n: 1", "key-not-text"),
        (b"? {a: 1}\n: 1\nb: 2", "key-not-text"),
        (b"a: 1\na: 2", "duplicate-key"),
        (b"{" + b"a: 1," * 10_000 + b"}", "duplicate-key"),
        (b"[" + b"x," * 100_001 + b"]", "too-many-values"),
        (b"a: 2025-02-30", "bad-value"),
        (b"a: 0000-01-01", "bad-value"),
        *(
            (b"a: " + text, "surprising-scalar")
            for text in (b"no", b"012", b"12:30", b"1e400", b".inf", b"0x1f", b"1_000", b"~")
        ),
        (b"\ta: 1", "not-yaml"),
        (b"a: b: c", "not-yaml"),
        (b"a: [1, 2", "not-yaml"),
        (b"x" * (LARGEST_FILE + 1), "file-too-large"),
    ],
    ids=lambda value: value[:24].decode("latin-1") if isinstance(value, bytes) else value,
)
def test_a_hostile_file_is_refused(content: bytes, code: str) -> None:
    node, codes = read_bytes(content)
    assert node is None
    assert code in codes


@pytest.mark.parametrize(
    "content",
    [
        b"1_" * 400_000 + b"!",
        b"0_" * 400_000 + b".",
        b"9" * 900_000 + b"!",
        b"1:" * 400_000 + b"!",
        b"-" * 900_000,
        b'"' + b"\\n" * 400_000 + b'"',
        b"a\n" * 400_000,
        b'"' + b"a" * 900_000 + b'": 1',
        b"'" * 900_000,
        b"#" * 900_000,
    ],
    ids=lambda content: content[:4].decode(),
)
def test_no_text_of_a_million_bytes_costs_more_than_reading_it(content: bytes) -> None:
    read_bytes(content)


def test_a_byte_order_mark_is_no_fault() -> None:
    node, codes = read_bytes(b"\xef\xbb\xbfa: 1")
    assert isinstance(node, Mapping) and list(node.entries) == ["a"] and codes == []


@pytest.mark.parametrize(
    ("content", "most"),
    [
        (LAUGHS, 20),
        (b"[" * 10_000, 100),
        (b"[" + b"x," * 300_000 + b"]", MOST_VALUES + 10),
        (b"x" * (LARGEST_FILE + 1), 0),
        (b"a: 1\n--- b\n" + b"- c\n" * 10_000, 10),
    ],
    ids=["laughs", "deep", "long", "large", "two"],
)
def test_reading_stops_where_enough_is_known(content: bytes, most: int, monkeypatch: MonkeyPatch) -> None:
    taken = 0
    right = yaml.CSafeLoader

    class Counting:
        """A YAML parser whose events are counted."""

        def __init__(self, text: str):
            self.loader = right(text)

        def get_event(self) -> Any:
            nonlocal taken
            taken += 1
            return self.loader.get_event()

    monkeypatch.setattr(yaml, "CSafeLoader", Counting)
    read_bytes(content)
    assert taken <= most


CHUNKS = st.sampled_from(
    [
        b"a",
        b": ",
        b":",
        b"- ",
        b"\n",
        b"\n  ",
        b"\n    ",
        b"{",
        b"}",
        b"[",
        b"]",
        b",",
        b"'",
        b'"',
        b"#",
        b" # ",
        b"&a",
        b"*a",
        b"!",
        b"!!str ",
        b"|\n",
        b">\n",
        b"? ",
        b"---\n",
        b"...\n",
        b"%YAML 1.1\n",
        b"\\",
        b"\x00",
        b"\xff",
        b"\xef\xbb\xbf",
        b"\xe2\x80\xa8",
        b"\xc2\x85",
        b"1",
        b"0.5",
        b"2025-01-01",
        b"true",
        b"null",
        b"~",
        b"<<",
        b"=",
        "中".encode(),
        b"\t",
    ]
)


@given(st.one_of(st.binary(max_size=200), st.lists(CHUNKS, max_size=40).map(b"".join), st.text().map(str.encode)))
def test_any_bytes_become_nodes_or_problems(content: bytes) -> None:
    node, codes = read_bytes(content)
    assert node is None or not codes
    for each in _nodes(node):
        assert each.place.line >= 1 and each.place.column >= 1 and each.place.width >= 1


def _nodes(node: Node | None) -> list[Node]:
    if node is None:
        return []
    below = node.entries.values() if isinstance(node, Mapping) else node.items if isinstance(node, Sequence) else ()
    assert isinstance(node, Scalar) or below is not None
    return [node, *(each for child in below for each in _nodes(child))]


# ---------------------------------------------------------------------------------------------------- files, folders


def folder(path: Path, **changed: bytes) -> Path:
    for name, text in FILES.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text(text, encoding="utf-8")
    for name, content in changed.items():
        (path / name.replace("__", "/").replace("_yaml", ".yaml")).write_bytes(content)
    return path


def codes_of(root: Path) -> list[str]:
    rulebook, problems = read(root)
    assert rulebook is not None or problems
    return told(problems)


def test_the_good_rulebook_is_good(tmp_path: Path) -> None:
    assert codes_of(folder(tmp_path)) == []


def test_a_file_of_100_megabytes_is_refused_by_its_size(tmp_path: Path, monkeypatch: MonkeyPatch) -> None:
    root = folder(tmp_path)
    huge = root / "rules" / "reliefs" / "huge.yaml"
    with huge.open("wb") as file:
        file.truncate(100_000_000)  # takes no room on the disk
    right = Path.read_bytes

    def read_small(self: Path) -> bytes:
        assert self != huge, "a hundred megabytes were read before they were refused"
        return right(self)

    monkeypatch.setattr(Path, "read_bytes", read_small)
    assert "file-too-large" in codes_of(root)


@pytest.mark.parametrize("content", [b"", b"# nothing\n", b"---\n", b"null"])
@pytest.mark.parametrize("name", sorted(FILES))
def test_an_empty_file_is_told(name: str, content: bytes, tmp_path: Path) -> None:
    root = folder(tmp_path)
    (root / name).write_bytes(content)
    assert codes_of(root)


@pytest.mark.parametrize("name", sorted(FILES))
def test_a_file_in_another_encoding_is_told(name: str, tmp_path: Path) -> None:
    root = folder(tmp_path)
    (root / name).write_bytes(FILES[name].encode() + "# 低保\n".encode("gbk"))
    assert "not-readable" in codes_of(root)


def test_what_is_no_file_is_told(tmp_path: Path) -> None:
    root = folder(tmp_path)
    os.mkfifo(root / "rules" / "reliefs" / "pipe.yaml")  # opening it would wait for ever
    (root / "rules" / "reliefs" / "folder.yaml").mkdir()
    (root / "rules" / "reliefs" / "lost.yaml").symlink_to(root / "nowhere.yaml")
    (root / "rules" / "reliefs" / "round.yaml").symlink_to(root / "rules" / "reliefs" / "round.yaml")
    assert codes_of(root).count("not-readable") == 4


def test_a_file_name_that_is_no_text_is_told(tmp_path: Path) -> None:
    root = folder(tmp_path)
    with open(os.fsencode(root / "rules" / "reliefs") + b"/\xff.yaml", "wb") as file:
        file.write(b"a: 1")
    assert codes_of(root)


@pytest.mark.parametrize("missing", sorted(FILES))
def test_a_file_that_is_gone_is_told(missing: str) -> None:
    assert told(read_texts({name: text for name, text in FILES.items() if name != missing})[1])


# What is put in the place of something else: every kind of node where another is wanted.
PIECES = (
    "true",
    "null",
    "[]",
    "{}",
    "5",
    "-1",
    "0.5",
    "2020-01-01",
    "x",
    '"x"',
    "[1, 2]",
    "{a: 1}",
    "[[]]",
    "[{}]",
    "[null]",
    "{zh: 1, en: 2}",
    "9999-12-31",
    "0001-01-01",
    "999999999999999999999",
    "1000000000.01",
    "size",
    "allowance",
    "on",
    "{from: 2020-01-01}",
    '"size < 1"',
    '{if: "size < 1"}',
    "{all: []}",
    "[family]",
    "{members: 5}",
    "month",
    "money",
    "choice",
    "choices",
    "date",
    "text",
    "ratio",
    "yes_no",
    "[grant, grant]",
    "[allowance]",
    "rules/*.yaml",
    '"[a-"',
    '"***"',
    "{band: money}",
    "[{band: text}]",
    "[hukou, hukou]",
    "{local: null}",
    "[{from: 1, value: null}]",
    "{local: {local: 1}}",
    "CNY",
    "years",
    "CNY/month/m2",
    "{until: 2020-01-01}",
    "&a 1",
    "*a",
    "!x 1",
    "{<<: {}}",
)
KEYS = sorted({key for text in FILES.values() for key in re.findall(r"(\w+):", text)})


def spoiled(chance: random.Random) -> dict[str, str]:
    """The good rulebook with one to three places spoiled."""
    files = dict(FILES)
    for _ in range(chance.choice((1, 1, 2, 3))):
        name = chance.choice(sorted(files))
        lines = files[name].split("\n")
        at = chance.randrange(len(lines))
        how = chance.randrange(8)
        if how == 0:
            del lines[at]
        elif how == 1:
            lines.insert(at, lines[at])
        elif how == 2:
            lines[at] = lines[at].split(":")[0] + ": " + chance.choice(PIECES)
        elif how == 3:
            places = list(re.finditer(r"(?<=[:,\[{(]) ?([^,:{}\[\]()]+)(?=[,}\])]|$)", lines[at]))
            if places:
                place = chance.choice(places)
                lines[at] = f"{lines[at][: place.start()]} {chance.choice(PIECES)}{lines[at][place.end() :]}"
        elif how == 4:
            lines[at] = " " * chance.randrange(1, 4) + lines[at]
        elif how == 5 and lines[at]:
            place = chance.randrange(len(lines[at]))
            lines[at] = lines[at][:place] + chance.choice("{}[]:,-&*!|>'\"%@#?\t 中\u2028\x85") + lines[at][place + 1 :]
        elif how == 6:
            lines.insert(
                at, " " * (len(lines[at]) - len(lines[at].lstrip())) + f"{chance.choice(KEYS)}: {chance.choice(PIECES)}"
            )
        else:
            lines[at] = chance.choice(files[chance.choice(sorted(files))].split("\n"))
        files[name] = "\n".join(lines)
    return files


@given(st.integers(0, 2**64))
def test_a_spoiled_rulebook_becomes_problems(seed: int) -> None:
    for number in range(3):
        rulebook, problems = read_texts(spoiled(random.Random(seed + number)))
        assert rulebook is not None or problems
        if not told(problems):
            assert rulebook is not None
            compile_rulebook(rulebook)


def test_a_file_full_of_faults_is_not_looked_through_to_the_end(monkeypatch: MonkeyPatch) -> None:
    looked = 0

    def count(name: str, known: Any) -> tuple[str, str]:
        nonlocal looked
        looked += 1
        return "", ""

    monkeypatch.setattr(problems_, "did_you_mean", count)
    lines = "".join(f"    - nobody_{n} < 1\n" for n in range(5_000))
    relief = FILES["rules/reliefs/grant.yaml"].replace("  all:\n", "  all:\n" + lines)
    problems = read_texts({**FILES, "rules/reliefs/grant.yaml": relief})[1]
    assert problems and looked < 2_000


# -------------------------------------------------------------------------------------------------------- expressions


def read_text(text: str, level: str = "member") -> tuple[Expr | None, list[str]]:
    problems = Problems(lines={"f.yaml": text.splitlines()})
    found = read_expression(text, Place("f.yaml"), Scope(NAMES, problems, level))
    return found, told(problems.sorted())


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("__import__('os').system('true')", "not-allowed"),
        ("__import__('os')", "unknown-function"),
        ("eval('1')", "unknown-function"),
        ("open('policies.yaml')", "unknown-function"),
        ("getattr(size, 'real')", "unknown-function"),
        ("().__class__.__bases__", "not-allowed"),
        ("size.real", "not-allowed"),
        ("size.__class__", "not-allowed"),
        ("(lambda: 1)()", "not-allowed"),
        ("lambda: 1", "not-allowed"),
        ("(x := 1)", "not-allowed"),
        ("[i for i in size]", "not-allowed"),
        ("{i for i in size}", "not-allowed"),
        ("{i: i for i in size}", "not-allowed"),
        ("min(i for i in size)", "wrong-arguments"),
        ("f'{size}'", "not-allowed"),
        ("f'{__import__(\"os\")}'", "not-allowed"),
        ("'lo' 'cal'", "not-allowed"),
        ("hukou == 'lo' 'cal'", "not-allowed"),
        ("hukou == 'loc\\x61l'", "not-allowed"),
        ("hukou == '''local'''", "not-allowed"),
        ("hukou == b'local'", "not-allowed"),
        ("hukou == r'local'", "not-allowed"),
        ("hukou in ['local', 1]", "wrong-type"),
        ("hukou in [hukou]", "wrong-type"),
        ("savings_limit[1:2]", "not-allowed"),
        ("savings_limit[...]", "not-allowed"),
        ("savings_limit[size, size]", "keys-do-not-fit"),
        ("min(*size)", "wrong-arguments"),
        ("any_member(**{})", "wrong-arguments"),
        ("any_member(age > 1, where=age > 1, where=age > 1)", "wrong-arguments"),
        ("await size", "not-allowed"),
        ("yield size", "expression-syntax"),
        ("(yield)", "not-allowed"),
        ("size; size", "expression-syntax"),
        ("size\nsize", "expression-syntax"),
        ("import os", "expression-syntax"),
        ("size = 1", "expression-syntax"),
        ("size is 1", "not-allowed"),
        ("size is not 1", "not-allowed"),
        ("owns_car == True", "compared-with-true"),
        ("True != owns_car", "compared-with-true"),
        ("size ** 100", "not-allowed"),
        ("100 ** 100 ** 100", "not-allowed"),
        ("size // 2", "not-allowed"),
        ("size % 2", "not-allowed"),
        ("size << 100", "not-allowed"),
        ("~size", "not-allowed"),
        ("1e400", "not-allowed"),
        ("1e5", "not-allowed"),
        ("0x10", "not-allowed"),
        ("1_000", "not-allowed"),
        ("1j", "not-allowed"),
        ("None", "not-allowed"),
        ("...", "not-allowed"),
        ("0.1", "number-in-rule"),
        ("owns_car and owns_car or owns_car", "brackets-needed"),
        ("ｓｉｚｅ < 1", "not-allowed"),  # NFKC makes it `size`
        ("size < １", "not-allowed"),
        ("ſize < 1", "not-allowed"),  # a long s
        ("size ＜ 1", "not-allowed"),
        ("size\u00a0< 1", "not-allowed"),
        ("\u202esize < 1", "not-allowed"),
        ("size < 1\u200b", "not-allowed"),
        ("size\ufeff", "not-allowed"),
        ("hukou == “local”", "not-allowed"),
        ("size\x00", "expression-syntax"),
        ("size(1)", "unknown-function"),
        ("qualifies(allowance)()", "not-allowed"),
        ("receives('allowance')", "wrong-arguments"),
        ("receives(allowance, grant)", "wrong-arguments"),
        ("", "expression-syntax"),
        ("   ", "expression-syntax"),
        ("#", "expression-syntax"),
        ("(" * 10_000, "expression-too-long"),
        ("not " * 10_000 + "owns_car", "expression-too-long"),
        ("(" * 400 + "1" + ")" * 400, "expression-too-deep"),
        ("[" * 900, "expression-too-deep"),
        ("-" * 900 + "1", "expression-too-deep"),
        ("1" + "+1" * 400, "expression-too-deep"),
        ("not " * 200 + "owns_car", "expression-too-deep"),
        ("size if owns_car else " * 40 + "size", "expression-too-deep"),
    ],
    ids=lambda value: value[:30],
)
def test_a_hostile_expression_is_refused(text: str, code: str) -> None:
    found, codes = read_text(text)
    assert found is None
    assert code in codes


@pytest.mark.parametrize(
    "text", ["size" + " " * LONGEST, "a" * (LONGEST + 1), "(" * 31 + "1" + ")" * 31, "[{(" * 11, "＝", "((1)"]
)
def test_cost_is_bounded_before_parsing(text: str, monkeypatch: MonkeyPatch) -> None:
    parsed: list[str] = []
    right = ast.parse
    monkeypatch.setattr(expressions.ast, "parse", lambda text, **how: parsed.append(text) or right(text, **how))
    found, codes = read_text(text)
    assert found is None and codes
    assert all(len(text) <= LONGEST and text.isascii() and text.count("(") <= 30 for text in parsed)
    if codes[0] in ("expression-too-long", "expression-too-deep", "not-allowed"):
        assert parsed == []


TOKENS = (
    "size",
    "owns_car",
    "age",
    "hukou",
    "ailments",
    "on",
    "standard",
    "savings_limit",
    "subsidy",
    "slices",
    "street",
    "balance",
    "birth_date",
    "allowance",
    "grant",
    *OPERATORS,
    "(",
    ")",
    "[",
    "]",
    ",",
    ".",
    " and ",
    " or ",
    "not ",
    '"local"',
    "'local'",
    "1",
    "0",
    "0.5",
    "where=",
    "otherwise=",
    " if ",
    " else ",
    "True",
    "None",
    ":",
    "=",
    ":=",
    "lambda ",
    "{",
    "}",
    "%",
    "**",
    "\\",
    "\n",
    "#",
    "é",
    "＝",
    ";",
    "@",
    'f"',
    '"',
    "'",
    "...",
    "*",
    "await ",
    "yield ",
    "__",
    " in ",
    "<",
    "-",
)


@given(
    st.one_of(st.text(max_size=60), st.lists(st.sampled_from(TOKENS), max_size=14).map("".join)),
    st.sampled_from(("household", "member")),
)
@example("size < 1", "household")
def test_any_text_becomes_a_tree_or_problems(text: str, level: str) -> None:
    found, codes = read_text(text, level)
    assert (found is None) == bool(codes)
    for node in found.walk() if found else ():
        assert node.op in {*OPERATORS, *LEAVES}
        if isinstance(node.value, Fraction):
            assert node.value in {*ALLOWED_NUMBERS, *ROUND_STEPS}


def test_what_is_accepted_is_no_longer_python() -> None:
    """The tree holds names and operators of the table alone: nothing of it can be called."""
    found, codes = read_text(
        'any_member(age >= grown_up and hukou in ["local"], where=counted) and standard > max(0, balance) / size'
    )
    assert codes == [] and found is not None
    assert {type(node.value) for node in found.walk()} <= {type(None), bool, str, tuple, Fraction}


# ---------------------------------------------------------------------------------------------------------- households


FAMILY: dict[str, Any] = {
    "owns_car": False,
    "rent": Decimal("0.00"),
    "balance": 0,
    "street": "x",
    "receiving": ["allowance"],
    "members": [
        {
            "id": "a",
            "relation": "x",
            "birth_date": "1980-05-01",
            "hukou": "local",
            "ailments": ["mental"],
            "lives_apart": False,
            "income": {"lowest": 1, "highest": Decimal("2.5")},
            "receiving": ["grant"],
        }
    ],
}
SECRET = "王小明110101199003078515"
FACTS = (
    "owns_car",
    "rent",
    "balance",
    "street",
    "receiving",
    "members",
    "id",
    "relation",
    "birth_date",
    "hukou",
    "ailments",
    "income",
)
PARTS = ("value", "source", "verified", "lowest", "highest", "earliest", "latest")

json_like = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.integers(10**399, 10**400),
        st.floats(),
        st.decimals(),
        st.text(max_size=30),
        st.just(SECRET),
        st.sampled_from(
            (
                "local",
                "mental",
                "1980-05-01",
                "1980-02-30",
                "0000-01-01",
                "１９８０-05-01",
                "1.50",
                "-0",
                "１",
                "1e5",
                "+1",
                " 1",
                "1\n",
                "x" * 201,
                "\x00",
            )
        ),
        st.dates(),
        st.datetimes(),
        st.binary(max_size=5),
        st.sampled_from(
            (
                Decimal("1e999999"),
                Decimal("1e-999999"),
                Decimal("sNaN"),
                Decimal("Infinity"),
                Decimal("0.001"),
                Decimal("-0.00"),
            )
        ),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from((*FACTS, *PARTS)) | st.text(max_size=10), inner, max_size=4),
    ),
    max_leaves=8,
)


def read_raw(raw: Any) -> None:
    """Read as a household it is told what is wrong, or it can be decided, written down and read again."""
    try:
        household = read_household(raw, VOCABULARY)
    except HouseholdError as error:
        assert error.problems
        for problem in error.problems:
            shown = problem.message("zh") + problem.message("en") + repr(problem.hint)
            assert SECRET not in shown and SECRET not in repr(problem.words)
            problem.data()
        return
    written = canonical_household(household, VOCABULARY)
    dumps(written)
    assert canonical_household(read_household(written, VOCABULARY), VOCABULARY) == written


@given(json_like)
@example([])
@example({"members": [{"id": "a"}] * (MOST_MEMBERS + 1)})
@example({"members": [{"id": True}]})
@example({"members": [{"id": "a", "income": float("nan")}]})
@example({"members": [{"id": "a", "income": {"value": {"value": 1}}}]})
def test_any_data_is_a_household_or_told_why_not(raw: Any) -> None:
    read_raw(raw)


@given(
    st.lists(st.tuples(st.booleans(), st.sampled_from(FACTS) | st.text(max_size=8), json_like), min_size=1, max_size=3)
)
def test_a_spoiled_household_is_told(changes: list[tuple[bool, str, Any]]) -> None:
    raw = copy.deepcopy(FAMILY)
    for in_member, name, value in changes:
        members = raw.get("members")
        target = (
            members[0] if in_member and isinstance(members, list) and members and isinstance(members[0], dict) else raw
        )
        target[name] = value
    read_raw(raw)


@pytest.mark.parametrize(
    "value",
    [1.5, float("nan"), True, "1.005", "1e2", "１", Decimal("NaN"), 10**400, date(2020, 1, 1), [], {}, "-1", "1 "],
)
def test_money_is_not_guessed(value: Any) -> None:
    with pytest.raises(HouseholdError):
        read_household({"rent": value, "members": [{"id": "a"}]}, VOCABULARY)


@pytest.mark.parametrize(
    "value",
    ["1980-5-1", "1980-02-30", "80-05-01", "1980/05/01", "１９８０-05-01", 19800501, "1799-12-31", "1980-05-01 "],
)
def test_a_date_is_not_guessed(value: Any) -> None:
    with pytest.raises(HouseholdError):
        read_household({"members": [{"id": "a", "birth_date": value}]}, VOCABULARY)
