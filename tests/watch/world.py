"""Small households and events to say things with."""

from __future__ import annotations

from typing import Any

Raw = dict[str, Any]


def member(name: str, **more: Any) -> Raw:
    return {
        "id": name, "relation": "self" if name == "a" else "spouse", "birth_date": "1980-05-01", "hukou": "shanghai",
        "living_arrangement": "together", "labour_income": "6000.00", "other_income": "0.00", "savings": "0.00",
        "employment": "employed", "schooling": "none", "disability_grade": "none", "disability_kinds": [],
        "deceased": False, "out_of_contact": False, "graduating": False, "seriously_ill": False, "receiving": [], **more,
    }  # fmt: skip


def register(household: str, *members: Raw, day: str = "2025-01-01", **more: Any) -> Raw:
    return {
        "source": "civil", "id": f"r-{household}-{day}", "type": "register", "household": household, "day": day,
        "says": {"subdistrict": "华阳路街道", "receiving": [], "members": list(members) or [member("a"), member("b")], **more},
    }  # fmt: skip


def event(household: str, name: str, kind: str, day: str, who: str | None = "a", **more: Any) -> Raw:
    found = {"source": "t", "id": name, "type": kind, "household": household, "day": day, **more}
    return {**found, "member": who} if who else found


def bill(household: str, name: str, day: str, paid: str, who: str = "a") -> Raw:
    return event(household, name, "medical_bill", day, who, says={"self_paid": paid})


def undo(household: str, name: str, what: str, day: str = "2025-02-01") -> Raw:
    return {"source": "t", "id": name, "type": "correction", "household": household, "day": day, "corrects": what}
