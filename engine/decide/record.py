"""A decision as canonical data: what is stored, hashed, replayed and compared.

`FORMAT` names the shape; it grows by one with every change of it. Numbers are decimal text (or `n/d` where a quotient
does not end), truths are `yes`, `no`, `unknown`. What is fixed by the rulebook (texts, citations, places, figures) is
not repeated: the rulebook's digest stands for it. What follows from the facts (observed and required values) is worked
out again when it is read (`evidence`); of it the record holds every truth, and a digest of all values.
"""

from __future__ import annotations

from typing import Any

from engine import __version__
from engine.decide import labels
from engine.decide.amounts import Amount
from engine.decide.best import Combination
from engine.decide.decision import Answer, Decision
from engine.decide.evidence import digest_of, evidence, truths_of
from engine.language.canonical import digest, dumps
from engine.language.household import canonical_household

FORMAT = "jiuzhu-decision-3"

UNSAID: dict[str, Any] = {
    "member": None, "receives": "unknown", "conditional_on": None, "missing": [], "caveats": [], "amounts": [],
}  # fmt: skip
"""What an answer of a record says where it says nothing of these."""


def record(decision: Decision) -> dict[str, Any]:
    """The decision as it is put on record, briefly: an answer leaves out what is as in UNSAID, and names what it waits
    for by places in the list `missing`. `spelled_out` undoes both."""
    return {
        "format": FORMAT,
        "engine": __version__,
        "rulebook": decision.program.rulebook.digest,
        "on": decision.on.isoformat(),
        "household": canonical_household(decision.household, decision.program.vocabulary),
        "answers": [_answer(decision, answer) for answer in decision.answers],
        "not_in_force": list(decision.not_in_force),
        "missing": [
            {"fact": m.fact, "member": m.member or None, "asked": m.asked, "most": yuan(m.most)}
            for m in decision.missing
        ],
        "combinations": [_combination(decision, each) for each in decision.combinations],
        "totals": {per: _ends(*ends) for per, ends in decision.totals.items()},
        "declared": declared(decision),
        "labels": labels.as_data(decision),
        "evidence": digest_of(decision),
    }


def spelled_out(document: dict[str, Any]) -> dict[str, Any]:
    """A record with everything said, for readers who do not know what silence means: each answer names the facts it
    waits for, each missing fact the answers whose status (`policies`) or whose amount alone (`amounts`) wait for it."""
    missing = [{**each, "policies": [], "amounts": []} for each in document["missing"]]
    answers = []
    for answer in document["answers"]:
        said = {**UNSAID, **answer}
        who = [said["policy"], said["member"]]
        waits = said["missing"]
        for place in waits:
            missing[place]["policies"].append(who)
        said["missing"] = [[missing[place]["fact"], missing[place]["member"]] for place in waits]
        said["amounts"] = amounts = [dict(each) for each in said["amounts"]]
        open_amounts: dict[int, None] = {}
        for each in amounts:
            if "waits_for" in each:
                open_amounts |= dict.fromkeys(each["waits_for"])
                each["waits_for"] = [[missing[place]["fact"], missing[place]["member"]] for place in each["waits_for"]]
        for place in open_amounts.keys() - set(waits):
            missing[place]["amounts"].append(who)
        answers.append(said)
    return {**document, "answers": answers, "missing": missing}


def in_full(document: dict[str, Any], decision: Decision) -> dict[str, Any]:
    """A record spelled out and joined with its evidence: each answer with its table of outcomes and intermediate
    results instead of letters, and the derived facts and figures. `decision`: the one recorded, or it made again."""
    found, said = evidence(decision), spelled_out(document)
    keys = [(each.policy.id, each.member or None) for each in decision.answers]
    tables = dict(zip(keys, found["answers"], strict=True))
    for answer in said["answers"]:
        letters = answer.pop("truths")
        answer |= tables.get((answer["policy"], answer["member"])) or {"truths": letters}
    return {**said, "derived": found["derived"], "figures": found["figures"]}


def canonical(decision: Decision) -> bytes:
    """The decision in canonical JSON, the same byte for byte for the same rulebook, facts, day and engine."""
    return dumps(record(decision))


def decision_digest(decision: Decision) -> str:
    return digest(record(decision))


def yuan(fen: int) -> str:
    """Fen as yuan with two decimals: the text of an amount everywhere."""
    sign, whole = ("-" if fen < 0 else ""), abs(fen)
    return f"{sign}{whole // 100}.{whole % 100:02d}"


def _ends(least: int, most: int) -> dict[str, str]:
    return {"least": yuan(least), "most": yuan(most)}


def _answer(decision: Decision, answer: Answer) -> dict[str, Any]:
    found: dict[str, Any] = {
        "policy": answer.policy.id,
        "version": answer.policy.from_date.isoformat(),
        "status": answer.status,
        "truths": truths_of(answer),
    }
    if answer.member:
        found["member"] = answer.member
    if answer.receives != "unknown":
        found["receives"] = answer.receives
    if answer.conditional_on is not None:
        found["conditional_on"] = list(answer.conditional_on)
    if answer.certain != answer.possible:
        found["missing"] = [decision.places[each] for each in decision.missing_for(answer)]
    caveats = decision.caveats(answer)
    if caveats:
        found["caveats"] = [{"code": c.code, "name": c.name} for c in caveats]
    if answer.possible and answer.amounts:
        found["amounts"] = [_amount(decision, answer, place, each) for place, each in enumerate(answer.amounts)]
    return found


def _amount(decision: Decision, answer: Answer, place: int, each: Amount) -> dict[str, Any]:
    given = "yes" if each.given else "unknown" if each.possible else "no"
    found: dict[str, Any] = {"item": each.item.id, "given": given}
    if each.item.per:
        found |= {"per": each.item.per, **_ends(each.least, each.most)}
        if each.item.up_to:
            found["up_to"] = True
        if each.item.paid_to != "household":
            found["paid_to"] = each.item.paid_to
        if each.item.for_months is not None:
            found["months"] = {"least": each.months[0], "most": each.months[1]}
        if each.least != each.most and decision.open_above(answer, place):
            found["open_above"] = True  # `most` is an outer limit of the language, not a finding
    if each.least != each.most or each.given != each.possible:
        waits = decision.amount_waits_for(answer, place)
        if waits:
            found["waits_for"] = [decision.places[wanted] for wanted in waits]
    return found


def _combination(decision: Decision, each: Combination) -> dict[str, Any]:
    open_ = [(each.group.policies[0], each.member, o.policies) in decision.open_options for o in each.options]
    return {
        "policies": list(each.group.policies),
        "member": each.member or None,
        "options": [
            {
                "policies": list(o.policies),
                **_ends(o.least, o.most),
                **({"open_above": True} if open_above else {}),
                "gives_up": list(o.gives_up),
                "may_give_up": list(o.may_give_up),
            }
            for o, open_above in zip(each.options, open_, strict=True)
        ],
        "best": each.best,
        "runner_up": each.runner_up,
        "tie": list(each.tie),
    }


def declared(decision: Decision) -> dict[str, int]:
    """How much the decision rests on what is only declared: facts given, those from a named source, those verified."""
    given = sourced = verified = 0
    everyone = [decision.household.facts, *(member.facts for member in decision.household.members)]
    for known in (known for facts in everyone for known in facts.values()):
        given += 1
        sourced += bool(known.source)
        verified += known.verified is True
    return {"given": given, "sourced": sourced, "verified": verified}
