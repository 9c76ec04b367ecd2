"""durable-rules in its child process: killed, hung, lying; what it is never given; ids that collide."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest

from engine.watch.book import Watchbook
from engine.watch.durable import STRIKES, DurableRules, installed, proposer_for
from engine.watch.forward import LARGEST, MOST_RULES, NotForDurableRules, compile_rules, refuse
from engine.watch.make import year_of_events
from engine.watch.propose import Tally
from engine.watch.store import WatchStore
from engine.watch.watch import Watch
from tests.loops import Did
from tests.watch.conftest import AT, KILLS, TODAY
from tests.watch.world import bill, event, member, register

pytestmark = pytest.mark.skipif(not installed(), reason="durable-rules is not installed: pip install 'jiuzhu[watch]'")
DAY = date(2025, 8, 1)


@pytest.fixture
def watched(store: WatchStore, book: Watchbook) -> Iterator[Watch]:
    found = Watch(store, book)
    found.proposer = DurableRules(book, found.tally)
    yield found
    found.proposer.close()


@pytest.fixture(scope="module")
def year() -> list[dict[str, Any]]:
    return list(year_of_events(max(30, 8 * KILLS), 2025, 5))


def alone(book: Watchbook, events: list[dict[str, Any]], path: Any) -> list[tuple[str, str, str, str, str | None]]:
    plain = Watch(WatchStore(path), book)
    plain.take(events, TODAY, AT)
    found = plain.alerts()
    plain.close()
    return found


def test_the_child_is_killed_while_events_flow(
    watched: Watch, book: Watchbook, year: list[dict[str, Any]], tmp_path: Any, did: Did
) -> None:
    """Killed between batches, and in the midst of one, by SIGKILL and SIGSEGV in turn."""
    proposer = watched.proposer
    assert isinstance(proposer, DurableRules)
    batch = max(1, len(year) // (2 * KILLS))
    killed = 0
    real = proposer._child

    def killing() -> subprocess.Popen[bytes]:
        child = real()
        nonlocal killed
        few = proposer.strikes < STRIKES // 4  # lost too often in a row it is left out: not what is tried here
        if killed < KILLS and few and child.poll() is None and watched.tally.looked > 30 * killed:
            os.kill(child.pid, signal.SIGSEGV if killed % 2 else signal.SIGKILL)
            killed += 1
        return child

    proposer._child = killing  # type: ignore[method-assign]
    for at in range(0, len(year), batch):
        outcome = watched.take(year[at : at + batch], TODAY, AT)
        assert all(receipt.status == "taken" for receipt in outcome.receipts)
    assert killed == KILLS == watched.tally.recycled
    assert watched.tally.bypassed > 0
    assert watched.alerts() == alone(book, year, tmp_path / "alone.db")
    did("JIUZHU_WATCH_KILLS", child_kills=killed, events=len(year))


def test_a_child_that_hangs_is_thrown_away(watched: Watch, book: Watchbook) -> None:
    proposer = watched.proposer
    assert isinstance(proposer, DurableRules)
    watched.take([register("h1")], TODAY, AT)
    patient, proposer.seconds = proposer.seconds, 0.3
    assert proposer.pid is not None
    os.kill(proposer.pid, signal.SIGSTOP)
    watched.take([bill("h1", "1", "2025-02-01", "60000.00")], TODAY, AT)
    assert watched.tally.recycled == 1 and "TimeoutError" in watched.tally.restarts[0]
    assert [each[1] for each in watched.alerts()] == ["heavy_medical_costs"]
    proposer.seconds = patient  # to start takes longer than that where the machine is busy
    watched.take([register("h2")], TODAY, AT)
    assert watched.tally.recycled == 1, "the next child answers"


LIES = ["nonsense\n", "{}\n", "[]\n", "[[1]]\n", '[["x"], ["y"]]\n', ""]


@pytest.mark.parametrize("lie", LIES)
def test_a_child_that_answers_nonsense_is_not_believed(
    watched: Watch, monkeypatch: pytest.MonkeyPatch, lie: str
) -> None:
    program = f"import sys\nsys.stdin.readline()\nsys.stdout.write({lie!r})\nsys.stdout.flush()\n"
    real = subprocess.Popen

    def false(command: list[str], **more: Any) -> Any:
        return real([sys.executable, "-c", program], **more)

    monkeypatch.setattr("engine.watch.durable.subprocess.Popen", false)
    watched.take([register("h1"), bill("h1", "1", "2025-02-01", "60000.00")], TODAY, AT)
    assert watched.tally.recycled >= 1 and watched.tally.bypassed >= 1
    assert [each[1] for each in watched.alerts()] == ["heavy_medical_costs"]


def test_what_cannot_be_started_is_given_up_and_the_evaluator_goes_on(
    watched: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(*_: Any, **__: Any) -> Any:
        raise FileNotFoundError("no such program")

    monkeypatch.setattr("engine.watch.durable.subprocess.Popen", none)
    for number in range(STRIKES + 5):
        watched.take([register(f"h{number}"), bill(f"h{number}", f"b{number}", "2025-02-01", "60000.00")], TODAY, AT)
    assert watched.tally.recycled == STRIKES
    assert len(watched.alerts()) == STRIKES + 5


def test_a_proposal_the_evaluator_does_not_confirm_is_no_alert_and_one_left_out_is_found_by_the_pass(
    watched: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = [register("h1"), bill("h1", "1", "2025-02-01", "60000.00"), register("h2", member("a", deceased=False))]
    monkeypatch.setattr(watched.proposer, "propose", lambda looks: [look.rules for look in looks])
    watched.take(events[2:], TODAY, AT)
    assert watched.alerts() == [] and watched.tally.unconfirmed == watched.tally.proposed > 0
    monkeypatch.setattr(watched.proposer, "propose", lambda looks: [frozenset() for _ in looks])
    watched.take(events[:2], TODAY, AT)
    assert watched.alerts() == []
    watched.tick(date(2025, 3, 3), TODAY, AT)
    assert watched.tally.missed == 1
    assert ("h1", "heavy_medical_costs", "", "2025-02-01", None) in watched.alerts()
    assert watched.store.tally()["missed"] == 1


def test_two_ids_of_one_hash_are_two_households(watched: Watch) -> None:
    """durable-rules knows its contexts by a 32-bit hash (FNV-1a); these two are the same to it."""
    one, two = "8db1625bead0f643", "290870ade28a7317"
    assert fnv1a(one) == fnv1a(two)
    child = f"member = '{one}', '{two}'\n" + _MERGED
    merged = subprocess.run([sys.executable, "-c", child], capture_output=True, text=True, timeout=60)
    assert "both" in merged.stdout, "given as contexts they are merged: the danger is real"
    watched.take([register(one), register(two)], TODAY, AT)
    watched.take([bill(one, "1", "2025-02-01", "30000.00"), bill(two, "2", "2025-02-01", "30000.00")], TODAY, AT)
    assert watched.alerts() == [], "no household reaches the line with its own bills"
    watched.take([bill(two, "3", "2025-02-02", "20000.01")], TODAY, AT)
    assert [each[0] for each in watched.alerts()] == [two]


_MERGED = """
import json, durable_rules_engine as d
h = d.create_ruleset("x", json.dumps({"both": {"all": [{"p": {"a": 1}}, {"q": {"b": 1}}]}}))
d.assert_fact(h, json.dumps({"sid": member[0], "id": "1", "a": 1}))
_, state = d.assert_fact(h, json.dumps({"sid": member[1], "id": "2", "b": 1}))
print(d.start_action_for_state(h, state))
"""


def fnv1a(text: str) -> int:
    found = 0x811C9DC5
    for byte in text.encode():
        found = ((found ^ byte) * 0x01000193) & 0xFFFFFFFF
    return found


def test_nothing_of_a_household_but_whole_numbers_reaches_the_child(watched: Watch, book: Watchbook) -> None:
    proposer = watched.proposer
    assert isinstance(proposer, DurableRules)
    sent: list[str] = []
    real = proposer._prepare

    def noting(looks: Any) -> Any:
        part = real(looks)
        sent.extend(json.dumps(messages) for _, messages in part.asked.values())
        return part

    proposer._prepare = noting  # type: ignore[method-assign]
    watched.take(
        [
            register("secret-household", member("secret")),
            event("secret-household", "1", "death", "2025-02-01", "secret"),
        ],
        TODAY,
        AT,
    )
    assert sent and "secret" not in "".join(sent) and "华阳路" not in "".join(sent)
    for text in sent:
        for message in json.loads(text):
            assert all(type(value) is int and name[0] in "hm" for name, value in message.items())


GOOD = {"end": {"all": [{"m": {"end": 1}}]}, "r.0": {"all": [{"m": {"$and": [{"$gt": {"h1": 3}}, {"m2": 1}]}}]}}
UNSAFE: dict[str, dict[str, Any]] = {
    "no sentinel": {"r.0": GOOD["r.0"]},
    "any": {**GOOD, "r.1": {"any": [{"m": {"h1": 1}}]}},
    "or": {**GOOD, "r.1": {"all": [{"m": {"$or": [{"h1": 1}, {"h1": 2}]}}]}},
    "or inside": {**GOOD, "r.1": {"all": [{"m": {"$and": [{"$or": [{"h1": 1}]}, {"h2": 2}]}}]}},
    "regex": {**GOOD, "r.1": {"all": [{"m": {"$mt": {"h1": ".*"}}}]}},
    "missing": {**GOOD, "r.1": {"all": [{"m": {"$nex": {"h1": 1}}}]}},
    "not missing": {**GOOD, "r.1": {"all": [{"m": {"$ex": {"h1": 1}}}]}},
    "all items": {**GOOD, "r.1": {"all": [{"m": {"$iall": {"h1": {"$gt": {"$i": 1}}}}}]}},
    "division": {**GOOD, "r.1": {"all": [{"m": {"$gt": {"h1": {"$div": {"$l": {"h2": 1}, "$r": 2}}}}}]}},
    "text": {**GOOD, "r.1": {"all": [{"m": {"$gt": {"h1": "1400"}}}]}},
    "decimal": {**GOOD, "r.1": {"all": [{"m": {"$gt": {"h1": 0.5}}}]}},
    "truth": {**GOOD, "r.1": {"all": [{"m": {"h1": True}}]}},
    "too large": {**GOOD, "r.1": {"all": [{"m": {"h1": LARGEST + 1}}]}},
    "join": {**GOOD, "r.1": {"all": [{"a": {"h1": 1}}, {"b": {"h2": 1}}]}},
    "two fields": {**GOOD, "r.1": {"all": [{"m": {"h1": 1, "h2": 2}}]}},
    "count": {**GOOD, "r.1": {"all": [{"m": {"h1": 1}}], "count": 2}},
    "too many": {**GOOD, **{f"r.{n}": GOOD["r.0"] for n in range(MOST_RULES + 1)}},
}


@pytest.mark.parametrize("what", UNSAFE)
def test_the_compiler_refuses(what: str) -> None:
    refuse(GOOD)
    with pytest.raises(NotForDurableRules):
        refuse(UNSAFE[what])


def test_what_is_compiled_of_the_shipped_rules(book: Watchbook) -> None:
    found = compile_rules(book, DAY, frozenset(book.rules))
    assert not found.always, "every shipped rule says something to durable-rules"
    line = found.ruleset["heavy_medical_costs.0"]["all"][0]["m"]
    assert list(line) == ["$gt"] and list(line["$gt"].values()) == [50_000_00]
    before = compile_rules(book, date(2020, 1, 1), frozenset(book.rules))
    assert before.ruleset.keys() == {"end"}, "no alert rule is in force yet"


def test_without_durable_rules_the_evaluator_works_alone_and_says_so(
    book: Watchbook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.watch.durable.find_spec", lambda _: None)
    assert proposer_for(book, Tally()).name == "evaluator"
    monkeypatch.undo()
    assert proposer_for(book, Tally()).name == "durable-rules"
