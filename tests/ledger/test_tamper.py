"""Any change to a stored record is found, and named. JIUZHU_TAMPER: how many changes of each sort are
tried."""

import hashlib
import random
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import ledger_sample as sample
import pytest

from engine.ledger import entries, identity, schema
from engine.ledger.access import body_of
from engine.ledger.backup import backup
from engine.ledger.chain import DECISIONS, header_of_entry, leaf_hash
from engine.ledger.findings import Finding
from engine.ledger.pack import pack, unpack
from engine.ledger.verify import Report, verify
from tests import loops
from tests.loops import Did

TRIALS = loops.size("JIUZHU_TAMPER")
TABLES = {
    "entry": "seq",
    "access": "seq",
    "head": "log",
    "ledger": "one",
    "node": "log, level, place",
    "checkpoint": "number",
    "identity": "number",
    "household_key": "identity",
    "rulebook": "digest",
    "rulebook_file": "digest",
}


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger with every kind of record in it, as one file."""
    book = sample.make(tmp_path_factory.mktemp("tamper"))
    sample.fill(book, 520, seed=7)
    book.writer.close()
    with closing(sqlite3.connect(book.path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        for table in TABLES:
            assert connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] > 0, table
    return book.path


@pytest.fixture
def copy(original: Path, tmp_path: Path) -> Callable[[], Path]:
    def fresh() -> Path:
        for name in ("", "-wal", "-shm"):
            Path(f"{tmp_path / 'ledger.db'}{name}").unlink(missing_ok=True)
        return Path(shutil.copy(original, tmp_path / "ledger.db"))

    return fresh


def test_the_untouched_copy_verifies(copy: Callable[[], Path]) -> None:
    report = verify(copy())
    assert report.ok and report.first_broken is None
    assert report.sizes["decisions"] > 256 and report.sizes["access"] > 100


def _disarmed(path: Path) -> sqlite3.Connection:
    """A connection as someone with the file in hand would have it: no triggers, no checks."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA ignore_check_constraints = ON")
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("BEGIN")
    for kind, name, _ in schema.expected():
        if kind == "trigger":
            connection.execute(f"DROP TRIGGER {name}")
    return connection


def _armed_again(connection: sqlite3.Connection) -> None:
    for kind, _, sql in sorted(schema.expected()):
        if kind == "trigger":
            connection.execute(sql)
    connection.execute("COMMIT")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _other(value: Any, chance: random.Random) -> Any:
    """A value of the same type that is not `value`."""
    if value is None:
        return chance.choice((chance.randbytes(32), "x", 7))
    if isinstance(value, int):
        return value + chance.choice((-1, 1, 2, 1000, 2**40))
    if isinstance(value, str):
        place = chance.randrange(len(value) + 1)
        if place == len(value):
            return value + "0"
        return value[:place] + chr(ord(value[place]) ^ chance.choice((1, 2, 4))) + value[place + 1 :]
    if chance.random() < 0.1:
        return None
    changed = bytearray(value)
    changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def _row(
    connection: sqlite3.Connection, table: str, chance: random.Random
) -> tuple[dict[str, Any], str, tuple[Any, ...]]:
    """A random row of a table, with the WHERE that finds it."""
    (count,) = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
    cursor = connection.execute(f"SELECT * FROM {table} LIMIT 1 OFFSET ?", (chance.randrange(count),))
    row = dict(zip([name for name, *_ in cursor.description], cursor.fetchone(), strict=True))
    keys = TABLES[table].split(", ")
    return row, " AND ".join(f'"{key}" = ?' for key in keys), tuple(row[key] for key in keys)


def _columns(path: Path) -> list[tuple[str, str]]:
    """Every table and column; of the one row of `ledger` not the key, which can only be 1."""
    with closing(sqlite3.connect(path)) as connection:
        names = {table: connection.execute(f"SELECT * FROM {table}").description for table in TABLES}
    return [(table, name) for table in TABLES for name, *_ in names[table] if (table, name) != ("ledger", "one")]


def _change(connection: sqlite3.Connection, table: str, column: str, chance: random.Random) -> dict[str, Any]:
    """Change a column in one row. Returns the row as it was."""
    while True:
        row, where, key = _row(connection, table, chance)
        try:
            connection.execute(f'UPDATE {table} SET "{column}" = ? WHERE {where}', (_other(row[column], chance), *key))
            return row
        except (sqlite3.IntegrityError, OverflowError):
            continue


def _names(found: Finding, table: str, row: dict[str, Any]) -> bool:
    """Whether a finding names the record `row`."""
    of = {
        "entry": ("", "decisions", {row.get("seq")}),
        "access": ("", "access", {row.get("seq")}),
        "head": ("head-changed missing extra checkpoint-changed", None, {row.get("log"), "checkpoints"}),
        "ledger": ("ledger-changed", None, {1}),
        "node": ("node-changed", "", {f"{row.get('log')}/{row.get('level')}/{row.get('place')}"}),
        "checkpoint": ("checkpoint-changed checkpoint-signature", "", {row.get("number")}),
        "identity": ("identity", "", {row.get("number"), row.get("household")}),
        "household_key": ("identity-key", "", {row.get("household")}),
        "rulebook": ("rulebook-changed", "", {row.get("digest")}),
        "rulebook_file": ("rule-file", "", {*sample.FILES, _hex(row.get("digest"))}),
    }
    codes, log, places = of[table]
    if table == "identity" and found.code == "identity-missing":
        return True  # its key was changed: named by the entry that misses it
    if table == "head" and found.code in ("missing", "extra"):
        return found.log == row["log"]
    code_fits = not codes or any(found.code.startswith(code) for code in codes.split())
    return code_fits and (log is None or found.log == log) and found.place in {str(place) for place in places}


def _hex(value: Any) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)


def _trials(sort: str, share: int = 1) -> Iterator[random.Random]:
    return (random.Random(f"{sort} {number}") for number in range(-(-TRIALS // share)))


def test_every_changed_value_is_found_and_named(copy: Callable[[], Path], did: Did) -> None:
    columns = _columns(copy())
    for number, chance in enumerate(_trials("change")):
        table, column = columns[number % len(columns)]
        path = copy()
        with closing(_disarmed(path)) as connection:
            row = _change(connection, table, column, chance)
            _armed_again(connection)
        report = verify(path)
        said = [(found.code, found.log, found.place) for found in report.findings]
        assert any(_names(found, table, row) for found in report.findings), (number, table, column, row, said)
        if table == "entry":
            assert report.first_broken == row["seq"], (number, column, row["seq"], said)
    did("JIUZHU_TAMPER", values_changed=TRIALS)


def test_every_deleted_record_is_found_and_named(copy: Callable[[], Path], did: Did) -> None:
    for number, chance in enumerate(_trials("delete", 4)):
        table = list(TABLES)[number % len(TABLES)]
        path = copy()
        with closing(_disarmed(path)) as connection:
            row, where, key = _row(connection, table, chance)
            connection.execute(f"DELETE FROM {table} WHERE {where}", key)
            _armed_again(connection)
        findings = verify(path).findings
        if table in ("entry", "access"):
            assert findings[0].code == "missing" and findings[0].place == str(row["seq"]), (
                number,
                table,
                findings,
            )
        elif table == "identity":
            assert any(found.code == "identity-missing" for found in findings), (number, findings)
        else:
            assert any(_names(found, table, row) for found in findings), (number, table, row, findings)
    did("JIUZHU_TAMPER", records_deleted=number + 1)


def test_every_added_record_is_found(copy: Callable[[], Path]) -> None:
    added = 0
    for number, chance in enumerate(_trials("add", 4)):
        table = [table for table in TABLES if table != "ledger"][number % (len(TABLES) - 1)]
        path = copy()
        with closing(_disarmed(path)) as connection:
            row, _, _ = _row(connection, table, chance)
            key = TABLES[table].split(", ")[0]
            row[key] = _other(row[key], chance) or b"?" * 32
            if table in ("entry", "access"):
                row["seq"] = connection.execute(f"SELECT max(seq) FROM {table}").fetchone()[0] + 1
                row["request_key" if table == "entry" else "who"] = None if table == "entry" else "x"
                if table == "entry":
                    row["request_body"] = None
            columns = ", ".join(f'"{column}"' for column in row)
            marks = ", ".join("?" * len(row))
            try:
                connection.execute(f"INSERT INTO {table} ({columns}) VALUES ({marks})", tuple(row.values()))
            except sqlite3.IntegrityError:
                continue
            _armed_again(connection)
        added += 1
        assert not verify(path).ok, (number, table, row)
    assert added * 4 > TRIALS / 2, "most additions got past the table's own checks"


def test_two_entries_that_changed_places_are_named(copy: Callable[[], Path]) -> None:
    for number, chance in enumerate(_trials("swap", 4)):
        table = ("entry", "access")[number % 2]
        path = copy()
        with closing(_disarmed(path)) as connection:
            (size,) = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
            one, two = sorted(chance.sample(range(1, size + 1), 2))
            for old, new in ((one, -1), (two, one), (-1, two)):
                connection.execute(f"UPDATE {table} SET seq = ? WHERE seq = ?", (new, old))
            _armed_again(connection)
        findings = verify(path).findings
        assert (findings[0].code, findings[0].place) == ("moved", str(one)), (number, one, two, findings[:3])
        assert any((found.code, found.place) == ("moved", str(two)) for found in findings), (
            number,
            one,
            two,
            findings,
        )


def _rehashed(connection: sqlite3.Connection, first: int, last: int) -> None:
    """Work out the hashes of entries again, as a forger with this program would, and chain them."""
    for seq in range(first, last + 1):
        query = f"SELECT {DECISIONS.columns} FROM entry WHERE seq = ?"
        row = list(connection.execute(query, (seq,)).fetchone())
        (row[-2],) = connection.execute("SELECT hash FROM entry WHERE seq = ?", (seq - 1,)).fetchone()
        row[-1] = leaf_hash(header_of_entry(row))
        connection.execute("UPDATE entry SET previous = ?, hash = ? WHERE seq = ?", (row[-2], row[-1], seq))


FORGED = [
    ("the entry alone", 0, 0, "replaced", 0),
    ("the entry, and the link to it", 0, 1, "header-changed", 1),
    ("a few entries", 5, 0, "replaced", 5),
    ("a few entries, and the link to them", 5, 1, "header-changed", 6),
]


@pytest.mark.parametrize(("name", "rehashed", "relinked", "code", "place"), FORGED)
def test_a_forger_who_leaves_out_later_hashes_is_found(
    tmp_path: Path, name: str, rehashed: int, relinked: int, code: str, place: int
) -> None:
    """By the chain itself: the ledger is too short for stored subtrees, and has no checkpoint."""
    book = sample.make(tmp_path)
    book.writer.append_all(sample.drafts(random.Random(5), 60))
    book.writer.close()
    seq = 20
    with closing(_disarmed(book.path)) as connection:
        connection.execute("UPDATE entry SET at = '2020-01-01T00:00:00.000000Z' WHERE seq = ?", (seq,))
        _rehashed(connection, seq, seq + rehashed)
        if relinked:
            last = seq + rehashed
            connection.execute(
                "UPDATE entry SET previous = (SELECT hash FROM entry WHERE seq = ?) WHERE seq = ?", (last, last + 1)
            )
        _armed_again(connection)
    findings = verify(book.path).findings
    assert [(finding.code, finding.place) for finding in findings] == [(code, str(seq + place))], name


def _with_digest(connection: sqlite3.Connection, what: str) -> tuple[str, str]:
    """Change a record together with the digest that stands nearest to it. Returns the code and place expected."""
    if what in ("body", "index"):
        query = f'SELECT seq, "{what}" FROM entry WHERE "{what}" IS NOT NULL AND kind = \'decision\' LIMIT 1'
        seq, packed = connection.execute(query).fetchone()
        document = unpack(packed).replace(b"1", b"2")
        connection.execute(
            f'UPDATE entry SET "{what}" = ?, {what}_digest = ? WHERE seq = ?',
            (pack(document), hashlib.sha256(document).digest(), seq),
        )
        return "header-changed", str(seq)
    if what == "look":
        connection.execute(
            "UPDATE access SET who = 'x', body_digest = ? WHERE seq = 3",
            (hashlib.sha256(body_of("x", *connection.execute(_LOOK).fetchone())).digest(),),
        )
        return "header-changed", "3"
    if what == "rule file":
        document = b"policy: forged"
        connection.execute(
            "UPDATE rulebook_file SET text = ?, digest = ? WHERE digest = ?",
            (pack(document), hashlib.sha256(document).digest(), hashlib.sha256(b"policy: b\n").digest()),
        )
        return "rule-file-changed", "rules/救助.yaml"
    query = """SELECT i.*, k.*, e.seq FROM identity i JOIN household_key k ON k.identity = i.number
               JOIN entry e ON e.identity = i.digest ORDER BY e.seq LIMIT 1"""
    number, household, _, of_key, sealed, *key, seq = connection.execute(query).fetchone()
    _, _, master, wrapped, same, tokens, salt = key
    if what == "sealed":
        sealed = bytes(len(sealed))
    else:
        wrapped, tokens = (b"w", tokens) if what == "key" else (wrapped, b"")
        of_key = identity.key_digest(master, wrapped, same, tokens, salt)
    new = identity.row_digest(household, of_key, sealed)
    connection.execute(
        "UPDATE identity SET digest = ?, key_digest = ?, sealed = ? WHERE number = ?", (new, of_key, sealed, number)
    )
    connection.execute("UPDATE household_key SET wrapped = ?, tokens = ? WHERE identity = ?", (wrapped, tokens, number))
    return "identity-missing", str(seq)


_LOOK = 'SELECT "case", why, what FROM access WHERE seq = 3'


@pytest.mark.parametrize("what", ["body", "index", "look", "rule file", "sealed", "key", "tokens"])
def test_a_record_changed_together_with_its_digest_is_found(tmp_path: Path, what: str) -> None:
    book = sample.make(tmp_path)
    book.writer.append_all(sample.drafts(random.Random(5), 60))
    book.writer.close()
    with closing(_disarmed(book.path)) as connection:
        expected = _with_digest(connection, what)
        _armed_again(connection)
    assert expected in [(finding.code, finding.place) for finding in verify(book.path).findings]


def test_identities_that_do_not_belong_are_found(tmp_path: Path) -> None:
    """After an erasure: a key that was kept and put back, a renumbered identity; and one that no entry names."""
    book = sample.make(tmp_path)
    for number in (1, 2):
        made = entries.decision(
            {}, sample.index(random.Random(1), f"h{number}"), sample.AT, identity=sample.people(number)
        )
        book.writer.append(made)
    (kept,) = book.store.reader().execute("SELECT * FROM household_key WHERE household = 'h1'").fetchall()
    book.writer.append(entries.erasure("h1", "admin", "本人要求", sample.AT))
    assert verify(book.path).ok
    key = identity.key_digest("m", b"w", b"s", b"", b"salt")
    digest = identity.row_digest("h3", key, b"sealed")
    for statement, values, code, place in (
        ("INSERT INTO household_key VALUES (?, ?, ?, ?, ?, ?, ?)", kept, "identity-key", "h1"),
        ("UPDATE identity SET number = 9 WHERE household = 'h1'", (), "identity-changed", "1"),
        ("INSERT INTO identity VALUES (3, 'h3', ?, ?, ?)", (digest, key, b"sealed"), "identity-extra", "3"),
    ):
        path = tmp_path / f"{code}.db"
        backup(book.store, path)
        with closing(_disarmed(path)) as connection:
            assert connection.execute(statement, values).rowcount == 1
            _armed_again(connection)
        found = [(finding.code, finding.place) for finding in verify(path).findings]
        assert (code, place) in found, (statement, found)


def test_a_forger_who_works_out_every_hash_again_is_found_by_what_was_fixed_before(copy: Callable[[], Path]) -> None:
    path = copy()
    with closing(_disarmed(path)) as connection:
        (size,) = connection.execute("SELECT max(seq) FROM entry").fetchone()
        connection.execute("UPDATE entry SET at = '2020-01-01T00:00:00.000000Z' WHERE seq = 20")
        _rehashed(connection, 20, size)
        connection.execute(
            "UPDATE head SET hash = (SELECT hash FROM entry WHERE seq = ?) WHERE log = 'decisions'", (size,)
        )
        _armed_again(connection)
    assert {finding.code for finding in verify(path).findings} == {"node-changed", "checkpoint-mismatch"}


def _dump(path: Path) -> Any:
    """Everything that is stored, read from the tables themselves; None where the database cannot read it."""
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
        connection.text_factory = bytes
        try:
            content = [connection.execute(f"PRAGMA {name}").fetchall() for name in ("user_version", "application_id")]
            content.append(sorted(connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_schema"), key=repr))
            for table in TABLES:
                index = (
                    ""
                    if table not in ("entry", "access", "ledger", "checkpoint", "identity", "household_key")
                    else "NOT INDEXED"
                )
                content.append(sorted(connection.execute(f"SELECT * FROM {table} {index}"), key=repr))
            return content
        except (sqlite3.DatabaseError, OverflowError):
            return None


def test_every_changed_byte_of_the_file_that_matters_is_found(original: Path, copy: Callable[[], Path], did: Did) -> None:
    before = _dump(original)
    assert before is not None
    chance = random.Random("bytes")
    size = original.stat().st_size
    changed = tried = 0
    while changed < TRIALS:
        tried += 1
        path = copy()
        place = chance.randrange(100 if chance.random() < 0.02 else size)
        with open(path, "r+b") as file:
            file.seek(place)
            (byte,) = file.read(1)
            file.seek(place)
            file.write(bytes([byte ^ 1 << chance.randrange(8)]))
        if _dump(path) == before:
            continue  # free space, an index, a counter: no record
        changed += 1
        report: Report = verify(path)
        assert not report.ok, (tried, place)
    assert changed / tried > 0.3, "most bytes of a ledger are records"
    did("JIUZHU_TAMPER", bytes_changed=changed)
