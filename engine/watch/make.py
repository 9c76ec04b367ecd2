"""A seeded year of events for a synthetic city, one event after another, so that any number fits in memory.

Everybody here is invented. How often things happen (`make.yaml`) is chosen so that the alert rules find something, and
is no statistic of anywhere. Each household's events come from its own stream of random numbers, so that they are the
same whatever the number of households.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

from engine.language.fields import plain
from engine.language.problems import Problems
from engine.language.source import read_yaml

Raw = dict[str, Any]
FILE = Path(__file__).with_name("make.yaml")
AT_ONCE = 100_000  # events held in memory


@cache
def content() -> dict[str, Any]:
    """The rates and contents of `make.yaml`."""
    problems = Problems()
    node = read_yaml(FILE.read_bytes(), FILE.name, problems)
    assert node is not None and not len(problems), [problem.text("en") for problem in problems.sorted()]
    return cast("dict[str, Any]", plain(node))


def year_of_events(households: int, year: int, seed: int) -> Iterator[Raw]:
    """Registrations on 1 January, then the year's events in the order of their days; corrections come last of a day.

    A large city is made a stretch of the year at a time: what other stretches hold is made again, not kept.
    """
    yield from (registration(seed, number, year) for number in range(households))
    stretches = max(1, min(52, -(-households * 13 // AT_ONCE)))
    first, last = date(year, 1, 1), date(year + 1, 1, 1)
    days = [first + (last - first) * n // stretches for n in range(stretches + 1)]
    for begin, end in pairwise(days):
        events = [
            raw
            for number in range(households)
            for raw in of_household(seed, number, year)
            if begin.isoformat() <= raw["day"] < end.isoformat()
        ]
        yield from sorted(events, key=lambda raw: (raw["day"], raw["household"], raw["id"]))


def registration(seed: int, number: int, year: int) -> Raw:
    """A household as it is registered; its members, ages and incomes drawn at random."""
    chance = random.Random(f"{seed}/{number}/register")
    adults = chance.choice((1, 1, 2, 2, 2, 3))
    children = chance.choice((0, 0, 0, 1, 1, 2))
    poor = chance.random() < 0.15
    members = [_adult(chance, place, year, poor) for place in range(adults)]
    members += [_child(chance, adults + place, year) for place in range(children)]
    drawn = [content()["drawn_by_poor"]] if poor and chance.random() < 0.7 else []
    says = {
        "district": "changning",
        "subdistrict": chance.choice(content()["subdistricts"]),
        "owns_car": not poor and chance.random() < 0.4,
        "owns_nonresidential": False,
        "homes_owned": "one",
        "receiving": drawn,
        "members": members,
    }
    return {
        "source": "civil", "id": f"r{number}", "type": "register", "household": f"h{number}",
        "day": f"{year}-01-01", "says": says,
    }  # fmt: skip


def _adult(chance: random.Random, place: int, year: int, poor: bool) -> Raw:
    age = chance.randint(20, 84)
    works = age < 60 and chance.random() < (0.4 if poor else 0.85)
    born = date(year - age, 1, 1) + timedelta(days=chance.randrange(365))
    return {
        "id": f"m{place}",
        "relation": "self" if place == 0 else "spouse" if place == 1 else "parent",
        "birth_date": born.isoformat(),
        "hukou": "shanghai" if chance.random() < 0.9 else "elsewhere",
        "living_arrangement": "together",
        "labour_income": f"{chance.randint(2700, 4000) if poor else chance.randint(3000, 20000)}.00"
        if works
        else "0.00",
        "other_income": f"{chance.randint(1000, 5000)}.00" if age >= 60 else "0.00",
        "savings": f"{chance.randint(0, 30000 if poor else 400000)}.00",
        "employment": "employed" if works else "retired" if age >= 60 else "unemployed",
        "schooling": "none",
        "disability_grade": "grade_2" if chance.random() < 0.04 else "none",
        "disability_kinds": [],
        "seriously_ill": False,
        "deceased": False,
        "out_of_contact": False,
        "graduating": False,
        "receiving": [],
    }


def _child(chance: random.Random, place: int, year: int) -> Raw:
    age = chance.randint(0, 22)
    born = date(year - age, 1, 1) + timedelta(days=chance.randrange(365))
    return {
        **_adult(chance, place, year, True),
        "relation": "child",
        "birth_date": born.isoformat(),
        "labour_income": "0.00",
        "other_income": "0.00",
        "savings": "0.00",
        "employment": "student" if age >= 6 else "below_working_age",
        "schooling": "university" if age >= 18 else "compulsory" if age >= 6 else "preschool",
        "child_welfare": "none",
        "guardianship": "ordinary",
        "disability_grade": "none",
    }


def around(registered: Iterable[Raw], year: int, seed: int) -> Iterator[Raw]:
    """The registrations of a city made elsewhere, and then a year of events for them. The ids of its households and
    members are kept in memory, nothing else of them."""
    known: list[tuple[str, list[str]]] = []
    for raw in registered:
        known.append((raw["household"], [member["id"] for member in raw["says"]["members"]]))
        yield raw
    found = (raw for number, (name, ids) in enumerate(known) for raw in happenings(seed, number, year, name, ids))
    yield from sorted(found, key=lambda raw: (raw["day"], raw["household"], raw["id"]))


def of_household(seed: int, number: int, year: int) -> list[Raw]:
    """The events of a household of the own small city."""
    members = [member["id"] for member in registration(seed, number, year)["says"]["members"]]
    return happenings(seed, number, year, f"h{number}", members)


def happenings(seed: int, number: int, year: int, household: str, members: list[str]) -> list[Raw]:
    """A household's events of the year after its registration, in no order."""
    chance = random.Random(f"{seed}/{number}/events")
    ill = {name for name in members if chance.random() < 0.05}
    found: list[Raw] = []

    def add(kind: str, member: str | None, **more: Any) -> None:
        day = date(year, 1, 2) + timedelta(days=chance.randrange(363))
        found.append({
            "source": "city", "id": f"e{number}-{len(found)}", "type": kind, "household": household,
            **({"member": member} if member else {}), "day": day.isoformat(), **more,
        })  # fmt: skip

    for member in members:
        for kind, rate in content()["member_rates"].items():
            for _ in range(_times(chance, rate)):
                if kind == "medical_bill":
                    fen = chance.randint(300_000, 2_500_000) if member in ill else chance.randint(1_000, 300_000)
                    add(kind, member, says={"self_paid": f"{fen // 100}.{fen % 100:02d}"})
                elif kind in content()["says"]:
                    until = {"until": f"{year + 1}-01-15"} if kind == "certificate" and chance.random() < 0.3 else {}
                    add(kind, member, says=chance.choice(content()["says"][kind]), **until)
                else:
                    add(kind, member)
    for kind, rate in content()["household_rates"].items():
        for _ in range(_times(chance, rate)):
            if kind.startswith("benefit"):
                add(kind, None, policy=chance.choice(content()["granted"]))
            elif kind == "move":
                add(kind, None, says={"subdistrict": chance.choice(content()["subdistricts"])})
            else:
                add(kind, None, says=chance.choice(content()["says"][kind]))
    for raw in list(found):
        if chance.random() < content()["corrected"]:
            found.append({
                "source": raw["source"], "id": f"{raw['id']}-c", "type": "correction", "household": raw["household"],
                "day": raw["day"], "corrects": raw["id"],
            })  # fmt: skip
    return found


def _times(chance: random.Random, rate: float) -> int:
    """How often something of this yearly rate happens (Poisson, by Knuth's product of uniforms)."""
    count, product, least = 0, chance.random(), 2.718281828459045 ** -float(rate)
    while product > least:
        count, product = count + 1, product * chance.random()
    return count


def shuffled(events: Iterable[Raw], seed: int) -> list[Raw]:
    """The same events in another order."""
    listed = list(events)
    random.Random(seed).shuffle(listed)
    return listed
