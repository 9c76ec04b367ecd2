"""From alert to order to its end, and every step in the ledger, once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from engine.language.model import Rulebook
from engine.ledger.home import Home, open_home
from engine.ledger.read import entries
from engine.ledger.verify import verify
from engine.watch.book import watchbook
from engine.watch.entries import send_steps
from engine.watch.orders import OrderError
from engine.watch.store import WatchStore
from engine.watch.views import detail
from engine.watch.watch import Watch
from tests.watch.conftest import AT, TODAY
from tests.watch.world import bill, event, member, register, undo

HIGH = "60000.00"


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    yield open_home(tmp_path / "data", AT)


def high(watch: Watch, *households: str, day: str = "2025-02-03") -> None:
    for name in households:
        watch.take([register(name), bill(name, f"b-{name}", day, HIGH)], TODAY, AT)


def actions(watch: Watch, number: int) -> list[str]:
    return [each.body["action"] for each in watch.desk.steps(number)]


def test_the_adviser_of_the_street_with_the_fewest_open_orders_gets_it(watch: Watch) -> None:
    for name, where in (("li", "华阳路街道"), ("wang", "华阳路街道"), ("zhao", "新泾镇")):
        watch.desk.adviser(name, where)
    high(watch, "h1", "h2", "h3")
    assert [order.adviser for order in reversed(watch.desk.page())] == ["li", "wang", "li"]
    watch.desk.act(1, "visit", "li", AT)
    watch.desk.act(1, "settle", "li", AT, reason="已申请医疗救助")
    watch.desk.act(3, "hand_over", "li", AT, to="wang", reason="li 休假")
    high(watch, "h4")
    assert watch.desk.order(4).adviser == "li"
    assert {each[0]: each[3] for each in watch.desk.advisers()} == {"li": 1, "wang": 2, "zhao": 0}


def test_who_nobody_looks_after_waits_and_goes_out_when_somebody_comes(watch: Watch) -> None:
    high(watch, "h1")
    assert (watch.desk.order(1).state, watch.desk.order(1).adviser) == ("new", "")
    watch.desk.adviser("li", "华阳路街道")
    assert watch.desk.route_waiting(AT) == 1
    assert watch.desk.order(1).state == "assigned" and actions(watch, 1) == ["open", "assign"]


def test_the_household_that_moved_is_the_new_streets(watch: Watch) -> None:
    watch.desk.adviser("li", "华阳路街道")
    watch.desk.adviser("zhao", "新泾镇")
    moved = event("h1", "m", "move", "2025-02-01", None, says={"subdistrict": "新泾镇"})
    watch.take([register("h1"), moved, bill("h1", "b", "2025-02-03", HIGH)], TODAY, AT)
    assert watch.desk.order(1).adviser == "zhao"


def test_the_steps_and_what_each_needs(watch: Watch) -> None:
    watch.desk.adviser("li", "华阳路街道")
    high(watch, "h1")
    desk = watch.desk
    for action, code, more in (
        ("settle", "not-now", {"reason": "x"}),
        ("assign", "not-now", {"to": "li"}),
        ("not_needed", "no-reason", {}),
        ("hand_over", "no-adviser", {"to": "nobody", "reason": "x"}),
        ("hand_over", "no-adviser", {"to": "li", "reason": "x"}),
        ("fly", "not-now", {}),
    ):
        with pytest.raises(OrderError) as refused:
            desk.act(1, action, "li", AT, **more)
        assert refused.value.code == code and refused.value.zh and refused.value.en
    desk.act(1, "visit", "li", AT)
    with pytest.raises(OrderError):
        desk.act(1, "settle", "li", AT)
    assert desk.act(1, "settle", "li", AT, reason="已申请").state == "settled"
    with pytest.raises(OrderError):
        desk.act(1, "not_needed", "li", AT, reason="x")
    with pytest.raises(OrderError) as missing:
        desk.order(99)
    assert missing.value.code == "no-order"


def test_a_second_alert_joins_the_open_order_and_one_after_the_end_opens_another(watch: Watch) -> None:
    watch.take([register("h1"), bill("h1", "1", "2025-02-01", HIGH)], TODAY, AT)
    watch.take([bill("h1", "2", "2026-02-01", HIGH)], TODAY, AT)
    assert len(watch.alerts()) == 1, "the sum of 2025 stands until somebody looks in 2026"
    watch.tick(date(2026, 1, 15), TODAY, AT)
    assert len([each for each in watch.alerts() if each[1] == "heavy_medical_costs"]) == 2
    mine = [order for order in watch.desk.page() if order.rule == "heavy_medical_costs"]
    assert len(mine) == 1 and actions(watch, mine[0].number) == ["open", "attach"]
    watch.desk.act(mine[0].number, "not_needed", "li", AT, reason="已在救助")
    watch.take([bill("h1", "3", "2027-02-01", HIGH)], TODAY, AT)
    watch.tick(date(2027, 1, 15), TODAY, AT)
    assert len([order for order in watch.desk.page() if order.rule == "heavy_medical_costs"]) == 2


def test_due_dates_are_working_days_and_a_year_nobody_entered_says_so(watch: Watch) -> None:
    # soon: five working days from 2025-09-29 over the National Day holiday, with the shifted Saturday 11 October
    watch.take([register("h1"), bill("h1", "b", "2025-09-29", HIGH)], date(2025, 9, 29), AT)
    assert watch.desk.order(1).due == date(2025, 10, 13), "30 Sept, 9, 10, 11 (Saturday worked), 13 October"
    watch.take([register("h2"), bill("h2", "b2", "2031-05-05", HIGH)], date(2031, 5, 5), AT)
    assert watch.desk.order(2).due is None
    assert "2031" in watch.desk.steps(2)[0].body["due_not_known"]


def test_late_orders_are_escalated_once(watch: Watch) -> None:
    high(watch, "h1")
    due = watch.desk.order(1).due
    assert due is not None
    watch.tick(due, due, AT)
    assert not watch.desk.order(1).escalated, "the day itself is in time"
    for _ in range(2):
        watch.tick(date(2025, 4, 1), date(2025, 4, 1), AT)
    assert watch.desk.order(1).escalated and actions(watch, 1).count("escalate") == 1
    assert [
        order.number for order in watch.desk.page(late=date(2025, 4, 1)) if order.rule == "heavy_medical_costs"
    ] == [1]


def test_a_ground_that_is_corrected_closes_the_order_unless_somebody_was_there(watch: Watch) -> None:
    watch.desk.adviser("li", "华阳路街道")
    high(watch, "h1", "h2")
    watch.desk.act(2, "visit", "li", AT)
    watch.take([undo("h1", "u1", "b-h1"), undo("h2", "u2", "b-h2")], TODAY, AT)
    assert watch.alerts() == []
    assert (watch.desk.order(1).state, watch.desk.order(2).state) == ("not_needed", "visited")
    assert actions(watch, 1) == ["open", "assign", "withdraw", "not_needed"]
    assert actions(watch, 2) == ["open", "assign", "visit", "withdraw"]


def test_an_order_says_why_what_to_do_and_what_may_be_due_as_it_was_known(watch: Watch) -> None:
    dead = event("h1", "d", "death", "2025-02-10")
    watch.take(
        [register("h1", member("a"), member("b", labour_income="0.00", employment="unemployed")), dead], TODAY, AT
    )
    (number,) = [order.number for order in watch.desk.page() if order.rule == "labourer_died"]
    for lang, word in (("zh", "已经死亡"), ("en", "has died")):
        found = detail(watch, watch.desk.order(number), lang)
        reasons = found["alerts"][0]["reasons"]
        assert any(word in line["text"] and line["outcome"] == "yes" for line in reasons), reasons
        assert found["to_do"] and found["department"] and found["cause"] == "loss_of_labour"
    due = {(each["policy"], each["status"]) for each in found["may_be_entitled_to"]}
    assert any(policy == "minimum_living_allowance" for policy, _ in due)
    trace = watch.desk.steps(number)[0].body["trace"]
    assert ["when.1", "a", "yes"] in trace or any(row[2] == "yes" for row in trace)
    before = detail(watch, watch.desk.order(number), "zh")["alerts"]
    watch.take([event("h1", "e", "employment", "2025-02-05", says={"labour_income": "1.00"})], TODAY, AT)
    assert detail(watch, watch.desk.order(number), "zh")["alerts"] == before, (
        "reasons are those of the events known then"
    )


def test_every_step_is_in_the_ledger_once_whatever_stops_in_between(watch: Watch, home: Home) -> None:
    watch.desk.adviser("li", "华阳路街道")
    high(watch, "h1", "h2")
    assert send_steps(watch.store, home.writer) == 4
    watch.desk.act(1, "visit", "li", AT)
    send_steps(watch.store, home.writer)
    # as if the process had died after the ledger took it and before that was noted here
    watch.store.db.execute("UPDATE outbox SET entry = NULL WHERE number = 1")
    assert send_steps(watch.store, home.writer) == 3
    with home.store.snapshot() as connection:
        said = [entry for entry in entries(connection, 1, 100) if entry.kind == "order"]
    assert [(each.body["order"], each.body["action"]) for each in said] == [
        (1, "open"), (1, "assign"), (2, "open"), (2, "assign"), (1, "visit"),
    ]  # fmt: skip
    assert [step.entry for step in watch.desk.steps(1)] == [1, 2, 5]
    assert verify(home.folder.ledger).ok


def test_other_rules_end_what_they_do_not_know_and_leave_out_what_they_cannot_read(
    watch: Watch, store: WatchStore, rulebook: Rulebook
) -> None:
    """A rule is taken back and a kind of event is gone: nothing fails, and the pass ends the alerts of that rule."""
    ill = event("h1", "d", "diagnosis", "2025-02-01")
    watch.take([register("h1"), ill, bill("h1", "b", "2025-02-03", HIGH)], TODAY, AT)
    assert {each[1] for each in watch.alerts()} == {"heavy_medical_costs", "serious_illness"}
    events = {name: kind for name, kind in rulebook.events.items() if name != "diagnosis"}
    alerts = tuple(alert for alert in rulebook.alerts if alert.id != "serious_illness")
    other = Watch(store, watchbook(replace(rulebook, events=events, alerts=alerts, digest="0" * 64)))
    other.take([bill("h1", "c", "2025-02-04", "1.00")], TODAY, AT)
    assert other.tally.unreadable >= 1
    other.tick(date(2025, 3, 3), TODAY, AT)
    ends = {each[1]: each[4] for each in other.alerts()}
    assert ends["serious_illness"] == "2025-03-03" and ends["heavy_medical_costs"] is None
    number = next(order.number for order in other.desk.page() if order.rule == "serious_illness")
    assert detail(other, other.desk.order(number), "zh")["title"] == "serious_illness", "its order can still be read"
