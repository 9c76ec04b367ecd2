"""A decision as canonical data: what is stored, hashed, replayed and compared.

`FORMAT` names the shape; it grows by one with every change of it. Numbers are decimal text (or `n/d` where a quotient
does not end), truths are `yes`, `no`, `unknown`. What is fixed by the rulebook (texts, citations, places, figures) is
not repeated: the rulebook's digest stands for it. What follows from the facts (observed and required values) is worked
out again when it is read (`evidence`); of it the record holds every truth, and a digest of all values.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from engine import __version__
from engine.decide import labels
from engine.decide.amounts import Amount
from engine.decide.best import Combination
from engine.decide.decision import Answer, Decision
from engine.decide.evidence import digest_of, evidence, truths_of
from engine.decide.kept import once
from engine.language.canonical import dumps, joined
from engine.language.household import household_json

FORMAT = "jiuzhu-decision-5"

UNSAID: dict[str, Any] = {
    "member": None, "receives": "unknown", "conditional_on": None, "missing": [], "caveats": [], "amounts": [],
}  # fmt: skip
"""What an answer of a record says where it says nothing of these."""


class Written:
    """A decision written down, each part when it is asked for, as canonical JSON.

    What is written of an answer in which nothing is open is the same for all whose outcome it is, their ids apart. It
    is kept with the outcome (`Raw.said`), and the whole is put together from such pieces.
    """

    def __init__(self, decision: Decision):
        self.decision = decision

    @once
    def parts(self) -> dict[str, bytes]:
        """Each part of the record by its name."""
        decision = self.decision
        vocabulary = decision.program.vocabulary
        found, alone = self._answers
        open_ = iter([dumps(each) for each in alone])
        answers = [next(open_) if said is None else said[0] + who + said[1] for said, who in found]
        return {
            "answers": b"[%b]" % b",".join(answers),
            "household": household_json(decision.household, vocabulary),
            "missing": dumps(self._missing),
            **self._rest,
            "format": dumps(FORMAT),
            "engine": dumps(__version__),
            "rulebook": dumps(decision.program.rulebook.digest),
            "on": dumps(decision.on.isoformat()),
            "evidence": dumps(digest_of(decision)),
        }

    @once
    def brief(self) -> bytes:
        """What a caller is told at once: the record spelled out, without facts and the outcome of every condition. The
        same as `brief` makes of the record read back."""
        found, alone = self._answers
        spelled = brief({"answers": alone, "missing": self._missing})
        open_ = iter([dumps(each) for each in spelled["answers"]])
        answers = [next(open_) if said is None else said[2] + who + said[3] for said, who in found]
        parts = {"answers": b"[%b]" % b",".join(answers), "missing": dumps(spelled["missing"]), **self._rest}
        return joined({name: parts[name] for name in ("answers", *BRIEF)})

    @once
    def _rest(self) -> dict[str, bytes]:
        """What stands beside answers and missing facts, in the record and in the brief alike."""
        decision = self.decision
        return {
            "not_in_force": dumps(list(decision.not_in_force)),
            "combinations": dumps([_combination(decision, each) for each in decision.combinations]),
            "totals": dumps({per: _ends(*ends) for per, ends in decision.totals.items()}),
            "declared": dumps(declared(decision)),
            "labels": labels.as_json(decision),
        }

    @once
    def _missing(self) -> list[dict[str, Any]]:
        return [
            {"fact": m.fact, "member": m.member or None, "asked": m.asked, "most": yuan(m.most)}
            for m in self.decision.missing
        ]

    @once
    def _answers(self) -> tuple[list[tuple[_Pieces | None, bytes]], list[dict[str, Any]]]:
        """Of each answer what is written about everybody whose outcome is like it, and the id that goes between; None
        where something is open: those that say something of this household alone stand beside, in their order."""
        decision = self.decision
        ids = {each.id: dumps(each.id) for each in decision.household.members} | {"": b""}
        beside = decision.run.derived_unpublished  # figures not published that any answer may rest on
        found: list[tuple[_Pieces | None, bytes]] = []
        alone: list[dict[str, Any]] = []
        for answer in decision.answers:
            hangs, said = answer.conditional_on, answer.raw.said
            key = answer.receives if hangs is None and not beside else (answer.receives, hangs, beside)
            pieces = said.get(key)
            if pieces is None:
                data = _answer(decision, answer)
                if answer.raw.closed:
                    pieces = said[key] = (*around_member(data), *around_member(_brief(data)))
                else:
                    alone.append(data)
            found.append((pieces, ids[answer.member]))
        return found, alone


_Pieces = tuple[bytes, bytes, bytes, bytes]
"""An answer in the record, before and after the id of its member; and the same of it in the brief."""


def around_member(data: dict[str, Any]) -> tuple[bytes, bytes]:
    """The canonical JSON of `data` before and after the value of its key "member"; all of it, and nothing, where it is
    about no member."""
    if data.get("member") is None:
        return dumps(data), b""
    before = dumps({key: value for key, value in data.items() if key < "member"})[1:-1]
    after = dumps({key: value for key, value in data.items() if key > "member"})[1:]
    return b'{%b"member":' % (before + b"," if before else b""), b"," + after


def record(decision: Decision) -> dict[str, Any]:
    """The decision as it is put on record, briefly: an answer leaves out what is as in UNSAID, and names what it waits
    for by places in the list `missing`. `spelled_out` undoes both."""
    found: dict[str, Any] = json.loads(canonical(decision))
    return found


def brief(document: dict[str, Any]) -> dict[str, Any]:
    """A record spelled out, without facts and the outcome of every condition."""
    said = spelled_out(document)
    answers = [_without_truths(each) for each in said["answers"]]
    found = {name: said[name] for name in BRIEF if name in said}  # records of earlier engines have no labels
    return {**found, "answers": answers}


BRIEF = ("not_in_force", "missing", "combinations", "totals", "declared", "labels")


def _brief(answer: dict[str, Any]) -> dict[str, Any]:
    """An answer that waits for nothing, as `brief` has it."""
    return _without_truths({**UNSAID, **answer})


def _without_truths(answer: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in answer.items() if key != "truths"}


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
    return joined(Written(decision).parts)


def decision_digest(decision: Decision) -> str:
    return hashlib.sha256(canonical(decision)).hexdigest()


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
    everyone = [decision.household.facts, *(member.facts for member in decision.household.members)]
    given = sum(map(len, everyone))
    sourced = sum(1 for facts in everyone for known in facts.values() if known.source)
    verified = sum(1 for facts in everyone for known in facts.values() if known.verified)
    return {"given": given, "sourced": sourced, "verified": verified}
