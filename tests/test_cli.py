"""The commands as a person runs them: output, exit codes, and what is said when something is wrong."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from engine.cli import COMMANDS, main
from tests.little import ROOT

FAMILY = str(ROOT / "docs/examples/family.yaml")
UNKNOWN = str(ROOT / "docs/examples/family-unknown-income.yaml")


def run(*args: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(main, [*args], input=stdin, env={"JIUZHU_RULES": str(ROOT), "COLUMNS": "110"})


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A rulebook of one's own, to break."""
    shutil.copy(ROOT / "policies.yaml", tmp_path)
    shutil.copytree(ROOT / "rules", tmp_path / "rules")
    return tmp_path


def test_the_family_gets_1950_and_why() -> None:
    found = run("decide", FAMILY, "--on", "2025-08-01", "--lang", "zh")
    assert found.exit_code == 0
    assert "最低生活保障：符合，每月 1,950.00 元" in found.stdout
    assert "月人均可支配收入 1,000.00 元/月，低于最低生活保障标准 1,650.00 元/月（2025-07-01 起）" in found.stdout
    assert "《上海市社会救助条例》第十条" in found.stdout


def test_a_missing_income_is_asked_for_with_what_it_matters_for() -> None:
    found = run("decide", UNKNOWN, "--on", "2025-08-01", "--lang", "zh")
    assert found.exit_code == 0
    first = found.stdout.split("接下来问什么")[1].splitlines()
    assert first[1].startswith("  1. 成员 a 的月劳动收入") and "最低生活保障" in first[2]


def test_machines_get_the_record_and_the_reasons() -> None:
    found = json.loads(
        run("decide", FAMILY, "--on", "2025-08-01", "--json", "--policy", "minimum_living_allowance").stdout
    )
    (answer,) = found["answers"]
    assert answer["status"] == "eligible" and answer["amounts"][0]["least"] == "1950.00"
    assert found["explanation"][0]["outcome"] == "yes"


def test_json_from_standard_input() -> None:
    text = json.dumps({"members": [{"id": "a", "birth_date": "1950-01-01", "hukou": "shanghai"}]})
    found = run("decide", "-", "--on", "2025-08-01", "--json", stdin=text)
    assert found.exit_code == 0 and json.loads(found.stdout)["on"] == "2025-08-01"


def test_a_pipe_gets_no_colour() -> None:
    assert "\x1b[" not in run("decide", FAMILY, "--on", "2025-08-01").stdout


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("members: [{id: a, birth_date: 1990-13-01}]", "bad-value"),
        ("members: [{id: a, brith_date: 1990-01-01}]", "birth_date"),
        ("members: [{id: a, labour_income: 1.005}]", "/members/0/labour_income: too-precise"),
        ("members: []", "no-members"),
        ("members: [{id: a}, {id: a}]", "member-id-twice"),
        ("{{{", "not-yaml"),
        ("", "the file is empty"),
        ("just text", "wrong-kind"),
    ],
)
def test_a_wrong_household_is_a_clear_error(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "h.yaml").write_text(text, encoding="utf-8")
    found = run("decide", str(tmp_path / "h.yaml"), "--on", "2025-08-01", "--lang", "en")
    assert found.exit_code == 2 and says in found.stderr and not found.stdout


def test_no_such_file_policy_or_date() -> None:
    assert run("decide", "/nowhere.yaml").exit_code == 2
    assert (
        "minimum_living_allowance"
        in run("decide", FAMILY, "--policy", "minimum_living_alowance", "--lang", "en").stderr
    )
    assert run("decide", FAMILY, "--on", "yesterday").exit_code == 2
    assert (
        "not in force on 1990-01-01" in run("explain", "elder_allowance", "--on", "1990-01-01", "--lang", "en").stderr
    )


def test_check_is_clean_and_counts() -> None:
    found = run("check", "--json")
    assert found.exit_code == 0 and json.loads(found.stdout)["problems"] == []


def test_a_typo_is_shown_with_its_place_and_a_suggestion(copy: Path) -> None:
    file = copy / "rules/older_people/elder_allowance.yaml"
    file.write_text(
        file.read_text().replace("age >= elder_allowance_age", "age >= elder_alowance_age"), encoding="utf-8"
    )
    found = run("check", str(copy), "--lang", "en")
    assert found.exit_code == 1
    lines = found.stdout.splitlines()
    at = next(n for n, line in enumerate(lines) if "unknown-name" in line)
    assert lines[at].startswith("rules/older_people/elder_allowance.yaml:") and "'elder_alowance_age'" in lines[at]
    assert "elder_alowance_age" in lines[at + 1]
    assert "^^^^" in lines[at + 2] and "did you mean 'elder_allowance_age'?" in lines[at + 2]


def test_a_changed_figure_fails_the_examples(copy: Path) -> None:
    file = copy / "rules/parameters/minimum_living.yaml"
    file.write_text(file.read_text().replace("value: 1650.00", "value: 1650.01"), encoding="utf-8")
    found = run("check", str(copy), "--lang", "en")
    assert found.exit_code == 1 and "should be 1950.00, but comes out as 1950.03" in found.stdout


def test_problems_can_be_narrowed_to_a_folder(copy: Path) -> None:
    (copy / "rules/older_people/elder_allowance.yaml").write_text("policy: [", encoding="utf-8")
    env = {"JIUZHU_RULES": str(copy)}
    assert CliRunner().invoke(main, ["check", "rules/disability"], env=env).exit_code == 0
    assert CliRunner().invoke(main, ["check", "rules/older_people"], env=env).exit_code == 1


def test_words_stand_beside_glosses() -> None:
    assert "月人均可支配收入低于最低生活保障标准" in run("check", "--words", "--lang", "zh").stdout


def test_explain_shows_figures_and_articles() -> None:
    found = run("explain", "minimum_living_allowance", "--on", "2025-08-01", "--lang", "zh").stdout
    assert "《上海市社会救助条例》第十条" in found and "1,650.00 元/月" in found and "2025-07-01" in found
    whole = json.loads(run("explain", "minimum_living_allowance", "--on", "2025-08-01", "--json").stdout)
    assert whole["figures"]["dibao_standard"]["value"] == "1650"


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_command_has_help_with_an_example(command: str) -> None:
    found = run(command, "--help")
    assert found.exit_code == 0 and f"jiuzhu {command}" in found.stdout
