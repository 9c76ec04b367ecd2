"""Labels: read and checked as rules are, and carried by a household as yes, no or not known."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from api.views import brief
from engine.decide import Decision, compile_rulebook, decide
from engine.decide.decision import Decision as Narrow
from engine.decide.examples import check_examples
from engine.decide.explain import Explainer
from engine.decide.labels import as_data, carried, explain_label
from engine.decide.program import narrowed
from engine.decide.record import record
from engine.decide.run import run
from engine.language.household import read_household
from engine.language.labels import label_book
from engine.language.rulebook import load_texts, read_texts
from tests.shipped import files, program

ON = date(2025, 8, 1)




def decided(name: str = "ordinary_family", on: date = ON, **members: dict[str, Any]) -> Decision:
    raw = dict(program().rulebook.households[name])
    raw["members"] = [{**member, **members.get(member["id"], {})} for member in raw["members"]]
    return decide(program(), read_household(raw, program().vocabulary), on)


def texts(labels: str) -> dict[str, str]:
    return {**files(), "rules/labels.yaml": labels}


ONE = """
tall_story:
  label: {{zh: 标签, en: a label}}
  for: {level}
  department: {{zh: 民政, en: Civil affairs}}
  when:
    all:
      - {when}
  examples: []
"""


def codes(when: str, level: str = "member") -> set[str]:
    _, problems = read_texts(texts(ONE.format(when=when, level=level)))
    return {problem.code for problem in problems}


def test_there_are_at_least_twenty_and_each_speaks_both_languages() -> None:
    labels = program().rulebook.labels
    assert len(labels) >= 20
    assert all(label.title.zh and label.title.en and label.department.zh for label in labels)
    assert {label.level for label in labels} == {"household", "member"}
    assert len({label.title.zh for label in labels}) == len(labels)


def test_every_example_of_every_label_comes_out() -> None:
    problems = [p for p in check_examples(program()) if p.place.file == "rules/labels.yaml"]
    assert problems == []
    assert all(label.policy.examples for label in program().rulebook.labels)


def test_an_example_that_expects_something_else_is_a_problem() -> None:
    text = files()["rules/labels.yaml"]
    rulebook = load_texts(texts(text.replace("expect: {status: has}", "expect: {status: has_not}", 1)))
    found = check_examples(compile_rulebook(rulebook), only="lone_old")
    assert {p.code for p in found} >= {"example-fails"}


@pytest.mark.parametrize(
    ("when", "level", "code"),
    [
        ("no_such_fact", "member", "unknown-name"),
        ("age >= 60", "member", "number-in-rule"),
        ("age >= dibao_standard", "member", "units-differ"),
        ('hukou == "moon"', "member", "unknown-choice"),
        ("age >= old_age", "household", "wrong-level"),
        ("receives(no_such_policy)", "member", "unknown-policy"),
        ("tall_story", "member", "unknown-name"),
    ],
)
def test_the_checks_of_rules_hold_for_labels(when: str, level: str, code: str) -> None:
    assert code in codes(when, level)


def test_a_label_needs_examples_and_a_name_of_its_own() -> None:
    assert "no-examples" in codes("minor")
    body = ONE.format(when="minor", level="member")
    _, problems = read_texts(texts(body.replace("tall_story", "minor")))
    assert "name-taken" in {p.code for p in problems}


def test_labels_are_part_of_the_digest() -> None:
    texts_ = files()
    before = load_texts(texts_).digest
    assert load_texts({**texts_, "rules/labels.yaml": texts_["rules/labels.yaml"] + "# 一行\n"}).digest != before


def test_a_household_carries_labels_as_yes_no_or_not_known() -> None:
    found = as_data(decided(c={"birth_date": None, "self_paid_this_year": None}))
    assert found["dibao_not_drawn"] == "yes"
    assert found["lone_old"] == "no"
    assert found["heavy_self_paid"] == "unknown"
    assert found["very_old"] == {"a": "no", "b": "no", "c": "unknown"}
    assert set(found) == {label.id for label in program().rulebook.labels}


def test_the_record_holds_the_labels_and_no_answer_changes_by_them() -> None:
    decision = decided()
    document = record(decision)
    assert document["labels"] == as_data(decision)
    labels = {label.id for label in program().rulebook.labels}
    assert not labels & {answer["policy"] for answer in document["answers"]}
    bare = load_texts(
        {
            **{path: text for path, text in files().items() if path != "rules/labels.yaml"},
            "policies.yaml": files()["policies.yaml"].replace("labels: rules/labels.yaml\n", ""),
        }
    )
    without = compile_rulebook(bare)
    again = record(decide(without, read_household(bare.households["ordinary_family"], without.vocabulary), ON))
    assert again["labels"] == {} and again["answers"] == document["answers"] and again["totals"] == document["totals"]


def test_an_answer_over_http_holds_the_labels_and_an_older_record_without_them_is_read() -> None:
    document = record(decided())
    assert brief(document)["labels"] == document["labels"]
    older = {key: value for key, value in document.items() if key != "labels"}
    assert "labels" not in brief(older) and brief(older)["answers"] == brief(document)["answers"]


def test_labels_and_the_book_with_labels_among_the_policies_agree() -> None:
    """The same conditions decided as policies are: what the SQL is compiled from."""
    book = compile_rulebook(label_book(program().rulebook))
    for name, raw in program().rulebook.households.items():
        one = decide(program(), read_household(raw, program().vocabulary), ON)
        whole = decide(book, read_household(raw, book.vocabulary), ON)
        words = {"eligible": "yes", "ineligible": "no", "undetermined": "unknown"}
        for each in carried(one):
            assert words[whole.answer(each.label.id, each.member).status] == each.word, (name, each.label.id)


def test_a_label_begins_when_its_figures_are_known() -> None:
    begins = {label.id: label.policy.from_date for label in program().rulebook.labels}
    assert begins["heavy_self_paid"] == date(2021, 1, 1)  # Yueqing's line is known from then
    assert "heavy_self_paid" not in as_data(decided(on=date(2020, 12, 31)))
    assert "heavy_self_paid" in as_data(decided(on=date(2021, 1, 1)))
    assert begins["uninsured"] == date.min


def test_a_label_that_asks_a_policy_which_was_not_decided_is_left_out() -> None:
    whole = decided()
    edition = narrowed(whole.edition, {"elder_allowance"})
    few = Narrow(program(), edition, whole.household, run(program(), edition, whole.household))
    assert "dibao_not_drawn" not in as_data(few) and "lone_old" in as_data(few)
    assert as_data(few)["very_old"] == as_data(whole)["very_old"]


def test_a_label_is_explained_in_both_languages_and_names_no_outer_limit() -> None:
    decision = decided(c={"self_paid_this_year": None})
    heavy = next(each for each in carried(decision) if each.label.id == "heavy_self_paid")
    for lang, title in (("zh", "大额自负医疗：不明"), ("en", "heavy self-paid medical costs: not known")):
        line = explain_label(Explainer(decision, lang), heavy)
        assert line.text == title and line.outcome == "unknown"
        assert "50,000" in line.parts[0].text and "600,000,000" not in " ".join(part.text for part in line.walk())
