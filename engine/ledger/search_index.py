"""The search index: a second SQLite file made from the ledger, which can be thrown away and made again.

It is brought up to date before it answers, not when a decision is written: splitting and indexing a page of
text takes longer than everything else about an append, and the ledger's own file stays one in which nothing
is ever rewritten.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

from sqlite_utils import Database

from engine.ledger import identity, read
from engine.ledger.connections import Connections, made_private
from engine.ledger.entries import Entry
from engine.ledger.findings import Finding, finding
from engine.ledger.keyring import Keyring
from engine.ledger.store import Store
from engine.ledger.words import spaced

__all__ = ["STATUS_BITS", "SearchIndex"]

_FORMAT = 3  # of this file; another number makes it anew
_BATCH = 200  # entries in one transaction: short, so that searches and other workers get between

_COLUMNS = (
    "seq",
    "hash",
    "kind",
    "at",
    "refers",
    "household",
    "on",
    "rulebook",
    "engine",
    "caseworker",
    "statuses",  # of any policy in it, as a sum of STATUS_BITS
)
STATUS_BITS = {"eligible": 1, "ineligible": 2, "undetermined": 4}
_INDEXES = (
    ("household", "seq"),
    ("caseworker", "seq"),
    ("rulebook", "seq"),
    ("kind", "seq"),
    ("on", "seq"),
    ("refers",),
)
_PERSON = """
CREATE TABLE person (
  token BLOB NOT NULL, household TEXT NOT NULL, PRIMARY KEY (token, household)
) STRICT, WITHOUT ROWID
"""
_POLICY_LINE = """
CREATE TABLE policy_line (
  policy TEXT NOT NULL, status TEXT NOT NULL, seq INTEGER NOT NULL, subject TEXT NOT NULL,
  least_fen INTEGER NOT NULL, most_fen INTEGER NOT NULL,
  PRIMARY KEY (policy, status, seq, subject)
) STRICT, WITHOUT ROWID
"""


class SearchIndex:
    """The index of one ledger. Safe to share between threads and processes."""

    def __init__(self, store: Store, path: str | Path | None = None) -> None:
        """`path`: None puts it beside the ledger, as LEDGER-search. Made if it is not there."""
        self.store = store
        self.path = Path(path) if path else store.path.with_name(f"{store.path.name}-search")
        self._connections = Connections(self._open)
        try:
            fits = self._fits()
        except sqlite3.DatabaseError:
            fits = False
        if not fits:
            self._renew()

    def connection(self) -> sqlite3.Connection:
        """This thread's connection."""
        return self._connections.get()

    def _open(self) -> sqlite3.Connection:
        made_private(self.path)
        connection = sqlite3.connect(self.path, isolation_level=None, timeout=30, check_same_thread=False)
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")  # a lost transaction is made again
            connection.execute("PRAGMA secure_delete = ON")
        except sqlite3.DatabaseError:
            connection.close()
            raise
        return connection

    def catch_up(self, most: int | None = None) -> int:
        """Index what was appended since the last time, `most` entries at most; how many were. The service
        may call it now and then, so that a search after a quiet night does not do it all. Raises Damaged."""
        done = 0
        if not self.behind():
            return done  # without asking for the lock
        while most is None or done < most:
            with self._transaction() as connection:
                last = self._last(connection)
                size, _ = read.head(self.store.reader())
                until = min(size, last + _BATCH, last + (_BATCH if most is None else most - done))
                if until <= last:
                    break
                _insert(connection, self.store.reader(), last + 1, until)
            done += until - last
        return done

    def forget(self, household: str) -> bool:
        """Delete the tokens of a household that was erased, and overwrite them. The erasure itself makes sure that
        they find nothing; the next `catch_up` would delete them too. False when a reader kept the old pages in the
        write-ahead log: call it again later."""
        connection = self.connection()
        connection.execute("DELETE FROM person WHERE household = ?", (household,))
        (busy, _, _) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return not busy

    def find(self, keyring: Keyring, field: str, text: str) -> tuple[str, ...]:
        """The households in which someone has this name, id number or phone (`field`, one of identity.FIELDS), whole,
        those erased left out; of what is indexed so far. By keyed hash: nothing is decrypted. Raises Refused."""
        token = identity.search_token(keyring, field, text)
        found = self.connection().execute("SELECT household FROM person WHERE token = ? ORDER BY 1", (token,))
        reader = self.store.reader()
        return tuple(household for (household,) in found if not identity.is_erased(reader, household))

    def behind(self) -> int:
        """How many entries the ledger has that the index does not."""
        size, _ = read.head(self.store.reader())
        return max(0, size - self._last(self.connection()))

    def rebuild(self) -> None:
        """Throw the index away and make it again from the ledger."""
        self._renew()
        self.catch_up()

    def _renew(self) -> None:
        try:
            self._empty()
        except sqlite3.DatabaseError:  # beyond emptying: a new file
            self._connections.drop()
            for end in ("", "-wal", "-shm"):
                Path(f"{self.path}{end}").unlink(missing_ok=True)
            self._empty()

    def _empty(self) -> None:
        """In place, so that other workers' connections stay good."""
        with self._transaction() as connection:
            query = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'words\\_%' ESCAPE '\\'"
            for (table,) in connection.execute(query).fetchall():
                connection.execute(f'DROP TABLE "{table}"')
            _make(connection, self.store.id)

    def check(self) -> Iterator[Finding]:
        """Compare every row of the index with what the ledger would make of it now; findings
        `search-differs`."""
        self.catch_up()
        fresh = sqlite3.connect(":memory:", isolation_level=None)
        _make(fresh, self.store.id)
        last = self._last(self.connection())
        _insert(fresh, self.store.reader(), 1, last)
        fresh.execute("CREATE VIRTUAL TABLE temp.found_words USING fts5vocab(main, words, instance)")
        queries = {
            "entry": f"SELECT {_names()} FROM entry ORDER BY seq",
            "policy_line": "SELECT * FROM policy_line ORDER BY 1, 2, 3, 4",
            "person": "SELECT token, household FROM person ORDER BY 1, 2",
            "words": "SELECT term, doc, offset FROM temp.found_words ORDER BY term, doc, offset",
        }
        connection = self.connection()
        connection.execute("CREATE VIRTUAL TABLE IF NOT EXISTS temp.found_words USING fts5vocab(main, words, instance)")
        for table, query in queries.items():
            try:
                same = all(a == b for a, b in _side_by_side(connection.execute(query), fresh.execute(query)))
            except sqlite3.DatabaseError:
                same = False
            if not same:
                yield finding("search-differs", table)
        fresh.close()

    def _fits(self) -> bool:
        """Whether the file is an index of this ledger as it is, not of another, nor of what a restored one
        lost."""
        connection = self.connection()
        if connection.execute("PRAGMA user_version").fetchone() != (_FORMAT,):
            return False
        (ledger,) = connection.execute("SELECT ledger FROM made_from").fetchone()
        last = connection.execute("SELECT seq, hash FROM entry ORDER BY seq DESC LIMIT 1").fetchone()
        if ledger != self.store.id or last is None:
            return bool(ledger == self.store.id)
        found = self.store.reader().execute("SELECT hash FROM entry WHERE seq = ?", (last[0],)).fetchone()
        return found is not None and found[0].hex() == last[1]

    def _last(self, connection: sqlite3.Connection) -> int:
        (last,) = connection.execute("SELECT coalesce(max(seq), 0) FROM entry").fetchone()
        return int(last)

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        connection = self.connection()
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
            connection.execute("COMMIT")
        except BaseException:
            connection.execute("ROLLBACK")
            raise


def _names() -> str:
    return ", ".join(f'"{column}"' for column in _COLUMNS)


def _make(connection: sqlite3.Connection, ledger: str) -> None:
    database = Database(connection)
    database["made_from"].insert({"ledger": ledger}, strict=True)  # type: ignore[union-attr]
    columns = {column: int if column in ("seq", "refers", "statuses") else str for column in _COLUMNS}
    entry = database.table("entry").create(columns, pk="seq", not_null={"hash", "kind", "at"}, strict=True)
    for index in _INDEXES:
        entry.create_index(index)
    connection.execute(_POLICY_LINE)
    connection.execute(_PERSON)
    connection.execute("CREATE INDEX person_by_household ON person (household)")
    connection.execute("CREATE VIRTUAL TABLE words USING fts5(text, content = '', tokenize = 'unicode61')")
    connection.execute(f"PRAGMA user_version = {_FORMAT}")


def _insert(connection: sqlite3.Connection, ledger: sqlite3.Connection, first: int, last: int) -> None:
    marks = ", ".join("?" * len(_COLUMNS))
    for entry in read.entries(ledger, first, last, decisions=False):
        row, lines, rules, said = _facets(entry)
        connection.execute(f"INSERT INTO entry ({_names()}) VALUES ({marks})", [row[column] for column in _COLUMNS])
        connection.executemany(
            "INSERT INTO policy_line VALUES (?, ?, ?, ?, ?, ?)",
            [(policy, status, entry.seq, subject, *fen) for policy, subject, status, *fen in lines],
        )
        if entry.kind == "erasure":
            connection.execute("DELETE FROM person WHERE household = ?", (entry.household,))
        elif entry.identity is not None and entry.household is not None:
            tokens = identity.tokens_in(ledger, entry.household, bytes.fromhex(entry.identity))
            rows = [(token, entry.household) for token in tokens]
            connection.executemany("INSERT INTO person VALUES (?, ?) ON CONFLICT DO NOTHING", rows)
        words = "\n".join([*map(_of_rules, rules), spaced(said)])
        if words:
            connection.execute("INSERT INTO words (rowid, text) VALUES (?, ?)", (entry.seq, words))


# An explanation is made of the rules' own lines, which come again and again; what a person wrote is not kept.
_of_rules = lru_cache(maxsize=8_192)(spaced)


def _facets(entry: Entry) -> tuple[dict[str, Any], list[list[Any]], list[str], str]:
    """What an entry can be found by: its row, its policy lines, the lines of its explanation, what a person wrote."""
    row: dict[str, Any] = dict.fromkeys(_COLUMNS)
    row.update({name: getattr(entry, name) for name in ("seq", "hash", "kind", "at", "refers", "household")})
    if entry.index is not None:
        row.update({name: entry.index[name] for name in ("on", "rulebook", "engine", "caseworker")})
        row["statuses"] = sum(STATUS_BITS[status] for status in {line[2] for line in entry.index["policies"]})
        reason = entry.body.get("reason", "") if entry.kind == "correction" else ""
        return row, entry.index["policies"], entry.index["explanation"].split("\n"), reason
    row.update(caseworker=entry.body.get("by"), rulebook=entry.body.get("rulebook"))
    return row, [], [], str(entry.body.get("reason") or entry.body.get("note") or "")


def _side_by_side(one: Iterator[Any], other: Iterator[Any]) -> Iterator[tuple[Any, Any]]:
    end = object()
    while True:
        a, b = next(one, end), next(other, end)
        if a is end and b is end:
            return
        yield a, b
