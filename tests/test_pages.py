"""`jiuzhu docs`: each policy has a page that says what its rules say, and is in step with them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from engine.cli import main
from engine.decide.pages.folder import INDEX, out_of_step, pages
from engine.decide.pages.markdown import bullet, escaped, joined, table
from engine.decide.pages.policy import page
from engine.language.checks import expressions_of, parameters_read
from engine.language.model import Rulebook
from engine.language.rulebook import load_texts
from engine.language.tree import Condition
from engine.language.words import LANGS, Wording
from tests import shipped
from tests.little import ROOT, policy, texts

FOLDER = ROOT / "docs/policies"
BOOK = shipped.rulebook()
NAMES = sorted([INDEX, *(f"{name}.{lang}.md" for name in BOOK.ids() for lang in LANGS)])


@cache
def made() -> dict[str, str]:
    """Every page: worked out where it is looked at, not in every process that collects tests."""
    found = pages(BOOK)
    assert sorted(found) == NAMES
    return found


def run(*args: str, rules: Path = ROOT) -> Result:
    return CliRunner().invoke(main, ["docs", *args, "--rules", str(rules), "--lang", "en"])


def little(*policies: str, **changed: str) -> Rulebook:
    return load_texts(texts(*policies, **changed))


# ------------------------------------------------------------------------------------------- in step with the rules


def test_the_pages_are_in_step_with_the_rules() -> None:
    found = run("--out", str(FOLDER), "--check")
    assert found.exit_code == 0, found.stdout + "run: jiuzhu docs"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A little rulebook in a folder of its own."""
    for path, text in texts(policy(when="- rent < standard"), policy("other")).items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text, encoding="utf-8")
    return tmp_path


def test_a_changed_figure_puts_the_pages_out_of_step(folder: Path) -> None:
    out = ("--out", str(folder / "pages"))
    assert run(*out, rules=folder).exit_code == 0
    assert run(*out, "--check", rules=folder).exit_code == 0
    file = folder / "rules/parameters.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("value: 1100.00", "value: 1100.01"), encoding="utf-8")
    found = run(*out, "--check", rules=folder)
    assert found.exit_code == 1 and "help.zh.md: is out of step" in found.stdout and "other.zh.md" not in found.stdout
    assert run(*out, rules=folder).exit_code == 0
    assert "1,100.01" in (folder / "pages/help.zh.md").read_text(encoding="utf-8")
    assert run(*out, "--check", rules=folder).exit_code == 0


def test_a_page_without_a_policy_is_out_of_step_and_is_removed(folder: Path) -> None:
    out = ("--out", str(folder / "pages"))
    assert run(*out, rules=folder).exit_code == 0
    (folder / "pages/old_policy.zh.md").write_text("# 旧", encoding="utf-8")
    assert run(*out, "--check", rules=folder).exit_code == 1
    assert run(*out, rules=folder).exit_code == 0 and not (folder / "pages/old_policy.zh.md").exists()


def test_what_is_out_of_step_is_what_is_missing_differs_or_is_too_much() -> None:
    assert out_of_step({"a": "1", "b": "2", "c": "3"}, {"a": "1", "b": "x", "d": "4"}) == ("b", "c", "d")


def test_the_same_rules_give_the_same_pages() -> None:
    assert pages(load_texts(BOOK.files)) == made()


def test_a_folder_that_cannot_be_written_is_a_clear_error(folder: Path) -> None:
    found = run("--out", str(folder / "policies.yaml"), rules=folder)
    assert found.exit_code == 2 and "cannot be read or written" in found.stderr


# --------------------------------------------------------------------------------------------- what the pages say


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("name", BOOK.ids())
def test_every_part_of_every_policy_is_on_its_page(name: str, lang: str) -> None:
    text = made()[f"{name}.{lang}.md"]
    for version in BOOK.versions(name):
        wording = Wording(BOOK, lang, None if version is BOOK.versions(name)[-1] else version.to_date)
        for node in _outside_members(version.when):
            if node.kind == "leaf":
                assert escaped(wording.condition(node, version)) in text
        for item in version.gives:
            assert escaped(item.title[lang]) in text
            if item.amount is not None:
                assert escaped(wording.expression(item.amount, version)) in text
        for example in version.examples:
            assert f"| {escaped(example.says[lang])} | {example.on.isoformat()} |" in text
        for parameter in parameters_read(BOOK, expressions_of(version)):
            for value in BOOK.parameters[parameter].values:
                assert f"| {value.from_date.isoformat()} |" in text and escaped(value.source) in text
        for document in version.documents if version is BOOK.versions(name)[-1] else ():
            assert escaped(document.words[lang]) in text
        assert version.from_date.isoformat() in text and version.at.file in text


def _outside_members(node: Condition) -> Iterator[Condition]:
    """Every node that has a line of its own: what stands inside `any_member` is one sentence with it."""
    yield node
    if node.kind in ("all", "any", "none"):
        for part in node.parts:
            yield from _outside_members(part)


@pytest.mark.parametrize("name", NAMES)
def test_every_link_leads_somewhere(name: str) -> None:
    text = made()[name]
    for target in re.findall(r"\]\(([^)]+)\)", text):
        if target.startswith("http"):
            continue
        if target.startswith("../../"):
            assert (ROOT / target.removeprefix("../../")).is_file(), target
        else:
            assert target in NAMES, target


def test_the_index_lists_every_policy_once() -> None:
    text = made()[INDEX]
    assert all(text.count(f"]({name}.zh.md)") == text.count(f"]({name}.en.md)") == 1 for name in BOOK.ids())
    assert all(group.title.zh in text for group in BOOK.groups.values())


def test_a_figure_not_verified_and_one_not_published_are_marked() -> None:
    text = page(little(policy(when="- rent < hidden\n- rent < standard")), "help", "zh")
    assert "| 2020-01-01 | 未公布 | not published here | **未核实** |" in text
    assert "| 2021-01-01 | 1,100.00 元/月 | another notice | **未核实** |" in text
    assert "| 2020-01-01 | 1,000.00 元/月 | a notice | 是 |" in text


def test_a_table_of_figures_shows_its_rows() -> None:
    text = page(
        little(policy(when='- per_head < by_size[size]\n- any_member(rate[badge] > rate["red"])')), "help", "en"
    )
    assert "| 2020-01-01 | from 1 people | 100.00 yuan/month | a notice | yes |" in text
    assert "|  | each one further | + 40.00 yuan/month |  |  |" in text
    assert "| 2020-01-01 | red | 90% | a notice | yes |" in text and "|  | blue | not published |  |  |" in text


def test_exclusions_stand_on_both_pages_with_their_sureness() -> None:
    more = "excludes: [{policy: other, cite: {document: 某通知}, verified: false}]"
    book = little(policy(more=more), policy("other"))
    assert "## 不得同时享受\n\n- [other](other.zh.md)（某通知）（未核实）" in page(book, "help", "zh")
    assert "## Not together with\n\n- [help](help.en.md) (某通知) (not verified)" in page(book, "other", "en")


def test_who_asks_whom_is_said_on_both_sides() -> None:
    book = little(policy(when="- holds(other)"), policy("other"))
    assert "先看是否符合或正在享受：[other](other.zh.md)" in page(book, "help", "zh")
    assert "its answer is used by: [help](help.en.md)" in page(book, "other", "en")


def test_an_earlier_text_stands_below_with_the_names_of_its_day() -> None:
    old = policy(when="- rent > standard", more="in_force: {from: 2020-01-01, to: 2020-12-31}")
    new = policy(more="in_force: {from: 2021-01-01}\ncalled: [{until: 2020-12-31, zh: 旧名, en: the old name}]")
    old = old.replace("department:", "called: [{until: 2020-12-31, zh: 旧名, en: the old name}]\ndepartment:")
    text = page(little(old, new.replace("on: 2020-06-01", "on: 2021-06-01")), "help", "zh")
    head, _, below = text.partition("## 以前的规定：2020-01-01 至 2020-12-31")
    assert "2020-12-31 以前：旧名" in head and "房租高于标准" not in head
    assert "**旧名**" in below and "房租高于标准" in below


# -------------------------------------------------------------------------------------------------------- markdown


def test_text_of_the_rules_is_never_markdown() -> None:
    assert escaped("a|b *c* <d> [e](f) `g`\nh_i") == "a\\|b \\*c\\* \\<d\\> \\[e\\](f) \\`g\\` h\\_i"


def test_tables_lists_and_blocks() -> None:
    assert table(("a", "b"), []) == []
    assert table(("a", "b"), [("1", "2")]) == ["| a | b |", "|---|---|", "| 1 | 2 |"]
    assert bullet(2, "x") == "    - x"
    assert joined([["a"], [], ["b", "c"]]) == "a\n\nb\nc\n"
