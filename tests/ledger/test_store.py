"""The ledger's file: what refuses to be changed in it, how it is opened, how it comes up from the first
version."""

import random
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import ledger_sample as sample
import pytest

from engine.ledger import entries, identity, read, rulebooks, schema
from engine.ledger.append import Writer
from engine.ledger.errors import Erased, NotFound, StoreFailed
from engine.ledger.keyring import load_keyring
from engine.ledger.store import Store, connect
from engine.ledger.verify import verify

TABLES = [name for kind, name, _ in sorted(schema.expected()) if kind == "table"]
VERSION_1 = Path(__file__).with_name("version_1.sql")
VERSION_1_KEYS = Path(__file__).with_name("version_1.keys.json")


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> sample.Book:
    book = sample.make(tmp_path_factory.mktemp("store"))
    sample.fill(book, 520, seed=3)
    return book


def test_every_table_is_strict() -> None:
    for kind, name, sql in schema.expected():
        assert kind != "table" or "STRICT" in sql.rsplit(")", 1)[1], name


def _first(connection: sqlite3.Connection, table: str) -> dict[str, object]:
    cursor = connection.execute(f"SELECT * FROM {table} LIMIT 1")
    return dict(zip([name for name, *_ in cursor.description], cursor.fetchone(), strict=True))


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("recursive", ["ON", "OFF"])
def test_what_was_written_is_not_updated_deleted_or_replaced(
    book: sample.Book, table: str, recursive: str
) -> None:
    with closing(connect(book.path)) as connection:
        connection.execute(f"PRAGMA recursive_triggers = {recursive}")
        row = _first(connection, table)
        marks, columns = ", ".join("?" * len(row)), ", ".join(f'"{column}"' for column in row)
        replace = f"INSERT OR REPLACE INTO {table} ({columns}) VALUES ({marks})"
        statements: list[tuple[str, tuple[object, ...]]] = [
            (replace, tuple(row.values())),
            (f"DELETE FROM {table}", ()),
        ]
        for column in row:
            statements.append((f'UPDATE {table} SET "{column}" = "{column}"', ()))
            statements.append((f'UPDATE OR REPLACE {table} SET "{column}" = "{column}"', ()))
        for statement, values in statements:
            with pytest.raises(sqlite3.IntegrityError) as caught:
                connection.execute(statement, values)
            assert caught.value.sqlite_errorname == "SQLITE_CONSTRAINT_TRIGGER", statement
    assert verify(book.path).ok


@pytest.mark.parametrize("table", ["entry", "access"])
def test_a_log_grows_at_its_end_and_from_its_last_hash_only(book: sample.Book, table: str) -> None:
    with closing(connect(book.path)) as connection:
        (last,) = connection.execute(f"SELECT max(seq) FROM {table}").fetchone()
        row = _first(connection, table) | (
            {"request_key": None, "request_body": None} if table == "entry" else {}
        )
        columns, marks = ", ".join(f'"{column}"' for column in row), ", ".join("?" * len(row))
        insert = f"INSERT OR REPLACE INTO {table} ({columns}) VALUES ({marks})"
        for seq, why in (
            (last, "replaced|next number|previous"),
            (last + 2, "next number|previous"),
            (last + 1, "previous"),
        ):
            with pytest.raises(sqlite3.IntegrityError, match=why):
                connection.execute(insert, tuple((row | {"seq": seq}).values()))


def test_an_idempotency_key_cannot_be_replaced_by_a_later_entry(book: sample.Book) -> None:
    with closing(connect(book.path)) as connection:
        used = connection.execute("SELECT * FROM entry WHERE request_key IS NOT NULL LIMIT 1")
        row = dict(zip([name for name, *_ in used.description], used.fetchone(), strict=True))
        seq, hash = connection.execute("SELECT seq, hash FROM entry ORDER BY seq DESC LIMIT 1").fetchone()
        row |= {"seq": seq + 1, "previous": hash}
        columns, marks = ", ".join(f'"{column}"' for column in row), ", ".join("?" * len(row))
        with pytest.raises(sqlite3.IntegrityError, match="idempotency key"):
            connection.execute(
                f"INSERT OR REPLACE INTO entry ({columns}) VALUES ({marks})", tuple(row.values())
            )


def test_a_new_ledger_is_empty_verifies_and_is_its_owners_alone(tmp_path: Path) -> None:
    store = Store.create(tmp_path / "a.db", sample.AT)
    assert verify(store.path).ok and read.head(store.reader()) == read.head(store.reader(), "decisions")
    assert (
        read.head(store.reader())[0] == 0
        and read.head(store.reader())[1] != read.head(store.reader(), "access")[1]
    )
    assert stat.S_IMODE(store.path.stat().st_mode) == 0o600
    assert store.reader().execute("PRAGMA journal_mode").fetchone() == ("wal",)
    with closing(connect(store.path)) as connection:
        assert connection.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL


def test_what_is_there_is_not_made_again(tmp_path: Path) -> None:
    store = Store.create(tmp_path / "a.db", sample.AT)
    with pytest.raises(StoreFailed, match="there already"):
        Store.create(tmp_path / "a.db", sample.AT)
    assert Store.open_or_create(tmp_path / "a.db", sample.AT).id == store.id
    assert Store(tmp_path / "a.db").created_at == "2026-11-21T08:00:00.000000Z"


def test_what_cannot_be_opened_says_so(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        Store(tmp_path / "none.db")
    (tmp_path / "text.db").write_text("这不是数据库" * 100, encoding="utf-8")
    with pytest.raises(StoreFailed, match="not a ledger"):
        Store(tmp_path / "text.db")
    with closing(sqlite3.connect(tmp_path / "other.db")) as other:
        other.execute("CREATE TABLE entry (a)")
    with pytest.raises(StoreFailed, match="not a ledger"):
        Store(tmp_path / "other.db")
    with closing(sqlite3.connect(tmp_path / "other.db")) as other:
        assert other.execute("PRAGMA journal_mode").fetchone() == ("delete",), "left as it was"
    with pytest.raises(StoreFailed, match="cannot lock"):
        Store.create(tmp_path / "no folder" / "a.db", sample.AT)


def test_a_ledger_of_a_later_version_is_left_alone(tmp_path: Path) -> None:
    path = Store.create(tmp_path / "a.db", sample.AT).path
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {schema.VERSION + 1}")
    with pytest.raises(StoreFailed, match="later version"):
        Store(path)


def test_several_processes_may_make_it_at_once(tmp_path: Path) -> None:
    path = str(tmp_path / "a.db")
    code = f"from engine.ledger.store import Store; print(Store.open_or_create({path!r}, {sample.AT!r}).id)"
    running = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) for _ in range(4)
    ]
    ids = {process.communicate(timeout=60)[0].strip() for process in running}
    assert len(ids) == 1 and len(ids.pop()) == 32


def test_a_reader_does_not_see_what_came_after_its_snapshot(tmp_path: Path) -> None:
    book = sample.make(tmp_path)
    with book.store.snapshot() as connection:
        assert read.head(connection)[0] == 1
        book.writer.append_all(sample.drafts(random.Random(1), 5))
        assert read.head(connection)[0] == 1
    assert read.head(book.store.reader())[0] > 1
    with pytest.raises(sqlite3.OperationalError, match=r"readonly|read-only"):
        book.store.reader().execute("DELETE FROM entry")


def test_a_ledger_of_the_first_version_comes_up_with_all_it_holds(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(VERSION_1.read_text(encoding="utf-8"))
        rows = connection.execute("SELECT * FROM entry ORDER BY seq").fetchall()
        assert connection.execute("PRAGMA user_version").fetchone() == (1,)
    store = Store(path)
    assert store.reader().execute("PRAGMA user_version").fetchone() == (schema.VERSION,)
    assert store.reader().execute("SELECT * FROM entry ORDER BY seq").fetchall() == rows
    report = verify(path)
    assert report.ok and report.sizes == {"decisions": len(rows), "access": 2}, report.findings
    (tmp_path / "identity.key").write_bytes(VERSION_1_KEYS.read_bytes())
    (tmp_path / "identity.key").chmod(0o600)
    keyring = load_keyring(tmp_path / "identity.key")
    assert identity.of_entry(store.reader(), keyring, 2) == sample.people(1)
    with pytest.raises(Erased):
        identity.of_entry(store.reader(), keyring, 4)
    assert rulebooks.load(store.reader(), sample.RULEBOOK) == sample.FILES
    receipt = Writer(store, keyring).append(entries.confirmation(2, "key-b", sample.AT))
    assert receipt.seq == len(rows) + 1 and verify(path).ok


def test_migrating_fills_in_the_subtree_hashes(book: sample.Book, tmp_path: Path) -> None:
    """A ledger of the first version with more entries than one stored subtree takes."""
    path = tmp_path / "old.db"
    with (
        closing(sqlite3.connect(path, isolation_level=None)) as old,
        closing(sqlite3.connect(book.path)) as new,
    ):
        new.backup(old)
        meant = old.execute("SELECT * FROM node ORDER BY 1, 2, 3").fetchall()
        for statement in ("DROP TABLE node", "DROP TABLE checkpoint", "DROP TRIGGER head_no_delete"):
            old.execute(statement)
        old.execute("DELETE FROM head WHERE log = 'checkpoints'")
        old.execute("PRAGMA user_version = 1")
        schema_sql = dict((name, sql) for _, name, sql in schema.expected(1))
        old.execute(schema_sql["head_no_delete"])
        assert schema.objects(old) == schema.expected(1)
    store = Store(path)
    assert meant and store.reader().execute("SELECT * FROM node ORDER BY 1, 2, 3").fetchall() == meant
    assert verify(path).ok


def test_a_failed_migration_leaves_the_old_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "old.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(VERSION_1.read_text(encoding="utf-8"))

    def fails(connection: sqlite3.Connection) -> None:
        raise sqlite3.OperationalError("disk full")

    with monkeypatch.context() as patched:
        patched.setattr(schema, "_MIGRATIONS", [schema._MIGRATIONS[0], (schema._MIGRATIONS[1][0], fails)])
        with pytest.raises(sqlite3.OperationalError, match="disk full"):
            Store(path)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (1,)
        assert connection.execute("SELECT count(*) FROM sqlite_schema WHERE name = 'node'").fetchone() == (0,)
    assert verify(Store(path).path).ok
