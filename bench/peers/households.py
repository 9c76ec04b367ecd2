"""Random complete households for the twenty-five rules: plain facts, money in fen, dates as yyyymmdd.

Values are drawn near the rules' own limits more often than not, so that both sides of every border are met.
"""

from __future__ import annotations

from decimal import Decimal
from random import Random
from typing import Any

from bench.peers import Facts

_GRADES = ("none", "none", "none", "grade_1", "grade_2", "grade_3", "grade_4")
_KINDS = ("visual", "hearing", "physical", "intellectual", "mental")
_POLICIES = ("minimum_living", "low_income")
_MONEY = (
    "rent",
    "yearly_medical_costs",
    "yearly_education_costs",
    "income",
    "savings",
    "medical_costs",
    "insurance_paid",
)


def household(random: Random, members: int | None = None) -> Facts:
    """One household of `members` people (one to six where not said); at least one of them counts."""
    size = members or random.randint(1, 6)
    people = [_member(random, f"m{n}", size) for n in range(1, size + 1)]
    people[0]["lives_apart"] = False
    return {
        "owns_car": random.random() < 0.1,
        "homes": random.choice((0, 0, 1, 1, 1, 2)),
        "housing": random.choice(("owned", "rented", "rented", "lodging")),
        "rent": _near(random, (0, 120_000, 180_000, 240_000, 265_000)),
        "yearly_medical_costs": _near(random, (0, 0, 1_000_000, 5_000_000, 9_000_000)),
        "yearly_education_costs": _near(random, (0, 0, 500_000, 2_000_000)),
        "receiving": [name for name in _POLICIES if random.random() < 0.1],
        "members": people,
    }


def _member(random: Random, name: str, size: int) -> Facts:
    age = random.choice((0, 5, 17, 18, 19, 26, 27, 40, 59, 60, 64, 65, 70, 80, 90, 100, random.randint(0, 100)))
    young = age < 18
    birth = (2025 - age) * 10_000 + random.choice((731, 801, 802, 101, 1231))
    grade = random.choice(_GRADES)
    costs = _near(random, (0, 0, 150_000, 2_150_000, 5_000_000, 12_000_000))
    return {
        "id": name,
        "relation": random.choice(("self", "spouse", "child", "parent")),
        "birth_date": birth,
        "hukou": random.choice(("here", "here", "here", "elsewhere")),
        "lives_apart": random.random() < 0.1,
        "income": _near(
            random,
            (0, 0, 0, 150_000) if young else (0, 150_000, 240_000, 150_000 * size, 240_000 * size, 360_000 * size),
        ),
        "savings": _near(random, (0, 100_000, 3_800_000, 4_500_000, 3_800_000 * size)),
        "employment": random.choice(("employed", "unemployed", "unemployed", "student", "retired")),
        "schooling": random.choice(("none", "none", "compulsory", "secondary", "university")),
        "disability_grade": grade,
        "disability_kinds": sorted(random.sample(_KINDS, random.randint(1, 2))) if grade != "none" else [],
        "care_level": random.choice(("none", "none", "light", "medium", "heavy")),
        "supporter_able": random.random() < 0.6,
        "veteran": random.random() < 0.2,
        "medical_costs": costs,
        "insurance_paid": random.choice((0, 0, costs // 2, costs + 1)),
        "receiving": [],
    }


def _near(random: Random, borders: tuple[int, ...]) -> int:
    """An amount at a border, a fen beside it, or anywhere below it; never below zero."""
    border = random.choice(borders)
    return max(0, random.choice((border, border, border - 1, border + 1, random.randint(0, border or 1))))


def plain(facts: Facts) -> Facts:
    """The same as a caseworker would send it: money as decimals, dates as text."""

    def level(given: Facts) -> dict[str, Any]:
        found = dict(given)
        for name in _MONEY:
            if name in found:
                found[name] = Decimal(found[name]).scaleb(-2)
        if "birth_date" in found:
            text = str(found["birth_date"])
            found["birth_date"] = f"{text[:4]}-{text[4:6]}-{text[6:]}"
        return found

    return {**level(facts), "members": [level(member) for member in facts["members"]]}
