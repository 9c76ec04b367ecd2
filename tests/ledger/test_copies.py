"""Copies that leave the house: backups with their way back, and bundles that stand alone."""

import json
import random
import shutil
import sqlite3
import stat
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import ledger_sample as sample
import pytest
from ledger_sample import AT, Book, index

from engine.language import canonical
from engine.ledger import checkpoint, entries, identity, read
from engine.ledger.backup import backup, restore
from engine.ledger.checkpoint import Checkpoint
from engine.ledger.errors import Damaged, NotFound, Refused, StoreFailed
from engine.ledger.export import check_bundle, export
from engine.ledger.store import Store
from engine.ledger.verify import verify


@pytest.fixture
def book(tmp_path: Path) -> Book:
    book = sample.make(tmp_path / "book")
    sample.fill(book, 60)
    return book


def test_a_copy_made_while_writers_write_is_whole_and_restores(book: Book, tmp_path: Path) -> None:
    stop = threading.Event()
    written: list[int] = []

    def work(thread: int) -> None:
        chance = random.Random(thread)
        while not stop.is_set():
            written.append(book.writer.append(entries.decision({}, index(chance), AT)).seq)

    threads = [threading.Thread(target=work, args=(thread,)) for thread in range(4)]
    for thread in threads:
        thread.start()
    try:
        sizes = [backup(book.store, tmp_path / f"copy{number}.db").sizes["decisions"] for number in range(3)]
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert sizes == sorted(sizes) and len(set(sizes)) > 1 and sizes[-1] <= max(written)
    kept = checkpoint.make(book.store, book.signing, AT)
    copy = tmp_path / "copy2.db"
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert copy.read_bytes()[18:20] == b"\1\1", "not in WAL mode: one file, readable on a read-only medium"
    report = restore(copy, tmp_path / "restored.db")
    restored = Store(tmp_path / "restored.db")
    assert report.ok and report.sizes["decisions"] == sizes[-1] and restored.id == book.store.id
    for seq in (1, 2, sizes[-1]):
        assert read.entry(restored.reader(), seq) == read.entry(book.store.reader(), seq)
    receipt = sample.Writer(restored, book.keyring).append(entries.decision({}, index(random.Random(9)), AT))
    assert receipt.seq == sizes[-1] + 1 and verify(restored.path).ok
    (named,) = restored.reader().execute("SELECT max(seq) FROM entry WHERE identity IS NOT NULL").fetchone()
    assert identity.of_entry(restored.reader(), book.keyring, named)
    with pytest.raises(Damaged, match="shorter than checkpoint"):
        restore(copy, tmp_path / "again.db", checkpoints=[kept])


def test_a_copy_never_takes_the_place_of_something(book: Book, tmp_path: Path) -> None:
    (tmp_path / "there.db").write_text("x")
    for act in (lambda: backup(book.store, tmp_path / "there.db"), lambda: restore(book.path, tmp_path / "there.db")):
        with pytest.raises(StoreFailed, match="there already"):
            act()
    assert (tmp_path / "there.db").read_text() == "x"
    with pytest.raises(StoreFailed, match="there already"):
        restore(book.path, book.path)
    with pytest.raises(NotFound):
        restore(tmp_path / "none.db", tmp_path / "new.db")
    with pytest.raises(StoreFailed, match="cannot write"):
        backup(book.store, tmp_path / "no folder" / "copy.db")


def test_a_damaged_copy_is_not_restored(book: Book, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    backup(book.store, copy)
    with closing(sqlite3.connect(copy, isolation_level=None)) as connection:
        connection.execute("DROP TRIGGER entry_no_update")
        connection.execute("UPDATE entry SET at = '2020-01-01T00:00:00.000000Z' WHERE seq = 3")
    with pytest.raises(Damaged, match="entry 3"):
        restore(copy, tmp_path / "restored.db")
    assert not (tmp_path / "restored.db").exists()


def _bundle(book: Book, kept: Checkpoint, seqs: list[int] | None = None) -> list[bytes]:
    with book.store.snapshot() as connection:
        return list(export(connection, kept, seqs=seqs))


def test_a_whole_bundle_stands_alone(book: Book) -> None:
    kept = checkpoint.make(book.store, book.signing, AT)
    later = book.writer.append(entries.decision({}, index(random.Random(1)), AT)).seq
    lines = _bundle(book, kept)
    size = kept.size("decisions")
    assert later == size + 1
    assert check_bundle(lines, trusted={checkpoint.public_key(book.signing)}) == (size, [])
    head, *rest = map(json.loads, lines)
    assert head["whole"] and head["checkpoint"] == kept.document
    assert [row["header"]["seq"] for row in rest if "header" in row] == list(range(1, size + 1))
    assert {row["rulebook"]: dict(row["files"]) for row in rest if "files" in row} == {sample.RULEBOOK: sample.FILES}
    for line in lines:
        assert line == canonical.dumps(json.loads(line)) + b"\n"


def test_a_bundle_of_a_few_entries_carries_their_paths(book: Book) -> None:
    kept = checkpoint.make(book.store, book.signing, AT)
    decisions = [seq for (seq,) in book.store.reader().execute("SELECT seq FROM entry WHERE kind = 'decision'")]
    lines = _bundle(book, kept, [decisions[5], decisions[1], decisions[5]])
    assert check_bundle(lines) == (3, [])
    rows = [json.loads(line) for line in lines]
    assert [row["header"]["seq"] for row in rows[1:3]] == [decisions[1], decisions[5]]
    entry = read.entry(book.store.reader(), decisions[1])
    assert rows[1]["body"] == entry.body and rows[1]["index"] == entry.index and rows[1]["path"]
    assert rows[3]["header"]["kind"] == "rulebook" and rows[3]["header"]["seq"] == 1, "it vouches for the rules"
    assert rows[4]["rulebook"] == sample.RULEBOOK and len(rows) == 5


def test_what_a_checkpoint_does_not_cover_is_not_exported(book: Book) -> None:
    kept = checkpoint.make(book.store, book.signing, AT)
    later = book.writer.append(entries.decision({}, index(random.Random(1)), AT)).seq
    for seq in (later, 0, later + 5):
        with pytest.raises(Refused, match="not-covered"):
            _bundle(book, kept, [seq])


def _swap(lines: list[bytes]) -> list[bytes]:
    lines[2], lines[3] = lines[3], lines[2]
    return lines


def _in_row(number: int, *path: str, value: object) -> Any:
    def change(lines: list[bytes]) -> list[bytes]:
        row = json.loads(lines[number])
        inner = row
        for name in path[:-1]:
            inner = inner[name]
        inner[path[-1]] = value
        lines[number] = json.dumps(row).encode()
        return lines

    return change


FORGERIES = {
    "body": _in_row(3, "body", "x", value=1),
    "index": _in_row(3, "index", "caseworker", value="someone"),
    "no index": _in_row(3, "index", value={}),
    "header": _in_row(3, "header", "at", value="2020"),
    "no header": _in_row(3, "header", value=None),
    "signature": _in_row(0, "signature", value="00" * 64),
    "checkpoint": _in_row(0, "checkpoint", "at", value="2020"),
    "a rule's text": lambda lines: [*lines[:-1], lines[-1].replace(b"policy: b", b"policy: c")],
    "the rules lost": lambda lines: lines[:-1],
    "line lost": lambda lines: lines[:2] + lines[3:],
    "last line lost": lambda lines: [line for line in lines if b'"seq":%d}' % _last(lines) not in line],
    "lines swapped": _swap,
    "line twice": lambda lines: [*lines[:3], *lines[2:]],
    "not JSON": lambda lines: [*lines[:3], b"{\n", *lines[3:]],
    "no head": lambda lines: lines[1:],
    "nothing": lambda lines: [],
}


def _last(lines: list[bytes]) -> int:
    return max(json.loads(line)["header"]["seq"] for line in lines if b'"header"' in line)


@pytest.mark.parametrize("name", FORGERIES)
def test_a_bundle_that_was_changed_says_so(book: Book, name: str) -> None:
    kept = checkpoint.make(book.store, book.signing, AT)
    lines = _bundle(book, kept)
    assert check_bundle(lines)[1] == []
    forged = FORGERIES[name](list(lines))
    assert forged != lines
    assert check_bundle(forged)[1] != []


@pytest.mark.parametrize("name", ["body", "index", "header", "path"])
def test_a_bundle_of_a_few_that_was_changed_says_so(book: Book, name: str) -> None:
    kept = checkpoint.make(book.store, book.signing, AT)
    decisions = [seq for (seq,) in book.store.reader().execute("SELECT seq FROM entry WHERE kind = 'decision'")]
    lines = _bundle(book, kept, decisions[:4])
    forge = FORGERIES.get(name) or _in_row(3, "path", value=["00" * 32])
    wrong = check_bundle(forge(list(lines)))[1]
    assert len(wrong) == 1 and wrong[0].startswith("line 4")


def test_a_strangers_signature_is_not_trusted(book: Book, tmp_path: Path) -> None:
    kept = checkpoint.make(book.store, checkpoint.create_signing_key(tmp_path / "stranger.pem"), AT)
    lines = _bundle(book, kept)
    assert check_bundle(lines)[1] == []
    assert check_bundle(lines, trusted={checkpoint.public_key(book.signing)})[1] == [
        "line 1: the checkpoint's signature does not fit"
    ]


def test_a_ledger_can_be_read_where_nothing_may_be_written(book: Book, tmp_path: Path) -> None:
    """An auditor's read-only medium: a copy without its -wal and -shm files, in a folder that is read-only."""
    folder = tmp_path / "medium"
    folder.mkdir()
    backup(book.store, tmp_path / "copy.db")
    shutil.copy(tmp_path / "copy.db", folder / "copy.db")
    (folder / "copy.db").chmod(0o400)
    folder.chmod(0o500)
    try:
        assert verify(folder / "copy.db").ok
    finally:
        folder.chmod(0o700)
