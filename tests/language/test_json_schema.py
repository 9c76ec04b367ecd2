"""The editor's schema: every shipped file passes, what is wrong in shape does not, and no key is unknown to either."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from jsonschema import Draft202012Validator

from engine.cli import main
from engine.commands.schema import text_of
from engine.language.fields import plain
from engine.language.json_schema import FILES, kind_of_file, schemas
from engine.language.problems import CODES, Problems
from engine.language.rulebook import Rulebook, read, read_texts
from engine.language.source import read_yaml
from tests import shipped as house
from tests.test_bad_files import FOLDER, GOOD, laid_over

ROOT = Path(__file__).resolve().parents[2]
# Codes of what is wrong in shape alone: an editor shows these before `jiuzhu check` runs.
SHAPE = {
    "bad-name",
    "digits-in-gloss",
    "expression-too-long",
    "missing-key",
    "missing-label",
    "no-citation",
    "no-source",
    "not-one-of",
    "unknown-household",
    "unknown-key",
    "wrong-shape",
}


@pytest.fixture(scope="module")
def shipped() -> Rulebook:
    return house.rulebook()


@pytest.fixture(scope="module")
def by_kind(shipped: Rulebook) -> dict[str, Draft202012Validator]:
    return validators(shipped)


def validators(rulebook: Rulebook) -> dict[str, Draft202012Validator]:
    found = {kind: json.loads(text_of(schema)) for kind, schema in schemas(rulebook).items()}
    for schema in found.values():
        Draft202012Validator.check_schema(schema)
    return {kind: Draft202012Validator(schema) for kind, schema in found.items()}


def value_of(content: bytes, name: str) -> Any:
    """A file as an editor sees it: YAML 1.2 has no dates, they are text."""
    node = read_yaml(content, name, Problems())
    return _dates_as_text(plain(node)) if node is not None else None


def _dates_as_text(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _dates_as_text(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_dates_as_text(each) for each in value]
    return value.isoformat() if isinstance(value, date) else value


def faults(validator: Draft202012Validator, value: Any) -> list[str]:
    return [f"{'/'.join(map(str, error.absolute_path))}: {error.message[:200]}" for error in validator.iter_errors(value)]


def test_every_shipped_rule_file_validates(
    shipped: Rulebook, by_kind: dict[str, Draft202012Validator]
) -> None:
    seen = set()
    for name, text in shipped.files.items():
        kind = kind_of_file(name, shipped)
        seen.add(kind)
        assert not faults(by_kind[kind], value_of(text.encode(), name)), name
    assert seen == set(FILES) - {"household"}


@pytest.mark.parametrize("name", ["family", "family-unknown-income", "complex"])
def test_every_example_household_validates(by_kind: dict[str, Draft202012Validator], name: str) -> None:
    content = (ROOT / "docs" / "examples" / f"{name}.yaml").read_bytes()
    assert not faults(by_kind["household"], value_of(content, name))


@pytest.fixture(scope="module")
def good() -> Rulebook:
    found = read_texts({name: content.decode() for name, content in GOOD.items()})[0]
    assert found is not None
    return found


@pytest.fixture(scope="module")
def by_good(good: Rulebook) -> dict[str, Draft202012Validator]:
    return validators(good)


def test_what_is_right_in_shape_validates(good: Rulebook, by_good: dict[str, Draft202012Validator]) -> None:
    assert not any(faults(by_good[kind_of_file(n, good)], value_of(c, n)) for n, c in GOOD.items())


@pytest.mark.parametrize("code", sorted(SHAPE))
def test_what_is_wrong_in_shape_does_not_validate(
    good: Rulebook, by_good: dict[str, Draft202012Validator], code: str
) -> None:
    assert code in CODES
    bad = laid_over((FOLDER / f"{code}.yaml").read_bytes())
    found = [fault for n, c in bad.items() for fault in faults(by_good[kind_of_file(n, good)], value_of(c, n))]
    assert found


HOUSEHOLD_FAULTS = [
    ({"members": [{"id": "a"}], "ownscar": True}, "unknown fact"),
    ({"members": []}, "nobody"),
    ({"members": [{"relation": "self"}]}, "no id"),
    ({"members": [{"id": "a", "hukou": "mars"}]}, "no such choice"),
    ({"members": [{"id": "a", "birth_date": "1980-5-1"}]}, "no date"),
    ({"members": [{"id": "a", "labour_income": "12.345"}]}, "half a fen"),
    ({"members": [{"id": "a", "labour_income": {"lowest": 1, "value": 2}}]}, "both"),
    ({"members": [{"id": "a"}], "owns_car": "yes"}, "text for yes"),
    ({"members": [{"id": "a"}], "receiving": ["no_such_policy"]}, "no such policy"),
]


@pytest.mark.parametrize(("household", "why"), HOUSEHOLD_FAULTS, ids=[why for _, why in HOUSEHOLD_FAULTS])
def test_a_household_that_the_reader_refuses_does_not_validate(
    by_kind: dict[str, Draft202012Validator], household: dict[str, Any], why: str
) -> None:
    assert faults(by_kind["household"], household), why


def test_a_household_of_every_form_validates(by_kind: dict[str, Draft202012Validator]) -> None:
    member = {
        "id": "a",
        "hukou": None,
        "birth_date": {"earliest": "1980-01-01", "latest": "1980-12-31"},
        "labour_income": {"value": {"lowest": 0, "highest": "1950.00"}, "source": "银行", "verified": False},
        "receiving": None,
    }
    assert not faults(by_kind["household"], {"members": [member]})


def test_every_key_says_what_it_means_in_both_languages(shipped: Rulebook) -> None:
    for schema in schemas(shipped).values():
        for name, shape in schema["$defs"].items():
            for key, each in shape.get("properties", {}).items():
                if name not in ("words", "gloss", "rows", "member", "household", "changes", "expected"):
                    zh, _, en = each["description"].partition("\n")
                    assert zh and en, (name, key)


def test_the_written_schemas_are_in_step_with_the_rules(shipped: Rulebook) -> None:
    for kind, schema in schemas(shipped).items():
        written = (ROOT / "docs" / "schema" / f"{kind}.json").read_text(encoding="utf-8")
        assert written == text_of(schema), f"{kind}: run jiuzhu schema"


def test_every_shipped_rule_file_names_its_schema(shipped: Rulebook) -> None:
    for name, text in shipped.files.items():
        first = text.splitlines()[0]
        prefix = "# yaml-language-server: $schema="
        assert first.startswith(prefix), name
        target = (ROOT / name).parent / first.removeprefix(prefix)
        assert target.resolve() == ROOT / "docs" / "schema" / f"{kind_of_file(name, shipped)}.json", name


def test_the_command_writes_and_checks(tmp_path: Path) -> None:
    for name, content in GOOD.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    assert read(tmp_path)[1] == ()
    runner, out = CliRunner(), str(tmp_path / "schema")
    rules = ["--rules", str(tmp_path), "--out", out, "--lang", "en"]
    assert runner.invoke(main, ["schema", "--check", *rules]).exit_code == 1
    assert runner.invoke(main, ["schema", *rules]).exit_code == 0
    assert runner.invoke(main, ["schema", "--check", *rules]).exit_code == 0
    single = runner.invoke(main, ["schema", "policy", "--rules", str(tmp_path)])
    assert single.output == (tmp_path / "schema" / "policy.json").read_text(encoding="utf-8")
    (tmp_path / "schema" / "policy.json").write_text("{}", encoding="utf-8")
    told = runner.invoke(main, ["schema", "--check", *rules])
    assert told.exit_code == 1 and "policy.json" in told.output
