"""`jiuzhu mutate`: a change of a rule that no example notices is found, and only such a change."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from engine.cli import main
from engine.decide.examples import check_examples
from engine.decide.mutation.known import read_equivalents, stale
from engine.decide.mutation.mutants import KINDS, Mutant, line_with
from engine.decide.mutation.score import ALIVE, REFUSED, Plan, Verdict, tally, total, verdicts
from engine.decide.mutation.wording import changes
from engine.decide.program import compile_rulebook
from engine.language.problems import Problem, Problems
from engine.language.rulebook import load_texts, read_texts
from tests.little import PARAMETERS, ROOT, texts

HELP = """\
policy: help
title: {zh: 帮助, en: help}
kind: benefit
for: household
department: {zh: 民政, en: Civil affairs}
in_force: {from: 2020-06-01}
cite: {law: 某条例, article: 第一条}
let:
  gap: {zh: 差额, en: gap, is: standard - per_head, unit: CNY/month}
when:
  all:
    - per_head < standard
    - id: no_car_or_red
      any:
        - not car
        - any_member(badge == "red", where=counted)
gives:
  - id: money
    title: {zh: 钱, en: money}
    amount: gap * size
    per: month
    round: {to: 0.01, mode: half_up}
  - id: rent_help
    title: {zh: 房租, en: rent}
    if: rent > 0
    amount: min(rent, by_size[size])
    per: month
examples:
  - {says: {zh: 低一分, en: below}, on: 2020-06-01, like: pair,
     household: {rent: 0.01, members: [{id: a, income: 1999.98}]},
     expect: {status: eligible, money: 0.02, rent_help: 0.01}}
  - {says: {zh: 正好, en: at it}, on: 2020-06-01, like: pair,
     household: {members: [{id: a, income: 2000.00}]},
     expect: {status: ineligible}}
  - {says: {zh: 不付房租, en: no rent}, on: 2020-06-02, like: pair,
     expect: {status: eligible, money: 500.00, rent_help: 0.00}}
  - {says: {zh: 三人房租高, en: a high rent}, on: 2020-06-02, like: pair,
     household: {rent: 900.00, members: [{id: c, born: 1990-01-01, income: 0.00, away: false, badge: blue}]},
     expect: {status: eligible, money: 1500.00, rent_help: 250.00}}
  - {says: {zh: 有车有红, en: a car and red}, on: 2020-06-02, like: pair,
     household: {car: true},
     expect: {status: eligible}}
  - {says: {zh: 有车无红, en: a car and no red}, on: 2020-06-02, like: pair,
     household: {car: true, members: [{id: a, badge: blue}]},
     expect: {status: ineligible}}
  - {says: {zh: 红的不在家, en: the red one is away}, on: 2020-06-02, like: pair,
     household: {car: true, members: [{id: a, badge: blue}, {id: c, income: 0.00, away: true, badge: red}]},
     expect: {status: ineligible}}
  - {says: {zh: 无车无红, en: neither}, on: 2020-06-02, like: pair,
     household: {members: [{id: a, badge: blue}]},
     expect: {status: eligible}}
  - {says: {zh: 不明, en: not known}, on: 2020-06-02, like: pair,
     household: {members: [{id: a, income: null}]},
     expect: {status: undetermined}}
"""
BADGE = """\
policy: badge_money
title: {zh: 红色津贴, en: money for red}
kind: benefit
for: member
department: {zh: 民政, en: Civil affairs}
in_force: {from: 2020-01-01}
cite: {law: 某条例, article: 第二条}
when:
  all:
    - badge in ["red", "blue"]
    - holds(help)
gives:
  - {id: money, title: {zh: 钱, en: money}, amount: standard if badge == "red" else hidden, per: month}
excludes: [{policy: extra}]
examples:
  - {says: {zh: 一, en: one}, on: 2020-06-02, like: pair,
     expect: {a: {status: eligible, money: 1000.00}, b: {status: ineligible}}, also: {help: {status: eligible}}}
  - {says: {zh: 二, en: two}, on: 2020-06-02, like: pair,
     household: {members: [{id: a, badge: null}]},
     expect: {a: {status: undetermined}}}
"""
EXTRA = """\
policy: extra
title: {zh: 额外, en: extra}
kind: service
for: member
department: {zh: 民政, en: Civil affairs}
in_force: {from: 2020-01-01}
cite: {law: 某条例, article: 第三条}
when: away
examples:
  - {says: {zh: 一, en: one}, on: 2020-06-02, like: pair,
     household: {members: [{id: b, away: true}]},
     expect: {a: {status: ineligible}, b: {status: eligible}}}
  - {says: {zh: 二, en: two}, on: 2020-06-02, like: pair,
     household: {members: [{id: b, away: null}]},
     expect: {b: {status: undetermined}}}
"""
# The examples are as many and show as much, but the one in which red alone opens the door expects nothing of it.
RED = "household: {car: true},\n     expect: {status: eligible}"
WEAK = HELP.replace(RED, RED.replace("{status: eligible}", "{}"))

Change = tuple[str, str]


def plan_of(*policies: str, only: str = "") -> Plan:
    program = compile_rulebook(load_texts(texts(*policies)))
    assert check_examples(program) == (), "\n".join(p.text() for p in check_examples(program))
    return Plan(program, frozenset(only.split()))


def alive(found: list[Verdict]) -> set[Change]:
    return {(v.mutant.text, v.mutant.change) for v in found if v.fate == ALIVE}


def run(*args: str, rules: Path = ROOT) -> Result:
    return CliRunner().invoke(main, ["mutate", *args, "--rules", str(rules), "--lang", "en"])


@pytest.fixture
def little(tmp_path: Path) -> Path:
    """A folder with the little rulebook."""
    for path, text in texts(HELP).items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text, encoding="utf-8")
    return tmp_path


# ------------------------------------------------------------------------------------------------ what is changed


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("a < b", {"a <= b"}),
        ("a <= b", {"a < b"}),
        ("a > b", {"a >= b"}),
        ("a >= b", {"a > b"}),
        ("1 <= a <= b", {"1 < a <= b", "1 <= a < b"}),
        ('c == "x"', {'c != "x"'}),
        ('c in ["x", "y"]', {'c not in ["x", "y"]', 'c in ["x"]', 'c in ["y"]'}),
        ('"x" in kinds', {'"x" not in kinds'}),
        ("not a", {"a"}),
        ("a and b", {"a or b", "a", "b"}),
        ("a and (b or c)", {"a or (b or c)", "a", "b or c", "a and (b and c)", "a and b", "a and c"}),
        ("holds(p)", {"receives(p)"}),
        ("qualifies(p)", set()),
        ("min(a, b)", {"max(a, b)"}),
        ("any_member(a, where=b)", {"every_member(a, where=b)", "any_member(a)"}),
        ("x if a else y", {"x", "y"}),
        ("a + b * 2", set()),
        ('r["x", k]', set()),
    ],
)
def test_every_small_change_of_an_expression(text: str, wanted: set[str]) -> None:
    assert {change for _, change in changes(text)} == wanted


def test_the_brackets_the_language_asks_for_are_kept() -> None:
    assert "(a and b) or c" in {change for _, change in changes("(a and b) or not c")}


def test_every_kind_of_change_is_made() -> None:
    assert {each.mutant.kind for each in plan_of(HELP, BADGE, EXTRA).planned} == set(KINDS)


def test_every_figure_a_policy_reads_while_it_is_in_force_is_changed() -> None:
    figures = {each.mutant.text for each in plan_of(HELP).planned if each.mutant.kind == "figure"}
    assert "standard 2020-01-01: 1000.00" in figures
    assert "standard 2021-01-01: 1100.00" in figures  # though no example stands on its days
    assert not any(text.startswith("rate") for text in figures)  # no policy reads it
    assert "by_size 2020-01-01 from: 3" in figures and "by_size 2020-01-01: 40.00" in figures
    assert "by_size 2020-01-01 from: 1" not in figures  # the first band begins at the least there can be


def test_a_figure_that_ends_before_the_policy_begins_is_left_alone() -> None:
    late = HELP.replace("{from: 2020-06-01}", "{from: 2021-01-01}").replace("on: 2020-06-0", "on: 2021-06-0")
    late = late.replace("allowance: ", "money: ")
    program = compile_rulebook(load_texts(texts(late)))
    texts_ = {each.mutant.text for each in Plan(program).planned}
    assert not any(text.startswith("standard 2020-01-01") for text in texts_)
    assert "standard 2021-01-01 from: 2021-01-01" in texts_


def test_every_first_and_last_day_is_moved() -> None:
    ended = EXTRA.replace("{from: 2020-01-01}", "{from: 2020-01-01, to: 2020-12-31}")
    dates = {(each.mutant.text, each.mutant.change) for each in plan_of(HELP, ended).planned}
    assert {
        ("in_force.from: 2020-06-01", "2020-06-02"),
        ("in_force.from: 2020-01-01", "2020-01-02"),
        ("in_force.to: 2020-12-31", "2020-12-30"),
        ("standard 2021-01-01 from: 2021-01-01", "2021-01-02"),
    } <= dates


def test_a_figure_that_is_not_known_after_the_change_is_not_read_as_known() -> None:
    """The quick functions for settled households stand for figures that are published: once one is not, they may not run."""
    figures = PARAMETERS.replace("2020-01-01, value: null, source: not", "2020-06-02, value: 200.00, source: a")
    figures = figures.replace(
        "values: [{from: 2020-06-02",
        "values: [{from: 2020-01-01, value: null, source: not published here, verified: false}, {from: 2020-06-02",
    )
    paid = EXTRA.replace("kind: service", "kind: benefit").replace(
        "examples:", "gives: [{id: sum, title: {zh: 数, en: sum}, amount: hidden, per: month}]\nexamples:"
    )
    paid = paid.replace("a: {status: ineligible}, b: {status: eligible}", "b: {status: eligible, sum: 200.00}")
    program = compile_rulebook(load_texts(texts(paid, parameters=figures)))
    plan = Plan(program)
    fates = {each.mutant.text: plan.run(n).fate for n, each in enumerate(plan.planned)}
    assert fates["hidden 2020-06-02 from: 2020-06-02"] == "killed"


# -------------------------------------------------------------------------------------------------- what is noticed


def test_what_the_examples_hold_is_noticed_and_what_they_do_not_is_listed() -> None:
    found = verdicts(plan_of(HELP, only="help"))
    assert alive(found) == {
        ("gives.money.round: half_up", "up"),  # gap * size is a whole number of fen
        ("gives.money.round: half_up", "down"),
        ("by_size 2020-01-01: 40.00", "40.01"),  # nobody has more than three members
        ("by_size 2020-01-01: 40.00", "39.99"),
        ("by_size 2020-01-01 1: 100.00", "100.01"),  # a pair never pays more rent than this
        ("by_size 2020-01-01 1: 100.00", "99.99"),
        ("standard 2021-01-01 from: 2021-01-01", "2021-01-02"),  # no example stands on its days
        ("standard 2021-01-01: 1100.00", "1100.01"),
        ("standard 2021-01-01: 1100.00", "1099.99"),
    }


def test_a_weak_set_of_examples_lets_changes_live() -> None:
    strong, weak = (alive(verdicts(plan_of(text, only="help"))) for text in (HELP, WEAK))
    assert strong < weak
    assert ('no_car_or_red: any_member(badge == "red", where=counted)', "") in weak - strong


def test_an_exclusion_no_example_speaks_of_lives() -> None:
    assert ("excludes: extra", "") in alive(verdicts(plan_of(HELP, BADGE, EXTRA, only="badge_money")))


def test_other_policies_that_name_it_notice_too() -> None:
    at_it = "income: 2000.00}]},\n     expect: {status: ineligible}"
    weak = HELP.replace(at_it, "AT IT").replace("{status: ineligible}", "{}").replace("AT IT", at_it)
    named = BADGE + (
        "  - {says: {zh: 三, en: three}, on: 2020-06-02, like: pair,\n"
        "     household: {car: true, members: [{id: a, badge: blue}]},\n"
        "     expect: {}, also: {help: {status: ineligible}}}\n"
    )
    dropped = ("when: no_car_or_red", "")
    assert dropped in alive(verdicts(plan_of(weak, BADGE, EXTRA, only="help")))
    assert dropped not in alive(verdicts(plan_of(weak, named, EXTRA, only="help")))


def test_the_short_way_says_what_the_long_way_says() -> None:
    """Each change is written into the file's text, and the whole book is read, compiled and tried anew."""
    files = texts(HELP, BADGE, EXTRA)
    plan = plan_of(HELP, BADGE, EXTRA)
    tried = 0
    for verdict in verdicts(plan):
        changed = written(files, verdict.mutant)
        problems = long_way(changed)
        read = read_texts(changed)[0] is not None and not read_texts(changed)[1]
        if verdict.fate == REFUSED:
            assert not read, verdict.mutant
        elif verdict.fate == ALIVE and verdict.subject in ("help", "badge_money", "extra"):
            own = {"rules/main/policy_0.yaml", "rules/main/policy_1.yaml", "rules/main/policy_2.yaml"}
            assert not [p for p in problems if p.place.file == verdict.mutant.file and p.place.file in own], (
                verdict.mutant
            )
        else:
            assert bool(problems) == (verdict.fate != ALIVE), verdict.mutant
        tried += 1
    assert tried > 40


def written(files: dict[str, str], mutant: Mutant) -> dict[str, str]:
    """The files with the mutant in their text, as a person would write it."""
    lines = files[mutant.file].splitlines()
    at = mutant.place.line - 1
    if mutant.kind == "exclusion":
        lines[at] = "excludes: []"
    elif mutant.node is None:
        del lines[at]
    else:
        before, after = line_with(lines, mutant)
        assert before == lines[at].strip() != after
        text = f"'{mutant.change}'" if "[" in mutant.change or ", " in mutant.change else mutant.change
        lead = lines[at][: len(lines[at]) - len(lines[at].lstrip())]
        quoted = lines[at][mutant.place.column - 2] in "'\""
        lines[at] = lead + (after if quoted else after.replace(mutant.change, text, 1) if "{" in after else after)
    return {**files, mutant.file: "\n".join(lines) + "\n"}


def long_way(files: dict[str, str]) -> tuple[Problem, ...]:
    book, problems = read_texts(files)
    return problems if problems or book is None else check_examples(compile_rulebook(book))


def test_several_processes_say_the_same() -> None:
    plan = plan_of(HELP, BADGE, EXTRA)
    assert [(v.mutant, v.fate) for v in verdicts(plan, jobs=2)] == [(v.mutant, v.fate) for v in verdicts(plan)]


# ------------------------------------------------------------------------------------------------ the reviewed list


LIST = """\
- file: rules/main/policy_0.yaml
  text: "gives.money.round: half_up"
  change: [up, down]
  reason: {zh: 人均差额乘人数是整分, en: gap times size is a whole number of fen}
"""


def test_the_reviewed_list_explains_and_goes_stale() -> None:
    problems = Problems()
    known = read_equivalents(LIST, "list.yaml", problems)
    assert not len(problems) and [each.change for each in known] == ["up", "down"]
    plan = plan_of(HELP, only="help")
    found = verdicts(plan)
    keys = frozenset(each.key for each in known)
    assert tally(found, keys)["help"].equivalent == 2 and tally(found, keys)["help"].alive == 0
    living = [v.mutant for v in found if v.fate == ALIVE]
    assert stale(known, living, plan.files) == ()
    rounded = read_equivalents(LIST.replace("[up, down]", "[up, down, half_down]"), "list.yaml", problems)
    assert [each.change for each in stale(rounded, living, plan.files)] == ["half_down"]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("file: x\n", "wrong-shape"),
        (LIST.replace("  change: [up, down]\n", ""), "missing-key"),
        (LIST.replace("en: gap times size is a whole number of fen", "en: ''"), "missing-label"),
        (LIST + LIST, "name-taken"),
    ],
)
def test_a_faulty_list_is_reported(text: str, code: str) -> None:
    problems = Problems()
    read_equivalents(text, "list.yaml", problems)
    assert code in {problem.code for problem in problems.sorted()}


# ------------------------------------------------------------------------------------------------------ the command


def test_the_command_lists_what_lives_with_its_line(little: Path) -> None:
    found = run("help", rules=little)
    assert found.exit_code == 1
    lines = found.stdout.splitlines()
    at = next(n for n, line in enumerate(lines) if "the way of rounding" in line)
    number = int(lines[at].split(":")[1])
    assert lines[at].startswith("rules/main/policy_0.yaml:")
    shown = (little / "rules/main/policy_0.yaml").read_text().splitlines()[number - 1].strip()
    assert lines[at + 1] == f"   - {shown}" and lines[at + 2] == f"   + {shown.replace('half_up', 'up')}"


def test_explained_changes_leave_the_exit_code_clean(little: Path) -> None:
    (little / "docs").mkdir()
    rows = json.loads(run("help", "--json", rules=little).stdout)["survivors"]
    entries = [
        {"file": r["file"], "text": r["text"], "change": r["change"], "reason": {"zh": "同", "en": "same"}}
        for r in rows
    ]
    (little / "docs/equivalent_mutants.yaml").write_text(json.dumps(entries), encoding="utf-8")
    found = run("help", "--json", rules=little)
    assert found.exit_code == 0 and json.loads(found.stdout)["equivalent"] == len(rows)
    entries.append({**entries[0], "change": "sideways"})
    (little / "docs/equivalent_mutants.yaml").write_text(json.dumps(entries), encoding="utf-8")
    found = run("help", rules=little)
    assert found.exit_code == 1 and "fits no living change any more" in found.stdout


def test_rules_with_problems_are_not_changed(little: Path) -> None:
    file = little / "rules/main/policy_0.yaml"
    file.write_text(file.read_text().replace("money: 0.02", "money: 0.03"), encoding="utf-8")
    found = run(rules=little)
    assert found.exit_code == 1 and "should be 0.03" in found.stderr and not found.stdout


def test_an_unknown_policy_is_refused(little: Path) -> None:
    found = run("hepl", rules=little)
    assert found.exit_code == 2 and "did you mean 'help'?" in found.stderr


@pytest.fixture(scope="module")
def two_policies() -> dict[str, Any]:
    return dict(json.loads(run("elder_allowance", "assistive_device_rental", "--json").stdout))


def test_two_policies_of_the_catalogue(two_policies: dict[str, Any]) -> None:
    found = two_policies
    assert found["mutants"] > 25 and found["killed"] > found["mutants"] / 2
    assert found["mutants"] == sum(found[key] for key in ("killed", "checked", "equivalent", "alive"))
    for row in found["survivors"]:
        lines = (ROOT / row["file"]).read_text(encoding="utf-8").splitlines()
        assert lines[row["line"] - 1].strip() == row["before"] != row["after"]


def test_an_example_taken_from_the_catalogue_lets_a_change_live(tmp_path: Path, two_policies: dict[str, Any]) -> None:
    shutil.copy(ROOT / "policies.yaml", tmp_path)
    shutil.copytree(ROOT / "rules", tmp_path / "rules")
    file = tmp_path / "rules/older_people/elder_allowance.yaml"
    whole = file.read_text(encoding="utf-8")
    shown = "members: [{id: a, hukou: elsewhere}]}\n    expect: {a: {status: ineligible}}"
    assert shown in whole
    file.write_text(whole.replace(shown, shown.replace("{a: {status: ineligible}}", "{}")), encoding="utf-8")
    before = {row["text"] for row in two_policies["survivors"]}
    after = {row["text"] for row in json.loads(run("elder_allowance", "--json", rules=tmp_path).stdout)["survivors"]}
    assert 'when: hukou == "shanghai"' in after - before


def test_the_score_is_cut_off_not_rounded_up() -> None:
    from engine.commands.mutate import percent
    from engine.decide.mutation.score import Tally

    assert percent(Tally(1999, 0, 0, 1).score) == "99.9%" and percent(Tally(3, 1, 7, 0).score) == "100.0%"
    assert percent(total([]).score) == "–"
