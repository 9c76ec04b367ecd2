"""Appending: receipts, idempotency, what is refused, and groups of threads that share one commit."""

import hashlib
import json
import os
import random
import signal
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import ledger_sample as sample
import pytest
from ledger_sample import AT, RULEBOOK, Book, body, index, request

from engine.language import canonical
from engine.ledger import append, entries, identity, read, rulebooks, write
from engine.ledger.access import access, page
from engine.ledger.append import Writer
from engine.ledger.entries import DecisionIndex, Draft, PolicyLine
from engine.ledger.errors import (
    Damaged,
    Erased,
    KeyMissing,
    LedgerError,
    NotFound,
    Refused,
    RequestConflict,
    StoreFailed,
)
from engine.ledger.identity import Person
from engine.ledger.pack import pack
from engine.ledger.verify import verify

CHANCE = random.Random(0)


@pytest.fixture
def book(tmp_path: Path) -> Book:
    return sample.make(tmp_path)


def decision(household: str = "h1", **more: Any) -> Draft:
    return entries.decision({"n": household}, index(CHANCE, household), AT, **more)


def test_what_is_read_is_what_was_written(book: Book) -> None:
    document, beside = body(random.Random(5)), index(random.Random(5), "h9", explanation="人均收入低于标准")
    sent = request("once")
    receipt = book.writer.append(entries.decision(document, beside, "2026-11-21T08:00:00.5Z", request=sent))
    entry = read.entry(book.store.reader(), receipt.seq)
    assert (entry.seq, entry.hash, receipt.repeated) == (2, receipt.hash, False)
    assert entry.body == document and entry.index == json.loads(beside.written())
    assert entry.body_digest == canonical.digest(document)
    assert (entry.kind, entry.at, entry.household) == ("decision", "2026-11-21T08:00:00.500000Z", "h9")
    assert entry.previous == read.entry(book.store.reader(), 1).hash
    assert entry.request_body == sent.body and entry.request_key is not None
    assert read.head(book.store.reader()) == (2, receipt.hash)


def test_canonical_bytes_are_taken_as_they_are(book: Book) -> None:
    document = {"b": 1, "a": ["救助", None]}
    one = book.writer.append(entries.decision(document, index(CHANCE), AT))
    two = book.writer.append(entries.decision(canonical.dumps(document), index(CHANCE), AT))
    stored = [read.entry(book.store.reader(), receipt.seq) for receipt in (one, two)]
    assert stored[0].body_digest == stored[1].body_digest and stored[1].body == document


def test_later_words_about_a_decision_are_entries_that_name_it(book: Book) -> None:
    first = book.writer.append(decision()).seq
    book.writer.append(entries.confirmation(first, "key-b", AT, note="同意"))
    book.writer.append(entries.departure(first, "key-b", "家访情况不符", AT, instead={"allowance": 100}))
    again = book.writer.append(
        entries.correction(first, {"z": 1}, index(CHANCE), "key-b", "工资更正", AT)
    ).seq
    book.writer.append(entries.confirmation(again, "key-b", AT))
    said = read.about(book.store.reader(), first)
    assert [entry.kind for entry in said] == ["confirmation", "departure", "correction"]
    assert said[0].body == {"by": "key-b", "decision": first, "note": "同意"}
    assert said[1].body == {
        "by": "key-b",
        "decision": first,
        "instead": {"allowance": 100},
        "reason": "家访情况不符",
    }
    assert said[2].body == {"by": "key-b", "decision": {"z": 1}, "old": first, "reason": "工资更正"}
    assert canonical.digest(said[2].body) == said[2].body_digest
    assert [entry.seq for entry in read.about(book.store.reader(), again)] == [again + 1]


def test_the_same_call_again_gives_the_first_receipt(book: Book) -> None:
    first = book.writer.append(decision("h1", request=request("k", "body")))
    again = book.writer.append(decision("h1", request=request("k", "body")))
    assert again == entries.Receipt(first.seq, first.hash, repeated=True)
    with pytest.raises(RequestConflict) as caught:
        book.writer.append(decision("h1", request=request("k", "other")))
    assert caught.value.code == "request-conflict"
    other = book.writer.append(decision("h2", request=request("k", "body", owner="key-b")))
    assert (other.seq, other.repeated) == (first.seq + 1, False)
    reader = book.store.reader()
    assert (
        write.answered(reader, request("k", "body")) == again
        and write.answered(reader, request("new")) is None
    )
    with pytest.raises(RequestConflict):
        write.answered(reader, request("k", "other"))
    assert read.head(reader)[0] == 3


def test_the_same_call_twice_in_one_group_is_recorded_once(book: Book) -> None:
    outcomes = book.writer.append_all([decision(request=request("k")), decision(request=request("k"))])
    assert [(o.seq, o.repeated) for o in outcomes if not isinstance(o, LedgerError)] == [
        (2, False),
        (2, True),
    ]


def test_owner_and_key_cannot_run_together(book: Book) -> None:
    """("ab", "c") and ("a", "bc") are two callers' keys."""
    assert write.request_key(request("c", owner="ab")) != write.request_key(request("bc", owner="a"))


LINE = PolicyLine("dibao", "household", "eligible", 0, 100)


def _index(**changes: Any) -> Callable[[Book], Draft]:
    return lambda book: entries.decision({}, index(CHANCE, **changes), AT)


REFUSED: dict[str, tuple[Callable[[Book], Any], type[LedgerError], str]] = {
    "time with an offset": (
        lambda b: entries.decision({}, index(CHANCE), "2026-11-21T08:00:00+08:00"),
        Refused,
        "bad-time",
    ),
    "time with seven decimals": (
        lambda b: entries.confirmation(1, "k", "2026-11-21T08:00:00.1234567Z"),
        Refused,
        "bad-time",
    ),
    "time of no clock": (lambda b: entries.confirmation(1, "k", "2026-11-21T24:00:00Z"), Refused, "bad-time"),
    "full-width digits": (
        lambda b: entries.confirmation(1, "k", "２026-11-21T08:00:00Z"),
        Refused,
        "bad-time",
    ),
    "day of no calendar": (_index(on="2026-13-01"), Refused, "bad-draft"),
    "rulebook not a digest": (_index(rulebook="latest"), Refused, "bad-draft"),
    "rulebook not on record": (_index(rulebook="0" * 64), Refused, "unknown-rulebook"),
    "status of none": (_index(policies=(LINE._replace(status="maybe"),)), Refused, "bad-draft"),
    "least above most": (_index(policies=(LINE._replace(least_fen=101),)), Refused, "bad-draft"),
    "amount below zero": (_index(policies=(LINE._replace(least_fen=-1),)), Refused, "bad-draft"),
    "amount not whole": (_index(policies=(LINE._replace(least_fen=1.0),)), Refused, "bad-draft"),
    "amount that is a truth": (_index(policies=(LINE._replace(least_fen=True),)), Refused, "bad-draft"),
    "household with a blank": (_index(household_id="张 三"), Refused, "bad-draft"),
    "no caseworker": (_index(caseworker=""), Refused, "bad-draft"),
    "request not digested": (
        lambda b: decision(request=entries.Request("o", "k", "body")),
        Refused,
        "bad-draft",
    ),
    "key with a newline": (
        lambda b: decision(request=entries.Request("o", "k\n", "0" * 64)),
        Refused,
        "bad-draft",
    ),
    "departure without reason": (lambda b: entries.departure(1, "k", "  ", AT), Refused, "bad-draft"),
    "confirmation of nothing": (lambda b: entries.confirmation(99, "k", AT), NotFound, "no-decision"),
    "confirmation of itself": (lambda b: entries.confirmation(2, "k", AT), NotFound, "no-decision"),
    "confirmation of a rulebook": (lambda b: entries.confirmation(1, "k", AT), NotFound, "no-decision"),
    "correction of nothing": (
        lambda b: entries.correction(7, {}, index(CHANCE), "k", "why", AT),
        NotFound,
        "no-decision",
    ),
    "erasure of nobody": (lambda b: entries.erasure("h404", "admin", "why", AT), NotFound, "no-identity"),
    "one member twice": (lambda b: decision(identity=(Person("a"), Person("a"))), Refused, "bad-identity"),
    "rulebook without files": (
        lambda b: rulebooks.rulebook({}, RULEBOOK, "admin", AT),
        Refused,
        "bad-rulebook",
    ),
    "other files, same digest": (
        lambda b: rulebooks.rulebook({"x": "y"}, RULEBOOK, "admin", AT),
        Refused,
        "bad-rulebook",
    ),
    "look without a reason": (lambda b: access("read", "k", " ", AT), Refused, "bad-access"),
    "look of no kind": (lambda b: access("peek", "k", "why", AT), Refused, "bad-access"),
    "look with a novel": (lambda b: access("read", "k", "x" * 501, AT), Refused, "bad-access"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_leaves_no_trace(book: Book, name: str) -> None:
    make, error, code = REFUSED[name]
    before = read.head(book.store.reader()), read.head(book.store.reader(), "access")
    with pytest.raises(error) as caught:
        book.writer.append(make(book))
    assert caught.value.code == code and caught.value.zh and caught.value.en
    assert (read.head(book.store.reader()), read.head(book.store.reader(), "access")) == before
    assert book.writer.append(decision(request=request("after"))).seq == 2
    assert verify(book.path).ok


def test_a_name_needs_the_key_file_and_the_right_one(book: Book, tmp_path: Path) -> None:
    named = decision("h1", identity=(Person("a", "张三"),))
    with pytest.raises(KeyMissing):
        Writer(book.store).append(named)
    book.writer.append(named)
    other = sample.create_keyring(tmp_path / "other.key")
    with pytest.raises(KeyMissing, match="not the one"):
        Writer(book.store, other).append(named)
    assert verify(book.path).ok


def test_a_rulebook_is_recorded_once(book: Book) -> None:
    again = book.writer.append(rulebooks.rulebook(sample.FILES, RULEBOOK, "admin", AT))
    assert (again.seq, again.repeated) == (1, True)
    more = {**sample.FILES, "rules/c.yaml": "policy: c\n"}
    digest = rulebooks.digest_of(more)
    assert book.writer.append(rulebooks.rulebook(more, digest, "admin", AT)).seq == 2
    reader = book.store.reader()
    assert rulebooks.load(reader, RULEBOOK) == sample.FILES and rulebooks.load(reader, digest) == more
    assert reader.execute("SELECT count(*) FROM rulebook_file").fetchone() == (4,)
    assert [row[:2] for row in rulebooks.listed(reader)] == [(RULEBOOK, 1), (digest, 2)]
    with pytest.raises(NotFound):
        rulebooks.load(reader, "0" * 64)


def test_a_bad_record_in_a_group_is_only_its_own_trouble(book: Book) -> None:
    group = [
        decision("h1"),
        entries.confirmation(99, "k", AT),
        access("read", "k", "复核", AT, case=2),
        decision("h2"),
    ]
    outcomes = book.writer.append_all(group)
    assert [type(outcome).__name__ for outcome in outcomes] == ["Receipt", "NotFound", "Receipt", "Receipt"]
    assert read.head(book.store.reader())[0] == 3 and read.head(book.store.reader(), "access")[0] == 1
    assert verify(book.path).ok


def test_threads_share_commits_and_every_one_gets_its_own_receipt(
    book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    groups: list[int] = []
    original = write.write

    def counted(connection: sqlite3.Connection, drafts: Any, keyring: Any) -> Any:
        groups.append(len(drafts))
        return original(connection, drafts, keyring)

    monkeypatch.setattr("engine.ledger.append.write", counted)
    start = threading.Barrier(16)

    def work(thread: int) -> list[tuple[int, int, int]]:
        start.wait()
        return [(thread, n, book.writer.append(decision(f"h{thread}-{n}")).seq) for n in range(20)]

    with ThreadPoolExecutor(16) as pool:
        done = [row for rows in pool.map(work, range(16)) for row in rows]
    assert sorted(seq for *_, seq in done) == list(range(2, 322))
    for thread, n, seq in done:
        assert read.entry(book.store.reader(), seq).household == f"h{thread}-{n}"
    assert sum(groups) == 320 and len(groups) < 200, "threads that come together are committed together"
    assert verify(book.path).ok


def test_an_unforeseen_error_hits_only_the_record_that_caused_it(
    book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = identity.record

    def fails(connection: Any, keyring: Any, household: str, people: Any) -> bytes:
        if household == "bad":
            raise ZeroDivisionError
        return original(connection, keyring, household, people)

    monkeypatch.setattr(identity, "record", fails)
    start = threading.Barrier(8)

    def work(number: int) -> object:
        start.wait()
        household = "bad" if number == 3 else f"h{number}"
        try:
            return book.writer.append(decision(household, identity=(Person("a", "张三"),)))
        except ZeroDivisionError as error:
            return error

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(work, range(8)))
    assert [isinstance(outcome, ZeroDivisionError) for outcome in outcomes] == [n == 3 for n in range(8)]
    assert read.head(book.store.reader())[0] == 8 and verify(book.path).ok


def test_when_the_disk_fails_nobody_is_acknowledged_and_nobody_waits(
    book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> Any:
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as broken:
        broken.setattr("engine.ledger.append.write", full)
        with ThreadPoolExecutor(8) as pool:
            waiting = [pool.submit(book.writer.append, decision(f"h{n}")) for n in range(8)]
            for future in waiting:
                with pytest.raises(StoreFailed, match="disk is full"):
                    future.result(timeout=30)
    assert book.writer.append(decision()).seq == 2


def test_a_full_disk_loses_nothing_and_is_survived(book: Book) -> None:
    book.writer.append(decision("h1"))
    connection = book.writer._connection
    assert connection is not None
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {pages}")
    big = entries.decision({"fill": [random.Random(n).random().hex() for n in range(5000)]}, index(CHANCE), AT)
    with pytest.raises(StoreFailed, match="full"):
        book.writer.append(big)
    assert read.head(book.store.reader())[0] == 2 and verify(book.path).ok
    connection.execute("PRAGMA max_page_count = 1000000")
    assert book.writer.append(big).seq == 3 and verify(book.path).ok


def test_a_leader_that_is_stopped_leaves_nobody_waiting(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*_: Any) -> Any:
        raise SystemExit

    with monkeypatch.context() as broken:
        broken.setattr("engine.ledger.append.write", stopped)
        with ThreadPoolExecutor(8) as pool:
            for future in [pool.submit(book.writer.append, decision(f"h{n}")) for n in range(8)]:
                with pytest.raises((SystemExit, StoreFailed)):
                    future.result(timeout=30)
    assert book.writer.append(decision()).seq == 2


@pytest.mark.parametrize("turn_has_come", [False, True])
def test_a_waiting_thread_that_is_stopped_holds_up_nobody(
    book: Book, monkeypatch: pytest.MonkeyPatch, turn_has_come: bool
) -> None:
    original, slot = write.write, append._Slot
    leading, go_on, left = threading.Event(), threading.Event(), threading.Event()

    def slow(*arguments: Any) -> Any:
        leading.set()
        assert go_on.wait(30)
        return original(*arguments)

    class Stopped(slot):  # type: ignore[misc, valid-type]
        """A caller whose wait is broken off: at once, or when it is woken to lead."""

        def __init__(self, drafts: Any) -> None:
            super().__init__(drafts)
            wake = self.wake

            class Wake:
                def release(self) -> None:
                    wake.release()

                def acquire(self) -> None:
                    if turn_has_come:
                        wake.acquire()
                    left.set()
                    raise KeyboardInterrupt

            self.wake = Wake()

    monkeypatch.setattr("engine.ledger.append.write", slow)
    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(book.writer.append, decision("first"))
        assert leading.wait(30)
        with monkeypatch.context() as patched:
            patched.setattr(append, "_Slot", Stopped)
            second = pool.submit(book.writer.append, decision("second"))
            while not book.writer._waiting:
                if second.done():
                    break
        third = pool.submit(book.writer.append, decision("third"))
        if not turn_has_come:
            assert left.wait(30)
        go_on.set()
        assert first.result(30).seq == 2 and third.result(30).seq == 3
        with pytest.raises(KeyboardInterrupt):
            second.result(30)
    households = [entry.household for entry in read.entries(book.store.reader(), 2)]
    assert households == ["first", "third"]


def test_a_writer_may_cross_a_fork(book: Book) -> None:
    book.writer.append(decision("parent"))
    child = os.fork()
    if not child:
        try:
            os._exit(0 if book.writer.append(decision("child")).seq == 3 else 1)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert book.writer.append(decision("parent-again")).seq == 4
    assert verify(book.path).ok


def test_a_process_forked_while_a_group_is_written_does_not_hold_the_ledger(
    book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It inherits the open lock file; the lock is let go of all the same."""
    original = write.write
    leading, go_on = threading.Event(), threading.Event()

    def slow(*arguments: Any) -> Any:
        leading.set()
        assert go_on.wait(30)
        return original(*arguments)

    monkeypatch.setattr("engine.ledger.append.write", slow)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(book.writer.append, decision("first"))
        assert leading.wait(30)
        child = os.fork()
        if not child:
            signal.alarm(60)
            signal.pause()
        try:
            go_on.set()
            assert first.result(30).seq == 2
            second = pool.submit(book.writer.append, decision("second"))
            assert second.result(20).seq == 3
        finally:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
    assert verify(book.path).ok


def test_rules_that_were_changed_are_not_given_out(book: Book) -> None:
    book.writer.close()
    for statement in ("UPDATE rulebook_file SET text = ?", "DELETE FROM rulebook_file WHERE text = ?"):
        with sqlite3.connect(book.path) as connection:
            for name in ("rulebook_file_no_update", "rulebook_file_no_delete"):
                connection.execute(f"DROP TRIGGER IF EXISTS {name}")
            connection.execute(statement, (pack(b"policy: forged"),))
        with pytest.raises(Damaged, match=r"policies\.yaml"):
            rulebooks.load(book.store.reader(), RULEBOOK)


def test_looks_are_chained_and_paged(book: Book) -> None:
    for number in range(1, 8):
        book.writer.append(
            access("read", f"key-{number % 2}", "复核", AT, case=number % 3, what={"n": number})
        )
    reader = book.store.reader()
    assert [look.seq for look in page(reader, limit=3)] == [7, 6, 5]
    assert [look.seq for look in page(reader, before=5, limit=3)] == [4, 3, 2]
    assert [look.seq for look in page(reader, case=1)] == [7, 4, 1]
    assert [look.seq for look in page(reader, who="key-1", case=1)] == [7, 1]
    last = page(reader, limit=1)[0]
    assert (last.kind, last.who, last.case, last.why, last.what) == ("read", "key-1", 1, "复核", {"n": 7})
    assert read.head(reader, "access") == (7, last.hash)


def test_reading_what_was_changed_says_so(book: Book) -> None:
    seq = book.writer.append(decision()).seq
    book.writer.close()
    with sqlite3.connect(book.path) as connection:
        connection.execute("DROP TRIGGER entry_no_update")
        connection.execute("UPDATE entry SET at = '2020-01-01T00:00:00.000000Z' WHERE seq = ?", (seq,))
    with pytest.raises(Damaged, match=f"entry {seq}"):
        read.entry(book.store.reader(), seq)
    with pytest.raises(NotFound):
        read.entry(book.store.reader(), 404)


def test_a_draft_shows_no_person(book: Book) -> None:
    draft = decision(identity=(Person("a", "张三丰", "310105198001010018", "13800001111", "华阳路1号"),))
    shown = repr(draft) + repr(draft.identity) + repr(entries.Request("o", "k", "0" * 64))
    for planted in ("张三丰", "310105198001010018", "13800001111", "华阳路"):
        assert planted not in shown


def test_an_index_digest_is_that_of_its_canonical_form() -> None:
    beside = DecisionIndex((LINE,), "2026-01-01", RULEBOOK, "0.1.0", "key-a", "h1", "说明")
    draft = entries.decision({}, beside, AT)
    assert draft.index is not None
    assert hashlib.sha256(draft.index).hexdigest() == canonical.digest(json.loads(beside.written()))


def test_an_erased_household_gets_no_new_identity(book: Book) -> None:
    book.writer.append(decision("h1", identity=(Person("a", "张三"),)))
    book.writer.append(entries.erasure("h1", "admin", "本人要求", AT))
    with pytest.raises(Erased):
        book.writer.append(decision("h1", identity=(Person("a", "张三"),)))
    with pytest.raises(Refused, match="erased before"):
        book.writer.append(entries.erasure("h1", "admin", "本人要求", AT))
    assert book.writer.append(decision("h1")).seq == 4
