"""The tables, from the first version on. A ledger of any earlier version is brought up when it is opened.

Every table is STRICT. What was written may not be updated, deleted or replaced: triggers refuse it. They
hold against mistakes in this program, not against someone with the file in hand, who can drop a trigger;
the chain finds that.

sqlite-utils' own Migrations are not used here: they keep a table stamped by the machine's clock, which
nothing in the chain could vouch for. PRAGMA user_version says the same in one number.
"""

import sqlite3
from collections.abc import Callable
from contextlib import closing

from engine.ledger import merkle
from engine.ledger.chain import LOGS
from engine.ledger.errors import StoreFailed

__all__ = ["APPLICATION_ID", "VERSION", "check", "expected", "migrate", "objects"]

APPLICATION_ID = 0x6A7A6C67  # "jzlg", so that `file` and this program know the file for what it is

_VERSION_1 = """
CREATE TABLE ledger (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  id TEXT NOT NULL,
  created_at TEXT NOT NULL
) STRICT;
CREATE TABLE head (
  log TEXT PRIMARY KEY,
  size INTEGER NOT NULL CHECK (size >= 0),
  hash BLOB NOT NULL CHECK (length(hash) = 32)
) STRICT, WITHOUT ROWID;
CREATE TABLE entry (
  seq INTEGER PRIMARY KEY CHECK (seq > 0),
  kind TEXT NOT NULL,
  at TEXT NOT NULL,
  refers INTEGER REFERENCES entry (seq) CHECK (refers < seq),
  household TEXT,
  identity BLOB CHECK (length(identity) = 32),
  request_key BLOB CHECK (length(request_key) = 32),
  request_body BLOB CHECK (length(request_body) = 32),
  body_digest BLOB NOT NULL CHECK (length(body_digest) = 32),
  index_digest BLOB CHECK (length(index_digest) = 32),
  previous BLOB NOT NULL CHECK (length(previous) = 32),
  hash BLOB NOT NULL CHECK (length(hash) = 32),
  body BLOB NOT NULL,
  "index" BLOB,
  CHECK ((request_key IS NULL) = (request_body IS NULL)),
  CHECK ((index_digest IS NULL) = ("index" IS NULL))
) STRICT;
CREATE UNIQUE INDEX entry_by_request ON entry (request_key) WHERE request_key IS NOT NULL;
CREATE INDEX entry_by_refers ON entry (refers) WHERE refers IS NOT NULL;
CREATE INDEX erasure_by_household ON entry (household) WHERE kind = 'erasure';
CREATE TABLE access (
  seq INTEGER PRIMARY KEY CHECK (seq > 0),
  kind TEXT NOT NULL,
  at TEXT NOT NULL,
  body_digest BLOB NOT NULL CHECK (length(body_digest) = 32),
  previous BLOB NOT NULL CHECK (length(previous) = 32),
  hash BLOB NOT NULL CHECK (length(hash) = 32),
  who TEXT NOT NULL,
  "case" INTEGER,
  why TEXT NOT NULL,
  what TEXT NOT NULL
) STRICT;
CREATE INDEX access_by_case ON access ("case", seq) WHERE "case" IS NOT NULL;
CREATE INDEX access_by_who ON access (who, seq);
CREATE TABLE identity (
  number INTEGER PRIMARY KEY CHECK (number > 0),
  household TEXT NOT NULL,
  digest BLOB NOT NULL CHECK (length(digest) = 32),
  key_digest BLOB NOT NULL CHECK (length(key_digest) = 32),
  sealed BLOB NOT NULL
) STRICT;
CREATE INDEX identity_by_household ON identity (household);
CREATE TABLE household_key (
  identity INTEGER PRIMARY KEY REFERENCES identity (number),
  household TEXT NOT NULL,
  master TEXT NOT NULL,
  wrapped BLOB NOT NULL,
  same BLOB NOT NULL,
  tokens BLOB NOT NULL,
  salt BLOB NOT NULL
) STRICT;
CREATE TABLE rulebook (
  digest TEXT PRIMARY KEY,
  seq INTEGER NOT NULL REFERENCES entry (seq)
) STRICT, WITHOUT ROWID;
CREATE TABLE rulebook_file (
  digest BLOB PRIMARY KEY CHECK (length(digest) = 32),
  text BLOB NOT NULL
) STRICT, WITHOUT ROWID;
"""

# Subtree hashes and checkpoints came second: proofs were slow without the one and could not be kept without
# the other.
_VERSION_2 = """
CREATE TABLE node (
  log TEXT NOT NULL,
  level INTEGER NOT NULL CHECK (level > 0),
  place INTEGER NOT NULL CHECK (place >= 0),
  hash BLOB NOT NULL CHECK (length(hash) = 32),
  PRIMARY KEY (log, level, place)
) STRICT, WITHOUT ROWID;
CREATE TABLE checkpoint (
  number INTEGER PRIMARY KEY CHECK (number > 0),
  document TEXT NOT NULL,
  signature BLOB NOT NULL CHECK (length(signature) = 64)
) STRICT;
INSERT INTO head VALUES ('checkpoints', 0, zeroblob(32));
"""


def _refuse(name: str, event: str, table: str, when: str, why: str) -> str:
    when = f" WHEN {when}" if when else ""
    return f"CREATE TRIGGER {name} BEFORE {event} ON {table}{when} BEGIN SELECT RAISE(ABORT, '{why}'); END"


def _final(table: str, *key: str) -> list[str]:
    """Triggers that make `table` final. INSERT OR REPLACE deletes without a DELETE trigger unless
    recursive_triggers is on, so a row that is already there is refused at the insert too."""
    there = " AND ".join(f'"{column}" = NEW."{column}"' for column in key)
    exists = f"EXISTS (SELECT 1 FROM {table} WHERE {there})"
    return [
        _refuse(f"{table}_no_update", "UPDATE", table, "", f"{table}: what was written is not changed"),
        _refuse(f"{table}_no_delete", "DELETE", table, "", f"{table}: what was written is not deleted"),
        _refuse(f"{table}_no_replace", "INSERT", table, exists, f"{table}: what was written is not replaced"),
    ]


def _chained(table: str, log: str) -> list[str]:
    """Triggers that let a log grow only at its end, each entry holding the hash of the one before."""
    last = f"(SELECT coalesce(max(seq), 0) FROM {table})"
    before = f"SELECT hash FROM {table} WHERE seq = NEW.seq - 1"
    before = f"coalesce(({before}), (SELECT hash FROM head WHERE log = '{log}'))"
    return [
        _refuse(
            f"{table}_no_gap",
            "INSERT",
            table,
            f"NEW.seq <> {last} + 1",
            f"{table}: the next number is the last + 1",
        ),
        _refuse(
            f"{table}_no_fork",
            "INSERT",
            table,
            f"NEW.previous <> {before}",
            f"{table}: previous is not the last hash",
        ),
    ]


_ERASED = "EXISTS (SELECT 1 FROM entry WHERE kind = 'erasure' AND household = {row}.household)"


def _until_erased(table: str, *key: str) -> list[str]:
    """Triggers for what may be deleted, once the chain says that the household was erased, and not before."""
    update, delete, replace = _final(table, *key)
    delete = _refuse(
        f"{table}_no_delete",
        "DELETE",
        table,
        f"NOT {_ERASED.format(row='OLD')}",
        f"{table}: deleted only by an erasure",
    )
    again = _refuse(
        f"{table}_no_return", "INSERT", table, _ERASED.format(row="NEW"), f"{table}: the household was erased"
    )
    return [update, delete, replace, again]


def _split(script: str) -> list[str]:
    return [statement.strip() for statement in script.split(";\n") if statement.strip()]


def _version_1() -> list[str]:
    request = (
        "NEW.request_key IS NOT NULL AND EXISTS (SELECT 1 FROM entry WHERE request_key = NEW.request_key)"
    )
    no_gap = "NEW.number <> (SELECT coalesce(max(number), 0) FROM identity) + 1"
    shrinks = "NEW.log <> OLD.log OR NEW.size <= OLD.size"
    return [
        *_split(_VERSION_1),
        *_final("entry", "seq"),
        *_chained("entry", "decisions"),
        _refuse("entry_no_second_request", "INSERT", "entry", request, "entry: the idempotency key was used"),
        *_final("access", "seq"),
        *_chained("access", "access"),
        *_final("ledger", "one"),
        *_final("identity", "number"),
        _refuse("identity_no_gap", "INSERT", "identity", no_gap, "identity: the next number is the last + 1"),
        *_until_erased("household_key", "identity"),
        *_final("rulebook", "digest"),
        *_final("rulebook_file", "digest"),
        _refuse("head_only_grows", "UPDATE", "head", shrinks, "head: a log only grows"),
        *_final("head", "log")[1:],
    ]


def _version_2() -> list[str]:
    return [*_split(_VERSION_2), *_final("node", "log", "level", "place"), *_final("checkpoint", "number")]


def _fill_nodes(connection: sqlite3.Connection) -> None:
    sizes = dict(connection.execute("SELECT log, size FROM head").fetchall())
    for name, log in LOGS.items():
        merkle.store_nodes(connection, log, 0, sizes.get(name, 0))


def _nothing(_: sqlite3.Connection) -> None:
    pass


_MIGRATIONS: list[tuple[Callable[[], list[str]], Callable[[sqlite3.Connection], None]]] = [
    (_version_1, _nothing),
    (_version_2, _fill_nodes),
]
VERSION = len(_MIGRATIONS)
"""The version this program writes and reads."""


def check(connection: sqlite3.Connection) -> int:
    """The version of the tables, 0 for an empty file. Changes nothing.

    Raises StoreFailed for a file that is not a ledger, or one written by a later version of this program.
    """
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if tables and application != APPLICATION_ID:
        raise StoreFailed("这个文件不是台账", "this file is not a ledger", "not-a-ledger")
    if version > VERSION:
        raise StoreFailed(
            f"台账是较新的版本 {version} 写的；请升级程序（本程序为 {VERSION}）",
            f"the ledger was written by a later version, {version}; upgrade this program, which knows {VERSION}",
            "later-version",
        )
    return int(version)


def migrate(connection: sqlite3.Connection, up_to: int = VERSION) -> None:
    """Bring the tables from whatever version they are to `up_to`, inside the caller's transaction. Raises as
    `check` does."""
    version = check(connection)
    for number in range(version + 1, up_to + 1):
        statements, fill = _MIGRATIONS[number - 1]
        for statement in statements():
            connection.execute(statement)
        fill(connection)
    if version < up_to:
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {up_to}")


def objects(connection: sqlite3.Connection) -> set[tuple[str, str, str]]:
    """What the schema holds: (type, name, SQL) of every table, index and trigger."""
    return set(connection.execute("SELECT type, name, coalesce(sql, '') FROM sqlite_schema"))


def expected(version: int = VERSION) -> set[tuple[str, str, str]]:
    """`objects` of a ledger fresh from this program: what `verify` compares with."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as fresh:
        migrate(fresh, version)
        return objects(fresh)
