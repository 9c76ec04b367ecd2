"""What an event may say, what is refused, and what a year of bills comes to, to the fen."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from engine.watch.book import Watchbook
from engine.watch.events import EVENT_CODES, EventError, read_event
from engine.watch.fold import fold, standing
from engine.watch.watch import Watch
from tests.watch.conftest import AT, TODAY
from tests.watch.world import bill, event, member, register, undo

GOOD = bill("h1", "1", "2025-03-01", "1.00")

BAD: list[tuple[dict[str, Any], str, str]] = [
    ({**GOOD, "day": "2025-02-30"}, "/day", "bad-day"),
    ({**GOOD, "day": "1800-01-01"}, "/day", "bad-day"),
    ({**GOOD, "day": None}, "/day", "required"),
    ({**GOOD, "household": "张三"}, "/household", "bad-id"),
    ({**GOOD, "type": "medical_bil"}, "/type", "no-such-type"),
    ({**GOOD, "member": None}, "/member", "required"),
    ({**GOOD, "amount": 3}, "/amount", "unknown-part"),
    ({**GOOD, "says": {"self_paid": "1.001"}}, "/says/self_paid", "fact"),
    ({**GOOD, "says": {"self_paid": 1.5}}, "/says/self_paid", "fact"),
    ({**GOOD, "says": {"self_paid": "-1.00"}}, "/says/self_paid", "fact"),
    ({**GOOD, "says": {"self_paid": {"lowest": "1.00"}}}, "/says/self_paid", "required"),
    ({**GOOD, "says": {}}, "/says/self_paid", "required"),
    ({**GOOD, "until": "2025-04-01"}, "/until", "not-for-it"),
    ({**GOOD, "policy": "medical_aid"}, "/policy", "not-for-it"),
    (event("h1", "1", "employment", "2025-03-01", says={"employment": "idle"}), "/says/employment", "fact"),
    (event("h1", "1", "employment", "2025-03-01", says={"savings": "1.00"}), "/says/savings", "unknown-part"),
    (event("h1", "1", "move", "2025-03-01", "a", says={}), "/member", "not-for-it"),
    (event("h1", "1", "benefit_granted", "2025-03-01", None, policy="dibao"), "/policy", "no-such-policy"),
    (event("h1", "1", "benefit_granted", "2025-03-01", None), "/policy", "required"),
    (event("h1", "1", "benefit_ended", "2025-03-01", None, policy="disability_living_subsidy"), "/member", "required"),
    (event("h1", "1", "correction", "2025-03-01"), "/corrects", "required"),
    (register("h1", member("a", labour_income="x")), "/says/members/0/labour_income", "fact"),
    (register("h1", member("a", self_paid_this_year="1.00")), "/says/members/0/self_paid_this_year", "summed-fact"),
    (register("h1", {**member("a"), "name": "张三"}), "/says/members/0/name", "fact"),
]


@pytest.mark.parametrize(("raw", "path", "code"), BAD, ids=[f"{code}{path}" for _, path, code in BAD])
def test_what_is_refused(book: Watchbook, raw: dict[str, Any], path: str, code: str) -> None:
    with pytest.raises(EventError) as refused:
        read_event(raw, book)
    assert (path, code) in {(each.path, each.code) for each in refused.value.problems}
    assert code in EVENT_CODES
    for each in refused.value.problems:
        assert each.message("zh") and each.message("en") and "张三" not in each.message("zh")


def test_every_fault_is_told_at_once(book: Watchbook) -> None:
    with pytest.raises(EventError) as refused:
        read_event({"type": "death", "extra": 1, "day": "x"}, book)
    paths = {each.path for each in refused.value.problems}
    assert paths == {"/extra", "/source", "/id", "/household", "/day", "/member"}


@pytest.mark.parametrize("raw", [None, 3, "x", [], {}, {"source": 1}, {"type": ["x"]}, {"type": {}}])
def test_what_is_no_event_is_refused_and_raises_nothing_else(book: Watchbook, raw: Any) -> None:
    with pytest.raises(EventError):
        read_event(raw, book)


def sums(book: Watchbook, raws: list[dict[str, Any]], day: date) -> tuple[int, int]:
    facts = fold(book, standing([read_event(raw, book) for raw in raws]), day)
    assert facts is not None
    found = facts.members[0].facts
    return tuple(found[name].lo if name in found else 0 for name in ("self_paid_this_year", "self_paid_twelve_months"))  # type: ignore[return-value]


def test_the_calendar_year_and_the_rolling_year(book: Watchbook) -> None:
    raws = [
        register("h1", day="2023-01-01"),
        bill("h1", "1", "2024-03-10", "0.01"),
        bill("h1", "2", "2024-12-31", "0.10"),
        bill("h1", "3", "2025-01-01", "1.00"),
        bill("h1", "4", "2025-03-10", "10.00"),
    ]
    assert sums(book, raws, date(2024, 12, 31)) == (11, 11)
    assert sums(book, raws, date(2025, 1, 1)) == (100, 111)
    assert sums(book, raws, date(2025, 3, 9)) == (100, 111), "the same date a year before is out, the day after is in"
    assert sums(book, raws, date(2025, 3, 10)) == (1100, 1110)
    assert sums(book, raws, date(2026, 3, 10)) == (0, 0)
    leap = [
        register("h1", day="2023-01-01"),
        bill("h1", "1", "2023-02-28", "1.00"),
        bill("h1", "2", "2023-03-01", "2.00"),
    ]
    assert sums(book, leap, date(2024, 2, 29))[1] == 200


def test_a_sum_is_at_least_what_was_told_and_never_less_than_nothing_known(book: Watchbook) -> None:
    events = standing([read_event(raw, book) for raw in (register("h1"), bill("h1", "1", "2025-02-01", "5.00"))])
    facts = fold(book, events, date(2025, 2, 1))
    assert facts is not None
    known = facts.members[0].facts["self_paid_this_year"]
    assert known.lo == 500 and known.hi > 500
    assert "self_paid_this_year" not in facts.members[1].facts, "nobody told of a bill: not known, and not zero"


def test_what_was_granted_where_nothing_was_known_says_nothing_of_the_rest(book: Watchbook) -> None:
    raws = [
        register("h1", receiving=None),
        event("h1", "1", "benefit_granted", "2025-02-01", None, policy="temporary_relief"),
    ]
    facts = fold(book, standing([read_event(raw, book) for raw in raws]), date(2025, 3, 1))
    assert facts is not None and facts.receiving is None


def test_a_certificate_that_ran_out_is_not_known_any_more(book: Watchbook) -> None:
    raws = [
        register("h1"),
        event("h1", "1", "certificate", "2025-02-01", says={"disability_grade": "grade_1"}, until="2025-06-30"),
    ]
    events = standing([read_event(raw, book) for raw in raws])
    last, after = fold(book, events, date(2025, 6, 30)), fold(book, events, date(2025, 7, 1))
    assert last is not None and after is not None
    assert "disability_grade" in last.members[0].facts and "disability_grade" not in after.members[0].facts


def test_an_event_sent_again_changes_nothing_and_one_that_differs_is_refused(watch: Watch) -> None:
    assert [r.status for r in watch.take([register("h1"), GOOD, GOOD], TODAY, AT).receipts] == [
        "taken",
        "taken",
        "repeated",
    ]
    again = watch.take([GOOD, {**GOOD, "says": {"self_paid": "2.00"}}, {**GOOD, "id": "2"}], TODAY, AT).receipts
    assert [r.status for r in again] == ["repeated", "refused", "taken"]
    assert again[1].problems[0].code == "differs"


def test_a_correction_undoes_only_its_own_source_and_household_and_may_come_first(watch: Watch) -> None:
    high = bill("h1", "b", "2025-02-01", "60000.00")
    watch.take([register("h1"), undo("h1", "c", "b"), high], TODAY, AT)
    assert watch.alerts() == []
    watch.take([register("h2"), {**high, "household": "h2", "source": "u"}, undo("h2", "d", "b")], TODAY, AT)
    assert [each[:2] for each in watch.alerts()] == [("h2", "heavy_medical_costs")]


def test_one_fen_over_the_line_and_not_at_it(watch: Watch) -> None:
    watch.take([register("h1"), bill("h1", "1", "2025-02-01", "50000.00")], TODAY, AT)
    assert watch.alerts() == []
    watch.take([bill("h1", "2", "2025-02-02", "0.01", "b")], TODAY, AT)
    assert [each[3] for each in watch.alerts()] == ["2025-02-02"]


@pytest.mark.parametrize(("born", "raised"), [("1965-02-02", True), ("1964-02-02", True), ("1964-02-01", False)])
def test_the_age_is_that_of_the_day_of_death_however_late_it_is_told(watch: Watch, born: str, raised: bool) -> None:
    """60 at death alerts, 61 does not; told in 2027, it is the age of then that counts."""
    late = event("h1", "1", "death", "2025-02-01")
    watch.take([register("h1", member("a", birth_date=born), member("b"))], TODAY, AT)
    watch.take([late], date(2027, 1, 1), AT)
    assert ("labourer_died" in {each[1] for each in watch.alerts()}) is raised
