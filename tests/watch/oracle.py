"""What the alerts of a year must be, worked out in plain Python from the events as they were sent.

It shares with the engine the decision of single policies (whether a subsidy is ruled out) and nothing else: facts, sums,
days, three values and episodes are worked out here again, the long way, each alert rule written by hand from its text.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from engine.decide import decide
from engine.decide.program import Program
from engine.language.household import HouseholdError, read_household

Raw = dict[str, Any]
Alert = tuple[str, str, str, str]  # household, rule, subject, since
SUMMED = "medical_bill"
# rule -> the kinds of events that can move it, from the facts its text names (and those of the policies it asks)
WHOLE = {"register", "member_joined", "member_left"}
MOVERS = {
    "heavy_medical_costs": {SUMMED},
    "labourer_died": {"death", "employment", "enrolment", "graduation"},
    "graduate_without_work": {"employment", "enrolment", "graduation", "benefit_granted", "benefit_ended"},
    "child_in_hardship": {"death", "whereabouts", "certificate", "guardianship_report"},
    # asks dibao and what stands beside it, so income, school and living arrangement move it too
    "disability_subsidy_not_drawn": {
        "death", "whereabouts", "employment", "enrolment", "graduation", "certificate", "guardianship_report",
        "benefit_granted", "benefit_ended",
    },
    "serious_illness": {
        "diagnosis", "death", "whereabouts", "employment", "enrolment", "graduation", "certificate", "hardship",
        "benefit_granted", "benefit_ended",
    },
}  # fmt: skip


def standing(raws: list[Raw]) -> list[Raw]:
    seen: dict[tuple[str, str], Raw] = {}
    for raw in raws:
        seen.setdefault((raw["source"], raw["id"]), raw)
    undone = {(raw["source"], raw["corrects"]) for raw in seen.values() if raw["type"] == "correction"}
    kept = [raw for key, raw in seen.items() if key not in undone and raw["type"] != "correction"]
    return sorted(kept, key=lambda raw: (raw["day"], raw["source"], raw["id"]))


def facts_on(events: list[Raw], day: str) -> Raw | None:
    """The household's raw facts on a day, from events that stand, in order."""
    household: Raw | None = None
    members: dict[str, Raw] = {}
    for event in events:
        if event["day"] > day:
            continue
        kind, says, who = event["type"], event.get("says") or {}, event.get("member")
        if kind == "register":
            household = {key: value for key, value in says.items() if key != "members"}
            members = {each["id"]: dict(each) for each in says["members"]}
        elif kind == "member_joined":
            members[who] = {**says, "id": who}
        elif kind == "member_left":
            members.pop(who, None)
        elif household is not None and kind in ("benefit_granted", "benefit_ended"):
            policy = event["policy"]
            drawn = household.get("receiving") if who is None else members.get(who, {}).get("receiving")
            if drawn is not None:
                drawn = [each for each in drawn if each != policy]
                drawn += [policy] if kind == "benefit_granted" else []
                (household if who is None else members[who])["receiving"] = drawn
        elif household is not None and kind != SUMMED:
            always = {
                "death": {"deceased": True, "living_arrangement": "apart"},
                "diagnosis": {"seriously_ill": True},
                "enrolment": {"employment": "student"},
                "graduation": {"graduating": True, "schooling": "none"},
            }.get(kind, {})
            changed = {**says, **always}
            if event.get("until") and day > event["until"]:
                changed = dict.fromkeys(changed)
            target = household if who is None else members.get(who)
            if target is not None:
                target.update(changed)
    if household is None or not members:
        return None
    for name, member in members.items():
        fen = sum(
            round(float(e["says"]["self_paid"]) * 100)
            for e in events
            if e["type"] == SUMMED and e["member"] == name and day[:4] + "-01-01" <= e["day"] <= day
        )
        member["_paid"] = fen
    return {**household, "members": list(members.values())}


def _age(member: Raw, day: str) -> int | None:
    born = member.get("birth_date")
    if born is None:
        return None
    return (int(day.replace("-", "")) - int(born.replace("-", ""))) // 10000


def _no_policy_way(program: Program, facts: Raw, day: str, policies: tuple[str, ...], member: str) -> set[str]:
    """Those of the policies that are not ruled out for the member (or the household)."""
    plain = {**facts, "members": [{k: v for k, v in m.items() if k != "_paid"} for m in facts["members"]]}
    try:
        decision = decide(program, read_household(plain, program.vocabulary), date.fromisoformat(day))
    except HouseholdError:
        return set()
    return {name for name in policies if decision.answer(name, member).possible}


def met(program: Program, facts: Raw, day: str, rule: str) -> set[str]:
    """Whom a rule is certainly met for."""
    members = facts["members"]
    if rule == "heavy_medical_costs":
        return {""} if sum(member["_paid"] for member in members) > 50_000_00 else set()
    if rule == "labourer_died":
        found = set()
        for m in members:
            age = _age(m, day)
            worked = float(m.get("labour_income") or 0) > 0 or m.get("employment") == "employed"
            if m.get("deceased") is True and age is not None and 18 <= age <= 60 and worked:
                found.add(m["id"])
        return found
    if rule == "graduate_without_work":
        if "minimum_living_allowance" not in (facts.get("receiving") or []):
            return set()
        return {m["id"] for m in members if m.get("graduating") is True and m.get("employment") == "unemployed"}
    if rule == "child_in_hardship":
        ages = {m["id"]: _age(m, day) for m in members}
        minors = [m for m in members if ages[m["id"]] is not None and ages[m["id"]] < 18]
        if not any(m.get("child_welfare") == "none" and m.get("deceased") is False for m in minors):
            return set()
        gone = all(
            m.get("deceased") is True
            or m.get("out_of_contact") is True
            or m.get("living_arrangement") in ("prison", "drug_treatment")
            or m.get("disability_grade") in ("grade_1", "grade_2")
            for m in members
            if m not in minors
        )
        return {""} if gone or any(m.get("guardianship") in ("lacking", "nobody") for m in minors) else set()
    if rule == "disability_subsidy_not_drawn":
        found = set()
        for m in members:
            if m.get("disability_grade") in (None, "none") or m.get("deceased") is not False:
                continue
            drawn = m.get("receiving")
            if drawn is None:
                continue
            open_ = tuple(
                name for name in ("disability_living_subsidy", "disability_nursing_subsidy") if name not in drawn
            )
            if _no_policy_way(program, facts, day, open_, m["id"]):
                found.add(m["id"])
        return found
    assert rule == "serious_illness"
    ill = any(m.get("seriously_ill") is True and m.get("deceased") is False for m in members)
    if not ill or facts.get("receiving") is None or "temporary_relief" in facts["receiving"]:
        return set()
    return {""} if _no_policy_way(program, facts, day, ("temporary_relief",), "") else set()


def alerts(program: Program, raws: list[Raw], passes: tuple[str, ...] = ()) -> set[Alert]:
    """Every alert of a set of events, whatever their order."""
    by_household: dict[str, list[Raw]] = {}
    for raw in raws:
        by_household.setdefault(raw["household"], []).append(raw)
    found: set[Alert] = set()
    for household, listed in by_household.items():
        events = standing(listed)
        known: dict[str, Raw | None] = {}
        for rule, movers in MOVERS.items():
            days = sorted({e["day"] for e in events if e["type"] in movers | WHOLE} | set(passes))
            before: set[str] = set()
            for day in days:
                if day not in known:
                    known[day] = facts_on(events, day)
                facts = known[day]
                if facts is None:
                    before = set()
                    continue
                now = met(program, facts, day, rule)
                if now and _nobody_counts(program, facts, day):  # asked last: it takes a decision of everything
                    now = set()
                found |= {(household, rule, subject, day) for subject in now - before}
                before = now
    return found


def _nobody_counts(program: Program, facts: Raw, day: str) -> bool:
    """A household whose members all live apart, are dead or jailed cannot be decided."""
    plain = {**facts, "members": [{k: v for k, v in m.items() if k != "_paid"} for m in facts["members"]]}
    try:
        decide(program, read_household(plain, program.vocabulary), date.fromisoformat(day))
    except HouseholdError:
        return True
    return False
