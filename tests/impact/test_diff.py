"""`jiuzhu diff`: every kind of change is told once, with what was and what is; what means the same is no change."""

from __future__ import annotations

import json
import subprocess
from functools import cache
from pathlib import Path

import pytest
from click.testing import CliRunner

from engine.commands.diff import diff
from engine.language.difference import Change, differences
from engine.language.model import Rulebook
from engine.language.rulebook import read_texts
from engine.language.shipped import rule_files

ROOT = Path(__file__).parent.parent.parent
DIBAO = "rules/nine_plus_one/minimum_living_allowance@2024-07-01.yaml"
FIGURES = "rules/parameters/minimum_living.yaml"


@cache
def files() -> dict[str, str]:
    return rule_files(str(ROOT))


@cache
def shipped() -> Rulebook:
    return read(files())


def read(texts: dict[str, str]) -> Rulebook:
    rulebook, problems = read_texts(texts, examples=False)
    assert rulebook is not None and not problems, [p.text("en") for p in problems]
    return rulebook


def changed(path: str, before: str, after: str) -> dict[str, str]:
    assert before in files()[path], before
    return {**files(), path: files()[path].replace(before, after, 1)}


def found(path: str, before: str, after: str) -> list[Change]:
    return list(differences(shipped(), read(changed(path, before, after))))


def test_a_rulebook_does_not_differ_from_itself() -> None:
    assert differences(shipped(), shipped()) == ()


@pytest.mark.parametrize(
    ("path", "before", "after"),
    [
        (DIBAO, "policy: minimum", "# 一句话 / a remark\npolicy: minimum"),
        (DIBAO, "if: income_per_person < dibao_standard", "if: (income_per_person < dibao_standard)"),
        (DIBAO, "- id: no_car\n", "- id: without_car\n"),
    ],
)
def test_what_means_the_same_is_no_change(path: str, before: str, after: str) -> None:
    assert read(changed(path, before, after)).digest != shipped().digest
    assert found(path, before, after) == []


def test_a_condition_made_stricter_is_told_with_both_texts() -> None:
    (one,) = found(DIBAO, "if: income_per_person < dibao_standard", "if: income_per_person < low_income_line")
    assert (one.kind, one.how, one.name) == ("condition", "changed", "minimum_living_allowance")
    assert one.old.zh == "月人均可支配收入低于最低生活保障标准" and one.new.zh != one.old.zh
    assert "dibao standard" in one.old.en and one.place.file == DIBAO and one.on is not None


def test_a_condition_added_and_one_removed() -> None:
    line = "    - id: no_car\n      if: not owns_car\n      cite: {document: 2022上海市居民低保申请指南}\n"
    (gone,) = found(DIBAO, line, "")
    assert (gone.kind, gone.how) == ("condition", "removed") and "机动车" in gone.old.zh
    (come,) = found(DIBAO, line, line + "    - not disaster_struck\n")
    assert (come.kind, come.how) == ("condition", "added") and "灾害" in come.new.zh and not come.old.zh


def test_a_group_that_becomes_another_is_told() -> None:
    (one,) = found("rules/labels.yaml", "      - any:\n          - self_care", "      - all:\n          - self_care")
    assert one.kind == "label" and "任一项" in one.old.zh and "均须" in one.new.zh


def test_an_amount_and_its_rounding() -> None:
    (one,) = found(DIBAO, "amount: gap * size\n", "amount: gap * size * 2\n")
    assert (one.kind, one.how) == ("item", "changed") and "2" in one.new.zh and "a month" in one.new.en
    (two,) = found(DIBAO, "round: {to: 0.01, mode: half_up}", "round: {to: 1, mode: up}")
    assert two.kind == "item" and "half_up 0.01" in two.old.en and "up 1" in two.new.en


def test_an_intermediate_result() -> None:
    (one,) = found(DIBAO, "is: dibao_standard - income_per_person", "is: low_income_line - income_per_person")
    assert (one.kind, one.where.zh) == ("let", "人均收入与标准的差额")


def test_a_new_figure_is_told_beside_the_one_it_follows() -> None:
    text = files()[FIGURES]
    last = next(line for line in text.splitlines() if "value: 1690.00" in line)
    new = "    - {from: 2027-07-01, value: 1750.00, source: 假设, verified: false}"
    rulebook = read({**files(), FIGURES: text.replace(last, last + "\n" + new, 1)})
    (one,) = [c for c in differences(shipped(), rulebook) if c.name == "dibao_standard"]
    assert (one.old.zh, one.new.zh) == ("1,690.00 元/月", "1,750.00 元/月") and str(one.on) == "2027-07-01"


def test_a_table_is_told_row_by_row() -> None:
    path = "rules/parameters/disability.yaml"
    line = next(line for line in files()[path].splitlines() if "450.00" in line and "jobless_severe" in line)
    out = found(path, line, line.replace("jobless_severe: 450.00", "jobless_severe: 480.00"))
    assert [(c.kind, c.old.en, c.new.en) for c in out] == [("figure", "450.00 yuan/month", "480.00 yuan/month")]
    assert "重残无业" in out[0].where.zh


def test_a_figure_verified_since_and_its_source() -> None:
    path = "rules/parameters/ages.yaml"
    line = next(line for line in files()[path].splitlines() if "劳动法第十五条" in line)
    out = found(path, line, line.replace("verified: false", "verified: true").replace("劳动法第十五条", "劳动法原文"))
    assert [c.new.zh for c in out] == ["已核对", "劳动法原文"]


def test_a_policy_that_is_new_and_one_that_is_gone() -> None:
    texts = changed("policies.yaml", "      - rules/nine_plus_one/price_subsidy*.yaml\n", "")
    del texts["rules/nine_plus_one/price_subsidy.yaml"]
    without = read(texts)
    (gone,) = differences(shipped(), without)
    (come,) = differences(without, shipped())
    assert (gone.kind, gone.how, gone.name) == ("policy", "removed", "price_subsidy")
    assert (come.kind, come.how, come.title) == ("policy", "added", gone.title)


def test_a_version_that_ends_and_another_that_begins() -> None:
    old = changed(DIBAO, "in_force: {from: 2024-07-01}", "in_force: {from: 2024-07-01, to: 2026-06-30}")
    out = list(differences(shipped(), read(old)))
    assert [(c.kind, c.old.zh, c.new.zh) for c in out] == [("version", "不限", "2026-06-30")]
    later = files()[DIBAO].replace("in_force: {from: 2024-07-01}", "in_force: {from: 2026-07-01}")
    both = read({**old, DIBAO.replace("2024-07-01", "2026-07-01"): later})
    assert [(c.kind, c.how) for c in differences(shipped(), both)] == [("version", "changed"), ("version", "added")]


def test_exclusions_texts_facts_and_choices() -> None:
    (one,) = found(DIBAO, "excludes:\n  - policy: destitute_support", "excludes:\n  - policy: low_rent_home") and [
        c
        for c in found(DIBAO, "excludes:\n  - policy: destitute_support", "excludes:\n  - policy: low_rent_home")
        if c.how == "added"
    ]
    assert one.kind == "exclusion" and one.new.zh
    (two,) = found(DIBAO, "department: {zh: 民政, en: Civil affairs}", "department: {zh: 民政局, en: Civil affairs}")
    assert two.kind == "text" and two.where.zh == "部门"
    (three,) = found("rules/facts.yaml", "is: labour_income + other_income", "is: other_income + labour_income")
    assert (three.kind, three.name) == ("fact", "own_income")
    line = "    sibling: {zh: 兄弟姐妹, en: brother or sister}\n"
    out = found("rules/facts.yaml", line, line + "    cousin: {zh: 堂表亲, en: cousin}\n")
    assert [(c.kind, c.how, c.name) for c in out] == [("choice", "added", "relation")]


def test_the_command_tells_it_in_words_and_as_data(tmp_path: Path) -> None:
    for path, text in changed(
        DIBAO, "if: income_per_person < dibao_standard", "if: income_per_person <= dibao_standard"
    ).items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text, encoding="utf-8")
    same = CliRunner().invoke(diff, [str(ROOT), str(ROOT), "--lang", "zh"])
    assert same.exit_code == 0 and "没有变化" in same.output
    told = CliRunner().invoke(diff, [str(ROOT), str(tmp_path), "--lang", "zh"])
    assert told.exit_code == 3 and "低于最低生活保障标准" in told.output and "不高于最低生活保障标准" in told.output
    data = json.loads(CliRunner().invoke(diff, [str(ROOT), str(tmp_path), "--json"]).output)
    assert [c["how"] for c in data["changes"]] == ["changed"] and data["changes"][0]["place"].startswith(DIBAO)


def test_a_revision_of_the_repository_is_a_rulebook_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for path, text in files().items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text, encoding="utf-8")
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@example.invalid"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "rules"]):
        subprocess.run([*git, *command], cwd=tmp_path, check=True)
    (tmp_path / DIBAO).write_text(
        files()[DIBAO].replace("amount: gap * size\n", "amount: gap * size * 2\n"), encoding="utf-8"
    )
    monkeypatch.chdir(tmp_path)
    told = CliRunner().invoke(diff, ["HEAD", ".", "--json"])
    assert told.exit_code == 3 and [c["kind"] for c in json.loads(told.output)["changes"]] == ["item"]
    wrong = CliRunner().invoke(diff, ["no-such-revision", ".", "--lang", "en"])
    assert wrong.exit_code == 2 and "no-such-revision" in wrong.output
