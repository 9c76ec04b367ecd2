"""`jiuzhu check --coverage` and the alarm for stale figures: what keeps a rulebook up to date."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from engine.cli import main
from engine.decide.stale import stale_figures
from engine.decide.statutes.articles import Article, articles, chinese, number
from engine.decide.statutes.coverage import coverage
from engine.decide.statutes.index import read_index
from engine.language.model import Rulebook
from engine.language.problems import Problem, Problems
from engine.language.rulebook import load_texts
from tests import shipped
from tests.little import PARAMETERS, ROOT, policy, texts

INDEX = ROOT / "docs/statutes.yaml"
LITTLE = """\
- law: 某条例
  en: Some Regulations
  articles: 9
  texts: [2019-05-01]
  entries:
    - article: 第一条第二款
      gist: {zh: 谁有, en: who has it}
    - article: 第三条第一项
      gist: {zh: 多少, en: how much}
      reason: {zh: 未见, en: not seen}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A little rulebook with an index: its figure has a cycle, its policy cites two articles."""
    changed = PARAMETERS.replace("  highest: 10000.00\n", "  highest: 10000.00\n  cycle: 12\n", 1)
    cited = policy(when="- rent < standard").replace("article: 第一条", "article: 第一条第二款、第二条")
    index = LITTLE + "    - article: 第二条\n      gist: {zh: 谁来办, en: who decides}\n"
    for path, text in {**texts(cited, parameters=changed), "docs/statutes.yaml": index}.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text, encoding="utf-8")
    return tmp_path


def run(*args: str, rules: Path) -> Result:
    return CliRunner().invoke(main, ["check", *args, "--rules", str(rules)])


def book(cite: str, **changed: str) -> Rulebook:
    return load_texts(texts(policy().replace("cite: {law: 某条例, article: 第一条}", f"cite: {cite}"), **changed))


def covered(cite: str, index: str = LITTLE) -> tuple[list[tuple[str, ...]], tuple[Problem, ...]]:
    """Who carries each entry of the index where the only policy cites this, and what does not fit."""
    problems = Problems()
    rows = coverage(book(cite), read_index(index, "index.yaml", problems), problems)
    return [row.carried_by for row in rows], problems.sorted()


# ------------------------------------------------------------------------------------------------ article numbers


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("第十条", [(10, 0, 0)]),
        ("第十条、第十六条", [(10, 0, 0), (16, 0, 0)]),
        ("第十六条第二款", [(16, 2, 0)]),
        ("第二十一条第二款第一项", [(21, 2, 1)]),
        ("第十五条第四项", [(15, 1, 4)]),  # an item named alone is one of the first paragraph
        ("第十九条第二项、第三款", [(19, 1, 2), (19, 3, 0)]),
        ("第三十四条第一款、第二款", [(34, 1, 0), (34, 2, 0)]),
        ("第七条第一项、第二项", [(7, 1, 1), (7, 1, 2)]),
        ("第三十条至第三十二条、第三十四条", [(30, 0, 0), (31, 0, 0), (32, 0, 0), (34, 0, 0)]),
        ("第十五条第一项至第三项", [(15, 1, 1), (15, 1, 2), (15, 1, 3)]),
        ("第八十一条第一款至第三款", [(81, 1, 0), (81, 2, 0), (81, 3, 0)]),
        ("第26条", [(26, 0, 0)]),
        ("附件一", []),
        ("", []),
    ],
)
def test_articles_are_read(text: str, wanted: list[tuple[int, int, int]]) -> None:
    assert [(a.article, a.paragraph, a.item) for a in articles(text)] == wanted


def test_numbers_are_written_as_they_are_read() -> None:
    assert [chinese(n) for n in (1, 10, 11, 20, 99, 100, 103, 110, 256)] == [
        "一", "十", "十一", "二十", "九十九", "一百", "一百零三", "一百一十", "二百五十六",
    ]  # fmt: skip
    assert all(number(chinese(n)) == n for n in range(1, 1000))
    assert all(
        articles(Article(n, p, i).words()) == (Article(n, p, i),) for n in (3, 21) for p in (1, 2) for i in (0, 4)
    )


def test_a_place_lies_within_what_is_wider() -> None:
    item, paragraph, article = Article(21, 2, 1), Article(21, 2), Article(21)
    assert item.within(paragraph) and paragraph.within(article) and item.within(item)
    assert not article.within(paragraph) and not paragraph.within(item) and not Article(22).within(article)


# ------------------------------------------------------------------------------------------------------- coverage


def test_an_entry_is_carried_by_who_cites_it_or_a_part_of_it() -> None:
    assert covered("{law: 某条例, article: 第一条第二款}")[0] == [("help",), ()]
    assert covered("{law: 某条例, article: 第一条第二款第三项}")[0] == [("help",), ()]
    assert covered("{law: 某条例, article: 第一条}")[0] == [(), ()]  # the whole article does not show this part
    assert covered("{law: 别的条例, article: 第一条第二款}")[0] == [(), ()]


def test_what_no_rule_carries_needs_a_reason() -> None:
    _, problems = covered("{law: 某条例, article: 第一条}")
    (found,) = problems
    assert found.code == "missing-key" and "第一条第二款 lacks 'reason'" in found.message()


def test_what_a_rule_carries_needs_none() -> None:
    rows, problems = covered("{law: 某条例, article: 第一条第二款、第三条第一项}")
    assert rows == [("help",), ("help",)]
    assert [p.code for p in problems] == ["unknown-key"] and "carried by help" in problems[0].hint[0]


@pytest.mark.parametrize(
    ("change", "code", "says"),
    [
        (("第三条第一项", "第十二条"), "out-of-range", "第十二条 lies outside 第一条 to 第9条"),
        (("第三条第一项", "第三条、第四条"), "bad-value", "is not one article"),
        (("第三条第一项", "第一条第二款"), "name-taken", "already declared at index.yaml:6:16"),
        (("gist: {zh: 多少, en: how much}", "note: x"), "unknown-key", "note"),
        (("{zh: 未见, en: not seen}", "{zh: 未见, en: ''}"), "missing-label", "'en' is missing"),
        (("articles: 9", "articles: many"), "wrong-shape", "a whole number"),
    ],
)
def test_a_faulty_index_is_reported(change: tuple[str, str], code: str, says: str) -> None:
    _, problems = covered("{law: 某条例, article: 第一条第二款}", LITTLE.replace(*change))
    assert any(p.code == code and says in p.message() for p in problems), [p.text() for p in problems]


def test_a_citation_of_an_article_that_does_not_exist_is_reported() -> None:
    _, problems = covered("{law: 某条例, article: 第一条第二款、第十条}")
    (found,) = problems
    assert found.code == "out-of-range" and "《某条例》第十条" in found.message()
    assert found.place.file == "rules/main/policy_0.yaml"


def test_a_citation_the_index_does_not_know_is_reported() -> None:
    _, problems = covered("{law: 某条例, article: 第一条第二款、第五条}")
    (found,) = problems
    assert found.code == "missing-key" and "'第五条'" in found.message() and "'help' cites it" in found.hint[0]


def test_the_index_and_the_rules_fit() -> None:
    problems = Problems()
    laws = read_index(INDEX.read_text(encoding="utf-8"), "docs/statutes.yaml", problems)
    rows = coverage(shipped.rulebook(), laws, problems)
    assert [problem.text() for problem in problems.sorted()] == []
    assert len(laws) == 11 and all(law.entries and law.texts for law in laws)
    assert sum(row.encoded for row in rows) > len(rows) / 3


def test_the_command_shows_who_carries_what(folder: Path) -> None:
    first, second, third = json.loads(run("--coverage", "--json", rules=folder).stdout)["coverage"]
    assert (first["article"], first["carried_by"], first["reason"]) == ("第一条第二款", ["help"], None)
    assert (second["article"], second["carried_by"]) == ("第三条第一项", [])
    assert second["reason"] == {"zh": "未见", "en": "not seen"} and third["gist"]["en"] == "who decides"
    text = run("--coverage", "--lang", "zh", rules=folder).stdout
    assert "《某条例》（2019-05-01）：2/3 条款已编入" in text and "未编入：未见" in text
    assert "coverage" not in json.loads(run("--json", rules=folder).stdout)


def test_a_misfit_between_index_and_rules_is_a_problem(folder: Path) -> None:
    index = folder / "docs/statutes.yaml"
    index.write_text(index.read_text(encoding="utf-8").replace("第二条", "第四条"), encoding="utf-8")
    found = run("--coverage", "--lang", "en", rules=folder)
    assert found.exit_code == 1 and "docs/statutes.yaml" in found.stdout and "'help' cites it" in found.stdout


def test_without_an_index_the_command_says_so(folder: Path) -> None:
    found = run("--coverage", "--index", str(folder / "none.yaml"), "--lang", "en", rules=folder)
    assert found.exit_code == 2 and "the index of statutes cannot be read" in found.stderr


# -------------------------------------------------------------------------------------------------- stale figures


def aged(cycle: str, when: str = "- rent < standard") -> Rulebook:
    changed = PARAMETERS.replace("  highest: 10000.00\n", f"  highest: 10000.00\n  cycle: {cycle}\n", 1)
    return load_texts(texts(policy(when=when), parameters=changed))


def test_a_figure_is_stale_after_its_cycle_and_not_on_the_day() -> None:
    rulebook = aged("12")  # in force from 2021-01-01
    assert stale_figures(rulebook, date(2022, 1, 1)) == ()
    (found,) = stale_figures(rulebook, date(2022, 1, 2))
    assert (found.parameter.name, found.value.from_date, found.due) == ("standard", date(2021, 1, 1), date(2022, 1, 1))
    assert found.read_by == ("help",)


def test_a_newer_value_ends_the_alarm_and_an_older_day_is_its_own() -> None:
    rulebook = aged("6")
    (found,) = stale_figures(rulebook, date(2020, 12, 31))  # the value of 2020 was six months old in July
    assert found.due == date(2020, 7, 1)
    assert stale_figures(rulebook, date(2021, 3, 1)) == ()


def test_a_figure_without_a_cycle_or_that_nobody_reads_is_never_stale() -> None:
    assert stale_figures(load_texts(texts(policy(when="- rent < standard"))), date(2050, 1, 1)) == ()
    assert stale_figures(aged("12", "- car"), date(2050, 1, 1)) == ()


def test_the_command_warns_of_stale_figures(folder: Path) -> None:
    found = run("--on", "2024-06-01", "--json", rules=folder)
    (each,) = json.loads(found.stdout)["stale"]
    assert (each["parameter"], each["from"], each["due"]) == ("standard", "2021-01-01", "2022-01-01")
    assert each["read_by"] == ["help"] and each["source"] == "another notice" and each["cycle"] == 12
    lines = (folder / each["file"]).read_text(encoding="utf-8").splitlines()
    assert "2021-01-01" in lines[each["line"] - 1]
    text = run("--on", "2024-06-01", "--lang", "en", rules=folder).stdout
    assert "1 figure(s) older than their usual cycle:" in text and "standard" in text
    assert "older than" not in run("--on", "2021-06-01", "--lang", "en", rules=folder).stdout


def test_a_stale_figure_is_no_problem(folder: Path) -> None:
    early, late = (json.loads(run("--on", day, "--json", rules=folder).stdout) for day in ("2021-06-01", "2024-06-01"))
    assert early["problems"] == late["problems"] and not early["stale"] and late["stale"]
