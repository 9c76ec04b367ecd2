"""What a form says is what the API is sent, and back: nothing is lost and nothing is guessed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from browser import House
from werkzeug.datastructures import MultiDict

from api.web.desk import done
from api.web.draft import Draft, Given, draft_of, field_name, pairs_of, read_place, value_of
from engine.language.fields import plain
from engine.language.household import MOST_MEMBERS, canonical_household, read_household
from engine.language.problems import Problems
from engine.language.source import read_yaml

ROOT = Path(__file__).parent.parent.parent


def known(house: House) -> Any:
    return house.service.active.current().program.vocabulary


def through_a_form(house: House, facts: dict[str, Any]) -> dict[str, Any]:
    vocabulary = known(house)
    body = draft_of(MultiDict(pairs_of(facts, vocabulary)), vocabulary).body(vocabulary)
    found: dict[str, Any] = canonical_household(read_household(body["household"], vocabulary), vocabulary)
    return found


def test_every_example_household_comes_through_a_form_unchanged(house: House) -> None:
    vocabulary = known(house)
    households = dict(house.service.active.current().program.rulebook.households)
    for path in sorted((ROOT / "docs/examples").glob("*.yaml")):
        node = read_yaml(path.read_bytes(), path.name, Problems())
        assert node is not None
        households[path.name] = plain(node)
    assert len(households) >= 8
    for name, facts in households.items():
        assert through_a_form(house, facts) == canonical_household(read_household(facts, vocabulary), vocabulary), name


def test_ranges_sources_unknowns_and_lists_come_through_too(house: House) -> None:
    facts = {
        "owns_car": None,
        "living_area": {"lowest": "30.5", "highest": "60"},
        "recent_income": {"value": {"lowest": "100.00"}, "source": "银行", "verified": True},
        "receiving": ["minimum_living_allowance"],
        "subdistrict": "华阳路街道",
        "members": [
            {
                "id": "a.1", "birth_date": {"earliest": "1980-01-01", "latest": "1980-12-31"}, "hukou": None,
                "disability_kinds": [], "receiving": [], "savings": {"value": "5000.00", "source": "银行"},
            },
            {"id": "B_2", "disability_kinds": ["visual", "mental"], "labour_income": None, "receiving": None},
        ],
    }  # fmt: skip
    vocabulary = known(house)
    assert through_a_form(house, facts) == canonical_household(read_household(facts, vocabulary), vocabulary)


@pytest.mark.parametrize(
    ("fact", "given", "value"),
    [
        ("labour_income", Given("2,600"), "2600"),
        ("labour_income", Given(" ２６００．５０ 元"), "2600.50"),
        ("labour_income", Given("¥1,234,567.89"), "1234567.89"),
        ("labour_income", Given("1000", how="about", high="1500"), {"lowest": "1000", "highest": "1500"}),
        ("labour_income", Given("", how="about", high="1500"), {"highest": "1500"}),
        ("labour_income", Given("7", how="unknown"), None),
        ("labour_income", Given("two"), "two"),  # refused by the API, with its words
        ("labour_income", Given("1e3"), "1e3"),
        ("birth_date", Given("1980年5月1日"), "1980-05-01"),
        ("birth_date", Given("19800501"), "1980-05-01"),
        ("birth_date", Given("1980/5/1"), "1980-05-01"),
        ("birth_date", Given("1980-05-01", high="1981-05-01"), {"earliest": "1980-05-01", "latest": "1981-05-01"}),
        ("hukou", Given("?"), None),
        ("hukou", Given("shanghai", source="户口簿"), {"value": "shanghai", "source": "户口簿"}),
        ("graduating", Given("no", verified=True), {"value": False, "verified": True}),
        ("home_care_months", Given("12"), 12),
        ("home_care_months", Given("12.0"), 12),
        ("home_care_months", Given("12.5"), "12.5"),
        ("disability_kinds", Given(how="some"), []),
        ("disability_kinds", Given(ticked=("visual",)), ["visual"]),
        ("disability_kinds", Given(ticked=("visual",), how="unknown"), None),
    ],
)
def test_a_value_as_people_type_it(house: House, fact: str, given: Given, value: Any) -> None:
    assert value_of(known(house).facts["member"][fact], given) == value


def test_what_was_not_said_is_not_sent_and_what_is_not_known_is_null(house: House) -> None:
    vocabulary = known(house)
    form = MultiDict(
        [
            ("member", "a"),
            ("m/a/hukou", ""),
            ("m/a/labour_income", ""),
            ("m/a/savings/how", "unknown"),
            ("h/owns_car", "?"),
        ]
    )
    body = draft_of(form, vocabulary).body(vocabulary)
    assert body == {"household": {"owns_car": None, "members": [{"id": "a", "savings": None}]}}


def test_fields_that_are_no_facts_and_people_who_are_not_there_are_dropped(house: House) -> None:
    vocabulary = known(house)
    form = MultiDict(
        [("member", "a"), ("m/b/hukou", "shanghai"), ("m/a/no_such", "1"), ("h/hukou", "shanghai"), ("h", "1"), ("m/a", "1"),
         ("m/a/hukou/x/y", "1"), ("i/b/name", "某"), ("i/a/card", "1"), ("open", "x")]
    )  # fmt: skip
    assert draft_of(form, vocabulary).body(vocabulary) == {"household": {"members": [{"id": "a"}]}}


def test_places_and_fields_name_each_other() -> None:
    for place in (("", "owns_car"), ("a.b-c", "savings")):
        assert read_place(field_name(place), ["a.b-c"]) == (place, "")


def test_members_come_and_go_up_to_the_most(house: House) -> None:
    draft = Draft(("a",), {})
    for _ in range(70):
        draft = done(draft, "add")
    assert len(draft.members) == len(set(draft.members)) == MOST_MEMBERS
    form = MultiDict([("member", id) for id in draft.members])
    body = draft_of(form, known(house)).body(known(house))
    assert len(read_household(body["household"], known(house)).members) == MOST_MEMBERS
    draft = Draft(
        ("a", "b"), {("a", "savings"): Given("1"), ("b", "savings"): Given("2")}, identity={"b": {"name": "某"}}
    )
    draft = done(draft, "remove:b")
    assert draft.members == ("a",) and draft.given == {("a", "savings"): Given("1")} and not draft.identity
    assert done(draft, "remove:a").members == ("a",)  # one stays
    assert done(draft, "remove:zz") == draft and done(draft, "nonsense") == draft
