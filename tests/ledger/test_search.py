"""Searching: two-character Chinese words, every filter, pages by key; and the index as something made from
the ledger."""

import itertools
import random
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import ledger_sample as sample
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ledger_sample import AT, Book, index

from engine.ledger import entries, read, rulebooks
from engine.ledger.entries import PolicyLine
from engine.ledger.errors import KeyMissing, LedgerError, Refused
from engine.ledger.identity import Person
from engine.ledger.search import Query, search
from engine.ledger.search_index import SearchIndex
from engine.ledger.words import match, spaced

MORE = {**sample.FILES, "c.yaml": "c"}
OTHER_RULES = rulebooks.digest_of(MORE)
DIBAO, LOW = "minimum_living_allowance", "low_income_household"


def lines(*rows: tuple[str, str, str]) -> tuple[PolicyLine, ...]:
    return tuple(PolicyLine(policy, subject, status, 0, 0) for policy, subject, status in rows)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Book, SearchIndex]:
    book = sample.make(tmp_path_factory.mktemp("search"))
    chance = random.Random(1)

    def decided(at: str, *people: Person, **values: object) -> None:
        book.writer.append(entries.decision({}, index(chance, **values), at, identity=people))  # type: ignore[arg-type]

    zhang, li = Person("a", "张三", "310105198001010018"), Person("b", "李四", phone="13800001111")
    decided(  # 2
        "2026-01-01T00:00:00Z",
        zhang,
        household="h1",
        on="2026-01-01",
        caseworker="key-a",
        policies=lines((DIBAO, "household", "eligible"), (LOW, "a", "ineligible"), (LOW, "b", "eligible")),
        explanation="人均月收入 1,395 元，低于最低生活保障标准；可领取最低生活保障金。",
    )
    decided(  # 3
        "2026-02-01T00:00:00Z",
        li,
        household="h2",
        on="2026-01-31",
        caseworker="key-b",
        policies=lines((DIBAO, "household", "ineligible"), (LOW, "a", "ineligible")),
        explanation="家庭财产超过限额，生活仍有困难。Ｄｉｂａｏ standard",
    )
    book.writer.append(rulebooks.rulebook(MORE, OTHER_RULES, "admin", AT))  # 4
    decided(  # 5
        "2026-03-01T00:00:00Z",
        zhang,
        li,
        household="h3",
        on="2026-03-01",
        caseworker="key-a",
        rulebook=OTHER_RULES,
        engine="0.2.0",
        policies=lines((DIBAO, "household", "undetermined"), (LOW, "a", "eligible"), (LOW, "b", "eligible")),
        explanation="收入不明，生\n活困难与否不能确定。",
    )
    book.writer.append(entries.confirmation(2, "key-b", "2026-03-02T00:00:00Z", note="家访属实"))  # 6
    book.writer.append(entries.departure(3, "key-a", "确有生活困难", "2026-03-03T00:00:00Z"))  # 7
    book.writer.append(entries.erasure("h2", "admin", "本人要求", "2026-03-04T00:00:00Z"))  # 8
    return book, SearchIndex(book.store)


CASES: list[tuple[dict[str, object], list[int]]] = [
    ({}, [8, 7, 6, 5, 4, 3, 2, 1]),
    ({"words": "生活"}, [7, 5, 3, 2]),
    ({"words": "困难"}, [7, 5, 3]),
    ({"words": "生活困难"}, [7, 5]),
    ({"words": "生活 财产"}, [3]),
    ({"words": "活保"}, [2]),
    ({"words": "保活"}, []),
    ({"words": "1,395"}, [2]),
    ({"words": "1395"}, []),
    ({"words": "dibao"}, [3]),
    ({"words": "DIBAO STANDARD"}, [3]),
    ({"words": "家访"}, [6]),
    ({"words": '"生活" OR NOT ('}, []),
    ({"words": "属"}, [6]),
    ({"kind": "decision"}, [5, 3, 2]),
    ({"kind": "departure"}, [7]),
    ({"refers": 2}, [6]),
    ({"household": "h1"}, [2]),
    ({"caseworker": "key-a"}, [7, 5, 2]),
    ({"caseworker": "key-a", "kind": "decision"}, [5, 2]),
    ({"rulebook": OTHER_RULES}, [5, 4]),
    ({"engine": "0.2.0"}, [5]),
    ({"policy": DIBAO}, [5, 3, 2]),
    ({"policy": DIBAO, "status": "eligible"}, [2]),
    ({"policy": LOW, "status": "eligible"}, [5, 2]),
    ({"policy": LOW, "status": "eligible", "subject": "a"}, [5]),
    ({"policy": DIBAO, "status": "eligible", "subject": "a"}, []),
    ({"status": "ineligible"}, [3, 2]),
    ({"status": "undetermined"}, [5]),
    ({"policy": LOW, "subject": "b"}, [5, 2]),
    ({"policy": LOW, "status": "eligible", "subject": "b"}, [5, 2]),
    ({"policy": LOW, "status": "eligible", "household": "h1"}, [2]),
    ({"policy": LOW, "status": "eligible", "words": "生活"}, [5, 2]),
    ({"words": "生活", "household": "h1"}, [2]),
    ({"words": "收入 困难", "caseworker": "key-a", "status": "undetermined"}, [5]),
    ({"on_from": "2026-01-31"}, [5, 3]),
    ({"on_to": "2026-01-31"}, [3, 2]),
    ({"on_from": "2026-01-02", "on_to": "2026-02-28"}, [3]),
    ({"at_from": "2026-03-01T00:00:00Z", "at_to": "2026-03-03T00:00:00Z"}, [7, 6, 5]),
    ({"at_from": "2026-03-03T00:00:00.000001Z"}, [8, 4, 1]),
    ({"name": "张三"}, [5, 2]),
    ({"id_number": "310105198001010018"}, [5, 2]),
    ({"phone": "+86 13800001111"}, [5]),
    ({"name": "张三", "phone": "13800001111"}, [5]),
    ({"name": "张三", "words": "确定"}, [5]),
    ({"name": "王五"}, []),
    ({"words": "生活", "policy": DIBAO, "status": "ineligible", "on_to": "2026-02-01"}, [3]),
]


@pytest.mark.parametrize(("asked", "found"), CASES, ids=[repr(asked) for asked, _ in CASES])
def test_what_is_found(made: tuple[Book, SearchIndex], asked: dict[str, object], found: list[int]) -> None:
    book, made_index = made
    query = Query(**asked)  # type: ignore[arg-type]
    page = search(made_index, query, keyring=book.keyring)
    assert [hit.seq for hit in page.hits] == found and page.before is None
    assert query.given() == tuple(name for name in Query.__dataclass_fields__ if name in asked)
    one_by_one: list[int] = []
    before = None
    for _ in range(len(found) + 1):
        page = search(made_index, query, keyring=book.keyring, before=before, limit=1)
        one_by_one += [hit.seq for hit in page.hits]
        before = page.before
        if before is None:
            break
    assert one_by_one == found


def test_a_hit_says_what_it_is(made: tuple[Book, SearchIndex]) -> None:
    book, made_index = made
    (hit,) = search(made_index, Query(household="h1")).hits
    entry = read.entry(book.store.reader(), 2)
    assert (hit.seq, hit.hash, hit.kind, hit.at) == (2, entry.hash, "decision", entry.at)
    assert (hit.on, hit.rulebook, hit.engine, hit.caseworker) == (
        "2026-01-01",
        sample.RULEBOOK,
        "0.1.0",
        "key-a",
    )


BAD: list[tuple[Callable[[SearchIndex], object], type[LedgerError]]] = [
    (lambda i: search(i, Query(name="张三")), KeyMissing),
    (lambda i: search(i, Query(words="，。！")), Refused),
    (lambda i: search(i, Query(words="")), Refused),
    (lambda i: search(i, Query(), limit=0), Refused),
    (lambda i: search(i, Query(), limit=201), Refused),
    (lambda i: search(i, Query(at_from="yesterday")), Refused),
    (lambda i: search(i, Query(status="maybe")), Refused),
    (lambda i: search(i, Query(subject="a")), Refused),
]


@pytest.mark.parametrize("number", range(len(BAD)))
def test_what_cannot_be_asked(made: tuple[Book, SearchIndex], number: int) -> None:
    ask, error = BAD[number]
    with pytest.raises(error):
        ask(made[1])


def test_a_query_shows_no_person() -> None:
    shown = repr(Query(name="张三", id_number="310105198001010018", phone="13800001111", words="生活"))
    assert "张三" not in shown and "31010" not in shown and "138" not in shown


HAN = st.text(st.characters(min_codepoint=0x4E00, max_codepoint=0x4E20), min_size=2, max_size=12)


@given(st.lists(HAN, min_size=1, max_size=8), st.data())
def test_every_piece_of_text_finds_exactly_the_texts_it_stands_in(
    texts: list[str], data: st.DataObject
) -> None:
    text = data.draw(st.sampled_from(texts))
    start = data.draw(st.integers(0, len(text) - 2))
    piece = text[start : start + data.draw(st.integers(2, 4))]
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute(
            "CREATE VIRTUAL TABLE words USING fts5(text, content = '', tokenize = 'unicode61')"
        )
        connection.executemany("INSERT INTO words (rowid, text) VALUES (?, ?)", enumerate(map(spaced, texts)))
        rows = connection.execute("SELECT rowid FROM words WHERE words MATCH ?", (match(piece),)).fetchall()
    assert sorted(number for (number,) in rows) == [
        number for number, text in enumerate(texts) if piece in text
    ]


@given(st.text(max_size=40))
def test_nothing_typed_is_a_syntax_error(words: str) -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute(
            "CREATE VIRTUAL TABLE words USING fts5(text, content = '', tokenize = 'unicode61')"
        )
        expression = match(words)
        if expression:
            connection.execute("SELECT rowid FROM words WHERE words MATCH ?", (expression,)).fetchall()


def test_pages_neither_repeat_nor_skip_while_entries_come_in(tmp_path: Path) -> None:
    book = sample.make(tmp_path)
    made_index = SearchIndex(book.store)
    chance = random.Random(1)
    for number in range(30):
        book.writer.append(entries.decision({}, index(chance, f"h{number}"), AT))
    seen: list[int] = []
    before = None
    for number in itertools.count():
        page = search(made_index, Query(kind="decision"), before=before, limit=7)
        seen += [hit.seq for hit in page.hits]
        book.writer.append(entries.decision({}, index(chance, f"new{number}"), AT))
        before = page.before
        if before is None:
            break
    assert seen == list(range(31, 1, -1))


def test_the_index_catches_up_in_steps(tmp_path: Path) -> None:
    book = sample.make(tmp_path)
    made_index = SearchIndex(book.store)
    book.writer.append_all(sample.drafts(random.Random(1), 40))
    size, _ = read.head(book.store.reader())
    assert made_index.catch_up(5) == 5
    page = search(made_index, Query(), most=2)
    assert [hit.seq for hit in page.hits] == [7, 6, 5, 4, 3, 2, 1] and page.behind == made_index.behind() == size - 7
    assert made_index.catch_up() == size - 7 and made_index.catch_up() == 0
    assert list(made_index.check()) == []


CHANGES = [
    ("person", "UPDATE person SET household = 'someone'"),
    ("person", "DELETE FROM person WHERE token = (SELECT max(token) FROM person)"),
    ("entry", "UPDATE entry SET caseworker = 'someone' WHERE seq = 2"),
    ("entry", "DELETE FROM entry WHERE seq = 3"),
    ("policy_line", "UPDATE policy_line SET status = 'unheard of' WHERE seq = 2"),
    ("policy_line", "DELETE FROM policy_line WHERE seq = 2"),
    ("policy_line", "INSERT INTO policy_line VALUES ('p', 'eligible', 2, 'household', 0, 0)"),
    ("words", "INSERT INTO words (rowid, text) VALUES (2, '多')"),
    ("words", "INSERT INTO words (words) VALUES ('delete-all')"),
    ("words", "UPDATE words_data SET block = zeroblob(length(block)) WHERE id > 10"),
]


@pytest.mark.parametrize(("table", "change"), CHANGES)
def test_an_index_that_was_changed_is_found_and_made_again(tmp_path: Path, table: str, change: str) -> None:
    book = sample.make(tmp_path)
    sample.fill(book, 40)
    made_index = SearchIndex(book.store)
    made_index.catch_up()
    with closing(sqlite3.connect(made_index.path, isolation_level=None)) as connection:
        assert connection.execute(change).rowcount != 0
    found = [(finding.code, finding.place) for finding in made_index.check()]
    assert ("search-differs", table) in found
    made_index.rebuild()
    assert list(made_index.check()) == []


@pytest.mark.parametrize("damage", ["missing", "noise", "other ledger", "another format", "cut"])
def test_an_index_that_does_not_fit_is_made_anew(tmp_path: Path, damage: str) -> None:
    book = sample.make(tmp_path)
    sample.fill(book, 40)
    made_index = SearchIndex(book.store)
    made_index.catch_up()
    path = made_index.path
    made_index.connection().execute("PRAGMA wal_checkpoint(TRUNCATE)")
    made_index.connection().close()
    if damage == "missing":
        path.unlink()
    elif damage == "noise":
        path.write_bytes(random.Random(1).randbytes(8192))
    elif damage == "cut":
        path.write_bytes(path.read_bytes()[:5000])
    else:
        change = (
            "PRAGMA user_version = 99" if damage == "another format" else "UPDATE made_from SET ledger = 'x'"
        )
        with sqlite3.connect(path) as connection:
            connection.execute(change)
    again = SearchIndex(book.store)
    assert len(search(again, Query(), limit=200).hits) == read.head(book.store.reader())[0]
    assert list(again.check()) == []


def test_an_index_that_knows_more_than_a_restored_ledger_is_made_anew(tmp_path: Path) -> None:
    book = sample.make(tmp_path / "one")
    book.writer.append(entries.decision({}, index(random.Random(1), "before"), AT))
    lost = SearchIndex(book.store, tmp_path / "search")
    with closing(sqlite3.connect(book.path)) as source, closing(sqlite3.connect(tmp_path / "old.db")) as copy:
        source.backup(copy)
    book.writer.append(entries.decision({}, index(random.Random(1), "lost"), AT))
    assert [hit.household for hit in search(lost, Query(kind="decision")).hits] == ["lost", "before"]
    lost.connection().close()
    restored = sample.Store(tmp_path / "old.db")
    for names in ((), ("other",)):
        for name in names:
            sample.Writer(restored).append(entries.decision({}, index(random.Random(1), name), AT))
        again = SearchIndex(restored, tmp_path / "search")
        assert [hit.household for hit in search(again, Query(kind="decision")).hits] == [*names, "before"]
        again.connection().close()
