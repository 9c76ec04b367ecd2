"""Alert rules, kinds of events and the calendar as files: what is wrong in them is found, with its place."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, timedelta

import pytest

from engine.decide.examples import check_examples
from engine.decide.program import compile_rulebook
from engine.language.alerts import alerts_as_policies
from engine.language.checks import expressions_of
from engine.language.model import Policy, Rulebook
from engine.language.rulebook import policies_asked, read_texts
from engine.language.workdays import UnknownYear, is_workday, workdays_after

HEAVY, DIED, COMING = (
    f"rules/alerts/{name}.yaml" for name in ("heavy_medical_costs", "labourer_died", "coming_change")
)
RISE, FACTS, CALENDAR = "rules/alerts/coming_rise.yaml", "rules/facts.yaml", "rules/calendar.yaml"


def swap(old: str, new: str) -> Callable[[str], str]:
    def change(text: str) -> str:
        assert old in text, old
        return text.replace(old, new, 1)

    return change


BROKEN = [
    (HEAVY, swap("household_self_paid >", "household_self_payed >"), "unknown-name"),
    (HEAVY, swap("alert_self_paid_limit\n", "50000\n"), "number-in-rule"),
    (HEAVY, swap("household_self_paid > alert_self_paid_limit", "income_per_person > alert_self_paid_limit"), "units-differ"),
    (HEAVY, swap("means: calendar_year", "means: rolling_year"), "bad-value"),
    (HEAVY, swap("year:\n  means: calendar_year\n  cite: {note: 报道只写“年度”，按自然年理解, verified: false}\n", ""), "missing-key"),
    (HEAVY, swap("cause: illness", "cause: ilness"), "not-one-of"),
    (HEAVY, swap("urgency: soon", "urgency: now"), "not-one-of"),
    (HEAVY, swap("for: household", "for: town"), "not-one-of"),
    (HEAVY, swap("status: quiet", "status: silent"), "not-one-of"),
    (HEAVY, swap("alert: heavy_medical_costs", "alert: minimum_living_allowance"), "name-taken"),
    (HEAVY, swap("alert: heavy_medical_costs", "alert: Heavy"), "bad-name"),
    (HEAVY, swap("title: {zh: 年度自负医疗费用过高, en:", "title: {zh: '', en:"), "missing-label"),
    (HEAVY, swap("urgency: soon\n", "urgency: soon\ncolour: red\n"), "unknown-key"),
    (HEAVY, swap("department:", "departement:"), "missing-key"),
    (DIED, swap("    - deceased\n", "    - any_member(deceased)\n    - not household_self_paid\n"), "wrong-type"),
    (DIED, swap("in_force: {from: 2021-01-01}", "in_force: {from: 2020-12-31}"), "dates-leave-gap"),
    (COMING, swap('"+60 days"', '"60 days"'), "bad-value"),
    (COMING, swap('"+60 days"', '"+900 days"'), "bad-value"),
    (COMING, swap('{on: "+60 days"}', '{on: "+60 days", parameter: dibao_standard}'), "missing-key"),
    (COMING, swap("compare:", "compares:"), "missing-key"),
    (RISE, swap("parameter: dibao_standard", "parameter: dibao_standards"), "unknown-name"),
    (RISE, swap("to: next", "to: old_age"), "wrong-type"),
    (RISE, swap("counts: [gained]", "counts: [won]"), "not-one-of"),
    (RISE, swap("  counts: [gained]", "  policies: [dibao]"), "unknown-policy"),
    (RISE, swap("for: household", "for: member"), "bad-value"),
    (FACTS, swap("sets: [district, subdistrict, living_area]", "sets: [district, hukou]"), "bad-value"),
    (FACTS, swap("sets: [district, subdistrict, living_area]", "sets: [district, size]"), "bad-value"),
    (FACTS, swap("sets: [needs_inpatient, acute_illness]", "sets: [needs_impatient]"), "unknown-name"),
    (FACTS, swap("always: {employment: student}", "always: {employment: pupil}"), "bad-value"),
    (FACTS, swap("self_paid_this_year: {of: self_paid,", "self_paid_this_year: {of: paid,"), "unknown-name"),
    (FACTS, swap("over: calendar_year}", "over: school_year}"), "not-one-of"),
    (FACTS, swap("sets: [needs_inpatient, acute_illness]", "sets: [self_paid_this_year]"), "name-taken"),
    (FACTS, swap("  diagnosis:\n", "  correction:\n"), "bad-name"),
    (CALENDAR, swap('"2025-05-31/2025-06-02"', '"2025-06-31"'), "bad-value"),
    (CALENDAR, swap('"2025-05-31/2025-06-02"', '"2024-06-01"'), "bad-value"),
    (CALENDAR, swap("year_2025:", "y2025:"), "bad-value"),
    ("policies.yaml", swap("due: alert_due_days", "due: old_age"), "bad-value"),
    ("policies.yaml", swap("due: alert_due_days", "due: nothing"), "unknown-name"),
    ("policies.yaml", swap("rules/calendar.yaml", "rules/calender.yaml"), "no-such-file"),
]  # fmt: skip


@pytest.fixture(scope="module")
def lean(rulebook: Rulebook) -> dict[str, str]:
    """The files of the alert rules and of the policies they ask: a tenth of the whole, read forty times here."""
    names = {name for alert in alerts_as_policies(rulebook) for name in policies_asked(alert)}
    todo = [*names, "minimum_living_allowance"]
    while todo:
        for version in rulebook.versions(todo.pop()):
            names.add(version.id)
            asked = policies_asked(version) | {each.policy for each in version.excludes} | _received(version)
            todo += asked - names
            names |= asked
    kept = {policy.at.file for policy in rulebook.policies if policy.id in names}
    dropped = {policy.at.file for policy in rulebook.policies} - kept | {"rules/labels.yaml"}
    catalogue = rulebook.files["policies.yaml"]
    head = re.sub(r"^labels:.*\n", "", catalogue[: catalogue.index("groups:")], flags=re.M)
    group = "groups:\n  some:\n    title: {zh: 一部分, en: some}\n    jurisdiction: shanghai\n    files:\n"
    files = {path: text for path, text in rulebook.files.items() if path not in dropped}
    files["policies.yaml"] = head + group + "".join(f"      - {path}\n" for path in sorted(kept))
    found, problems = read_texts(files)
    assert found is not None and not problems, [problem.text("en") for problem in problems]
    assert len(found.policies) < len(rulebook.policies) / 2
    return files


def _received(policy: Policy) -> set[str]:
    return {node.name for expr in expressions_of(policy) for node in expr.walk() if node.op == "receives"}


@pytest.mark.parametrize(
    ("path", "change", "code"), BROKEN, ids=[f"{p.split('/')[-1][:-5]}-{c}-{n}" for n, (p, _, c) in enumerate(BROKEN)]
)
def test_what_is_wrong_is_found_where_it_stands(
    lean: dict[str, str], path: str, change: Callable[[str], str], code: str
) -> None:
    _, problems = read_texts({**lean, path: change(lean[path])})
    found = [problem for problem in problems if problem.code == code]
    assert found, [str(problem.text("en")) for problem in problems]
    assert any(problem.place.file == path for problem in found)
    for problem in found:
        assert problem.message("zh") and problem.message("en")


def test_an_example_that_does_not_come_out_is_told(rulebook: Rulebook) -> None:
    text = swap("self_paid_this_year: 30000.01", "self_paid_this_year: 30000.00")(rulebook.files[HEAVY])
    broken, problems = read_texts({**rulebook.files, HEAVY: text})
    assert broken is not None and not problems
    found = check_examples(compile_rulebook(broken), only="heavy_medical_costs")
    assert {problem.code for problem in found} >= {"example-fails", "boundary-not-shown"}


def test_the_shipped_alert_rules_come_out_as_they_say(rulebook: Rulebook) -> None:
    for alert in rulebook.alerts:
        assert not check_examples(compile_rulebook(rulebook), only=alert.id) or alert.policy is None


def test_an_alert_rule_is_part_of_the_rulebook_and_of_its_digest(rulebook: Rulebook) -> None:
    other, _ = read_texts({**rulebook.files, HEAVY: rulebook.files[HEAVY] + "# 备注\n"})
    assert other is not None and other.digest != rulebook.digest
    assert not {alert.id for alert in rulebook.alerts} & set(rulebook.ids()), "no alert rule is a policy"


def test_the_calendar_agrees_with_one_kept_by_others(rulebook: Rulebook) -> None:
    chinese_calendar = pytest.importorskip("chinese_calendar")
    for year in rulebook.calendar:
        day = date(year, 1, 1)
        while day.year == year:
            assert is_workday(day, rulebook.calendar) == chinese_calendar.is_workday(day), day
            day += timedelta(days=1)


def test_a_year_nobody_entered_is_an_error_that_says_so(rulebook: Rulebook) -> None:
    assert workdays_after(date(2026, 2, 13), 1, rulebook.calendar) == date(2026, 2, 14), "a Saturday that is worked"
    assert workdays_after(date(2026, 2, 14), 1, rulebook.calendar) == date(2026, 2, 24), "after the Spring Festival"
    with pytest.raises(UnknownYear, match="2027"):
        workdays_after(date(2026, 12, 31), 1, rulebook.calendar)
    with pytest.raises(UnknownYear, match=r"rules/calendar\.yaml"):
        is_workday(date(2019, 1, 1), rulebook.calendar)
