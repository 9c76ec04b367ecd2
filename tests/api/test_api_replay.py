"""The examples of the policies, decided over HTTP, come out of the ledger again byte for byte, and their expectations
hold over HTTP as they do in process: one example of every fourth policy, or with CI=true or JIUZHU_SLOW=1 all of them."""

from __future__ import annotations

import os
from typing import Any

from api_live import Live

from engine.decide import compile_rulebook
from engine.decide.examples import example_household
from engine.language.model import Example, Rulebook
from engine.language.rulebook import load_texts
from engine.language.shipped import rule_files
from engine.ledger.home import Folder
from engine.ledger.programs import Programs
from engine.ledger.read import entries
from engine.ledger.replay import Replay, against, differences, replay

EVERY = os.environ.get("CI") == "true" or os.environ.get("JIUZHU_SLOW") == "1"


def sent(rulebook: Rulebook, example: Example, place: str) -> dict[str, Any]:
    from api_live import as_json

    found = {"household": as_json(example_household(rulebook, example)), "on": example.on.isoformat()}
    if not rulebook.jurisdictions[place].in_force:
        found["jurisdictions"] = [place]
    return found


def test_every_example_is_decided_recorded_and_replayed(live: Live) -> None:
    rulebook = load_texts(rule_files(str(live.rules)))
    tried = 0
    for policy in rulebook.policies if EVERY else rulebook.policies[::4]:
        for example in policy.examples if EVERY else policy.examples[:1]:
            answer = live.post("/v1/decisions", "caseworker", sent(rulebook, example, policy.jurisdiction))
            assert answer.status == 201, (policy.id, example.says.zh, answer.body)
            tried += 1
            wanted = example.expect if policy.level == "member" else {None: example.expect}
            for member, expected in wanted.items():
                (found,) = [
                    each
                    for each in answer.json["decision"]["answers"]
                    if (each["policy"], each["member"]) == (policy.id, member)
                ]
                assert found["status"] == expected.get("status", found["status"]), (policy.id, example.says.zh)
    assert tried >= len(rulebook.ids()) // 4
    store = Folder(live.data).store()
    programs = Programs(store)
    program = compile_rulebook(rulebook)
    with store.snapshot() as connection:
        made = [entry for entry in entries(connection) if entry.kind == "decision"]
        assert len(made) >= tried
        for entry in made:
            found = replay(programs, entry)
            assert found.ok and found.same_bytes, found.data()
            assert against(programs, program, entry).same


def document(status: str = "eligible", outcome: str = "yes", least: str = "1.00", note: str = "") -> dict[str, Any]:
    answer = {
        "policy": "p", "member": None, "status": status, "note": note,
        "amounts": [{"item": "a", "given": "yes", "per": "month", "least": least, "most": least}],
        "truths": f"{outcome[0]}(n)",
    }  # fmt: skip
    return {"answers": [answer], "engine": "1", "on": "2025-08-01"}


def test_what_a_replay_with_another_engine_may_change_is_words_alone() -> None:
    then = document()

    def kinds(now: dict[str, Any]) -> set[str]:
        return {each.kind for each in differences(then, now)}

    def verdict(now: dict[str, Any], engine: str) -> bool:
        return Replay(1, "1", engine, now == then, differences(then, now)).ok

    assert kinds(document(note="other words")) == {"text"} and verdict(document(note="other words"), "2")
    assert kinds(document(status="ineligible")) == {"status"} and not verdict(document(status="ineligible"), "2")
    assert kinds(document(outcome="no")) == {"outcome"} and not verdict(document(outcome="no"), "2")
    assert kinds(document(least="2.00")) == {"amount"} and not verdict(document(least="2.00"), "2")
    assert not verdict(document(note="other words"), "1")  # the same engine must give the same bytes
    assert verdict(then, "1") and kinds({**then, "engine": "2"}) == set()
    gone = document()
    gone["answers"] = []
    assert kinds(gone) == {"status", "amount", "outcome", "text"} or kinds(gone) == {"status", "amount", "outcome"}
