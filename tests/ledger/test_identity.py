"""Identities: kept apart and encrypted, found without decrypting, erased without breaking the chain."""

import json
import os
import random
import sqlite3
import stat
from pathlib import Path

import ledger_sample as sample
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ledger_sample import AT, Book, index

from engine.ledger import entries, identity, read
from engine.ledger.backup import backup
from engine.ledger.checkpoint import make as make_checkpoint
from engine.ledger.errors import Damaged, Erased, KeyMissing, NotFound, Refused
from engine.ledger.export import export
from engine.ledger.identity import Person
from engine.ledger.keyring import create_keyring, decrypt, load_keyring, rotate_keyring
from engine.ledger.search_index import SearchIndex
from engine.ledger.verify import verify

ZHANG = Person("a", "张三丰", "31010519800101001x", "13800001111", "上海市长宁区华阳路1号")
LI = Person("b", "李四娘", "310105201001010029")
PLANTED = ("张三丰", "李四娘", "31010519800101001", "310105201001010029", "13800001111", "华阳路1号")


@pytest.fixture
def book(tmp_path: Path) -> Book:
    return sample.make(tmp_path)


def record(book: Book, household: str, *people: Person) -> int:
    return book.writer.append(entries.decision({}, index(random.Random(1), household), AT, identity=people)).seq


def test_people_come_back_as_they_were(book: Book) -> None:
    named, unnamed = record(book, "h1", LI, ZHANG), record(book, "h2")
    reader = book.store.reader()
    assert identity.of_entry(reader, book.keyring, named) == (ZHANG, LI)
    assert identity.of_entry(reader, book.keyring, unnamed) == ()
    with pytest.raises(NotFound):
        identity.of_entry(reader, book.keyring, 404)


def find(book: Book, field: str, text: str) -> tuple[str, ...]:
    """Through the index and without it, which must say the same."""
    index = SearchIndex(book.store)
    index.catch_up()
    found = index.find(book.keyring, field, text)
    assert found == identity.find(book.store.reader(), book.keyring, field, text)
    return found


def test_nothing_personal_is_in_the_files_in_clear(book: Book, tmp_path: Path) -> None:
    seq = record(book, "h1", ZHANG, LI)
    checkpoint = make_checkpoint(book.store, book.signing, AT)
    with book.store.snapshot() as connection:
        bundle = b"".join(export(connection, checkpoint, seqs=[seq]))
    backup(book.store, tmp_path / "copy.db")
    content = b"".join(path.read_bytes() for path in tmp_path.iterdir() if path.is_file()) + bundle
    for text in PLANTED:
        assert text.encode() not in content and text.upper().encode() not in content


def test_the_same_people_again_are_stored_once_and_others_anew(book: Book) -> None:
    one, again, changed = (
        record(book, "h1", ZHANG, LI),
        record(book, "h1", LI, ZHANG),
        record(book, "h1", ZHANG),
    )
    reader = book.store.reader()
    digests = [read.entry(reader, seq).identity for seq in (one, again, changed)]
    assert digests[0] == digests[1] != digests[2]
    assert reader.execute("SELECT count(*) FROM identity").fetchone() == (2,)
    assert verify(book.path).ok


FOUND = [
    ("name", "张三丰", True),
    ("name", " 张 三丰 ", True),
    ("name", "张三", False),
    ("name", "李四娘", True),
    ("id_number", "31010519800101001X", True),
    ("id_number", "３１０１０５19800101001x", True),
    ("id_number", "310105 19800101 001x", True),
    ("id_number", "310105198001010011", False),
    ("phone", "13800001111", True),
    ("phone", "+86 138-0000-1111", True),
    ("phone", "008613800001111", True),
    ("phone", "13800001112", False),
    ("phone", "张三丰", None),
    ("phone", "", None),
    ("address", "上海市长宁区华阳路1号", None),
    ("name", "13800001111", False),
    ("name", "  ", None),
]


@pytest.mark.parametrize(("field", "text", "found"), FOUND)
def test_a_person_is_found_by_name_number_or_phone(book: Book, field: str, text: str, found: bool | None) -> None:
    record(book, "h1", ZHANG, LI)
    record(book, "h2", Person("a", "王五"))
    if found is None:
        with pytest.raises(Refused):
            find(book, field, text)
    else:
        assert find(book, field, text) == (("h1",) if found else ())


def test_a_name_with_a_middle_dot_is_found_however_it_is_typed(book: Book) -> None:
    record(book, "h1", Person("a", "阿依古丽·买买提"))
    for typed in (
        "阿依古丽·买买提",
        "阿依古丽•买买提",
        "阿依古丽・买买提",
        "阿依古丽买买提",
        "阿依古丽.买买提",
    ):
        assert find(book, "name", typed) == ("h1",)


@given(st.sampled_from(identity.FIELDS), st.text(max_size=30))
def test_normal_is_settled_after_once(field: str, text: str) -> None:
    once = identity.normal(field, text)
    assert field == "phone" or identity.normal(field, once) == once


def test_someone_of_two_households_is_found_in_both(book: Book) -> None:
    record(book, "h2", ZHANG)
    record(book, "h1", LI, ZHANG)
    assert find(book, "name", "张三丰") == ("h1", "h2")


def test_erasing_leaves_a_chain_that_verifies_and_nothing_that_opens(book: Book) -> None:
    seq, other = record(book, "h1", ZHANG, LI), record(book, "h2", ZHANG)
    index = SearchIndex(book.store)
    checkpoint = make_checkpoint(book.store, book.signing, AT)
    reader = book.store.reader()
    key = reader.execute("SELECT wrapped, same, salt FROM household_key WHERE household = 'h1'").fetchone()
    assert find(book, "name", "李四娘") == ("h1",)
    before = read.entry(reader, seq)
    receipt = book.writer.append(entries.erasure("h1", "admin", "本人要求", AT))
    gone = identity.search_token(book.keyring, "name", LI.name)
    assert index.find(book.keyring, "name", LI.name) == (), "found no more, even before the index hears of it"
    assert index.connection().execute("PRAGMA secure_delete").fetchone() == (1,)
    assert index.forget("h1") and book.writer.scrub()
    report = verify(book.path, checkpoints=[checkpoint])
    assert report.ok, report.findings
    assert read.entry(reader, seq) == before and read.entry(reader, receipt.seq).body["household"] == "h1"
    with pytest.raises(Erased):
        identity.of_entry(reader, book.keyring, seq)
    files = [path for path in book.folder.iterdir() if path.name.startswith("ledger.db") and path.stat().st_size]
    assert {path.name for path in files} >= {"ledger.db", "ledger.db-search"}
    content = b"".join(path.read_bytes() for path in files)
    for secret in (*key, gone):
        assert secret not in content, "overwritten, not only unlinked"
    assert identity.search_token(book.keyring, "name", ZHANG.name) in content, "the other household's is still there"
    assert find(book, "name", "李四娘") == () and find(book, "name", "张三丰") == ("h2",)
    assert identity.of_entry(reader, book.keyring, other) == (ZHANG,)
    assert list(index.check()) == []


def test_an_index_that_was_not_told_of_an_erasure_learns_of_it(book: Book) -> None:
    record(book, "h1", LI)
    index = SearchIndex(book.store)
    index.catch_up()
    book.writer.append(entries.erasure("h1", "admin", "本人要求", AT))
    index.catch_up()
    assert index.connection().execute("SELECT count(*) FROM person").fetchone() == (0,)
    index.rebuild()
    assert index.connection().execute("SELECT count(*) FROM person").fetchone() == (0,)
    assert list(index.check()) == []


def test_scrubbing_waits_for_readers(book: Book) -> None:
    record(book, "h1", ZHANG)
    with book.store.snapshot() as connection:
        read.head(connection)
        book.writer.append(entries.erasure("h1", "admin", "本人要求", AT))
        assert not book.writer.scrub()
    assert book.writer.scrub()


def test_a_master_key_can_be_added_and_the_old_still_opens(book: Book) -> None:
    path = book.folder / "identity.key"
    old = record(book, "h1", ZHANG)
    rotated = rotate_keyring(path)
    assert len(rotated.masters) == 2 and load_keyring(path) == rotated
    book.writer._keyring = rotated
    new = record(book, "h2", LI)
    reader = book.store.reader()
    assert identity.of_entry(reader, rotated, old) == (ZHANG,) and identity.of_entry(reader, rotated, new) == (LI,)
    assert len({master for (master,) in reader.execute("SELECT master FROM household_key")}) == 2
    with pytest.raises(KeyMissing):
        identity.of_entry(reader, book.keyring, new)
    assert find(book, "name", "张三丰") == ("h1",), "search tokens do not change with the master"


def test_a_ciphertext_or_a_key_cannot_be_put_under_another_household(book: Book) -> None:
    record(book, "h1", ZHANG)
    query = "SELECT i.sealed, k.master, k.wrapped FROM identity i JOIN household_key k ON k.identity = i.number"
    sealed, master, wrapped = book.store.reader().execute(query).fetchone()
    data_key = book.keyring.unwrap("h1", master, wrapped)
    assert decrypt(data_key, sealed, "identity of h1") is not None
    assert decrypt(data_key, sealed, "identity of h2") is None
    with pytest.raises(KeyMissing):
        book.keyring.unwrap("h2", master, wrapped)


def test_a_changed_ciphertext_is_refused(book: Book) -> None:
    seq = record(book, "h1", ZHANG)
    book.writer.close()
    with sqlite3.connect(book.path) as connection:
        connection.execute("DROP TRIGGER identity_no_update")
        connection.execute("UPDATE identity SET sealed = zeroblob(100)")
    with pytest.raises(Damaged):
        identity.of_entry(book.store.reader(), book.keyring, seq)


KEY_FILES = [
    ("", "not a key file"),
    ("{}", "not a key file"),
    ('{"format": 1, "search": "AAAA", "masters": [{"id": "a", "secret": "AAAA"}]}', "not a key file"),
    ('{"format": 1, "search": "x", "masters": []}', "not a key file"),
    ("[1, 2]", "not a key file"),
]


@pytest.mark.parametrize(("content", "why"), KEY_FILES)
def test_a_bad_key_file_is_refused(tmp_path: Path, content: str, why: str) -> None:
    path = tmp_path / "bad.key"
    path.write_text(content, encoding="utf-8")
    path.chmod(0o600)
    with pytest.raises(KeyMissing, match=why):
        load_keyring(path)


def test_a_key_file_is_its_owners_alone_and_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "identity.key"
    keyring = create_keyring(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 and load_keyring(path) == keyring
    with pytest.raises(KeyMissing, match="cannot be written"):
        create_keyring(path)
    assert load_keyring(path) == keyring and os.listdir(tmp_path) == ["identity.key"]
    path.chmod(0o640)
    with pytest.raises(KeyMissing) as caught:
        load_keyring(path)
    assert caught.value.code == "key-open-to-others"
    with pytest.raises(KeyMissing, match="cannot be read"):
        load_keyring(tmp_path / "none.key")


def test_a_keyring_shows_no_key(tmp_path: Path) -> None:
    path = tmp_path / "identity.key"
    keyring = create_keyring(path)
    secrets = [row["secret"] for row in json.loads(path.read_text())["masters"]]
    assert all(secret not in repr(keyring) for secret in secrets) and repr(keyring) == "Keyring()"


def test_a_key_digest_cannot_be_guessed_at_without_the_salt() -> None:
    one, other = (identity.key_digest("m", b"w", b"s", b"t", salt) for salt in (b"1" * 32, b"2" * 32))
    assert one != other


def test_nothing_in_the_ledger_that_outlives_an_erasure_follows_from_the_people(tmp_path: Path) -> None:
    """The same people, recorded in two ledgers with the same keys, leave nothing alike but what is erased."""
    left: list[set[object]] = []
    for name in ("one", "two"):
        book = sample.make(tmp_path / name)
        book.writer._keyring = load_keyring(tmp_path / "one" / "identity.key")
        record(book, "h1", ZHANG)
        book.writer.append(entries.erasure("h1", "admin", "本人要求", AT))
        row = book.store.reader().execute("SELECT digest, key_digest, sealed FROM identity").fetchone()
        left.append(set(row))
    assert not left[0] & left[1]
