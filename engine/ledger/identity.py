"""Who the people are: kept apart from the decisions, encrypted under data keys that die with an erasure.

A decision's header holds the digest of an identity row: its ciphertext, and the digest of its key row, which has the
data key (wrapped by a master key from the key file), the search tokens, and a salt. Erasing a household deletes its
key rows and nothing else: the ciphertext stays, unreadable, so every digest in the chain still fits, and with the salt
gone no one can test guessed numbers against one, not even with the key file.

The index of the tokens is not here but in the search index: random tokens in a B-tree of the ledger itself would
dirty a page each, and cost more than all the rest of an append.
"""

import hashlib
import json
import re
import secrets
import sqlite3
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field

from engine.language import canonical
from engine.ledger.errors import Damaged, Erased, NotFound, Refused
from engine.ledger.keyring import TOKEN, Keyring, decrypt, encrypt, other_key_file

__all__ = [
    "FIELDS",
    "TOKEN",
    "Person",
    "Prepared",
    "find",
    "forget",
    "is_erased",
    "normal",
    "of_entry",
    "prepare",
    "record",
    "search_token",
    "tokens_in",
]

FIELDS = ("name", "id_number", "phone")
"""What a person can be found by. An address is kept, not searched."""

_NOT_DIGITS = re.compile(r"\D+")
_NOT_ALNUM = re.compile(r"[\W_]+")
_BLANKS_AND_DOTS = re.compile(r"[\s·•‧・.]+")
_WITH_COUNTRY = re.compile(r"(?:00)?86(1\d{10})")


@dataclass(frozen=True, slots=True)
class Person:
    """One person of a household. `subject`: "household" or the member's id in the decision. Unknown: empty
    text.

    The fields stay out of repr, so that no log or traceback shows them.
    """

    subject: str
    name: str = field(default="", repr=False)
    id_number: str = field(default="", repr=False)
    phone: str = field(default="", repr=False)
    address: str = field(default="", repr=False)


def normal(field: str, text: str) -> str:
    """`text` as it is compared: full-width forms folded, blanks dropped, letters in upper case; of a phone
    number the digits without the country's 86; of a name no middle dots, which are typed in many ways."""
    text = unicodedata.normalize("NFKC", text).upper()
    if field == "phone":
        digits = _NOT_DIGITS.sub("", text)
        abroad = _WITH_COUNTRY.fullmatch(digits)
        return abroad[1] if abroad else digits
    return (_NOT_ALNUM if field == "id_number" else _BLANKS_AND_DOTS).sub("", text)


def tokens_of(keyring: Keyring, people: Iterable[Person]) -> list[bytes]:
    """The search tokens of `people`, sorted, each once."""
    found = set()
    for person in people:
        for name in FIELDS:
            value = normal(name, getattr(person, name))
            if value:
                found.add(keyring.token(name, value))
    return sorted(found)


def row_digest(household: str, key_digest: bytes, sealed: bytes) -> bytes:
    """The digest of an identity row: what an entry's header holds."""
    parts = {"household": household, "key": key_digest.hex(), "sealed": hashlib.sha256(sealed).hexdigest()}
    return hashlib.sha256(canonical.dumps(parts)).digest()


def key_digest(master: str, wrapped: bytes, same: bytes, tokens: bytes, salt: bytes) -> bytes:
    """The digest of what is deleted when the household is erased. The salt makes it tell nothing afterwards."""
    parts = {"master": master, "same": same.hex(), "salt": salt.hex(), "tokens": tokens.hex(), "wrapped": wrapped.hex()}
    return hashlib.sha256(canonical.dumps(parts)).digest()


@dataclass(frozen=True, slots=True)
class Prepared:
    """People as they will be encrypted, by what they are known again, and the tokens they will be found by."""

    plain: bytes = field(repr=False)
    same: bytes = field(repr=False)
    tokens: bytes = field(repr=False)


def prepare(keyring: Keyring, household: str, people: tuple[Person, ...]) -> Prepared:
    """All of `record` that can be done before the ledger is held."""
    plain = _plain(people)
    return Prepared(plain, keyring.sameness(household, plain), b"".join(tokens_of(keyring, people)))


def record(connection: sqlite3.Connection, keyring: Keyring, household: str, people: Prepared) -> bytes:
    """Write who the people of a household are, inside the writing transaction; the digest for the entry's header.

    The same people as before give the row of before. Raises Erased; KeyMissing when the ledger's identities were
    written with another key file.
    """
    if is_erased(connection, household):
        raise _erased()
    query = """SELECT i.digest, k.same FROM identity i JOIN household_key k ON k.identity = i.number
               WHERE i.household = ?"""
    for digest, same in connection.execute(query, (household,)):
        if same == people.same:
            return bytes(digest)
    oldest = connection.execute("SELECT master FROM household_key ORDER BY identity LIMIT 1").fetchone()
    if oldest is not None and oldest[0] not in keyring.masters:  # a key file keeps all its masters
        raise other_key_file()
    data_key, salt = secrets.token_bytes(32), secrets.token_bytes(32)
    master, wrapped = keyring.wrap(household, data_key)
    sealed = encrypt(data_key, people.plain, f"identity of {household}")
    of_key = key_digest(master, wrapped, people.same, people.tokens, salt)
    digest = row_digest(household, of_key, sealed)
    (number,) = connection.execute("SELECT coalesce(max(number), 0) + 1 FROM identity").fetchone()
    connection.execute("INSERT INTO identity VALUES (?, ?, ?, ?, ?)", (number, household, digest, of_key, sealed))
    connection.execute(
        "INSERT INTO household_key VALUES (?, ?, ?, ?, ?, ?, ?)",
        (number, household, master, wrapped, people.same, people.tokens, salt),
    )
    return digest


def of_entry(connection: sqlite3.Connection, keyring: Keyring, seq: int) -> tuple[Person, ...]:
    """The people of decision `seq`, decrypted; () when nobody was named. The caller writes the access log first.

    Raises NotFound, Erased, KeyMissing, Damaged.
    """
    row = connection.execute("SELECT identity, household FROM entry WHERE seq = ?", (seq,)).fetchone()
    if row is None:
        raise NotFound(f"没有第 {seq} 号记录", f"there is no entry {seq}")
    digest, household = row
    if digest is None:
        return ()
    query = """SELECT i.sealed, k.master, k.wrapped FROM identity i
               LEFT JOIN household_key k ON k.identity = i.number WHERE i.household = ? AND i.digest = ?"""
    found = connection.execute(query, (household, digest)).fetchone()
    if found is None:
        raise Damaged(f"第 {seq} 号记录的身份信息不见了", f"the identity of entry {seq} is missing")
    sealed, master, wrapped = found
    if master is None:
        raise _erased()
    plain = decrypt(keyring.unwrap(household, master, wrapped), sealed, f"identity of {household}")
    if plain is None:
        raise Damaged(f"第 {seq} 号记录的身份信息已被改动", f"the identity of entry {seq} was changed")
    return tuple(Person(**row) for row in json.loads(plain))


def tokens_in(connection: sqlite3.Connection, household: str, digest: bytes) -> list[bytes]:
    """The search tokens of an identity; none when it was erased."""
    query = """SELECT k.tokens FROM identity i JOIN household_key k ON k.identity = i.number
               WHERE i.household = ? AND i.digest = ?"""
    row = connection.execute(query, (household, digest)).fetchone()
    return [] if row is None else _split(row[0])


def _split(joined: bytes) -> list[bytes]:
    return [joined[place : place + TOKEN] for place in range(0, len(joined), TOKEN)]


def search_token(keyring: Keyring, field: str, text: str) -> bytes:
    """The token by which someone with this name, id number or phone (`field`, one of FIELDS) is found. Raises
    Refused for another field or empty text."""
    value = normal(field, text) if field in FIELDS else ""
    if not value:
        raise Refused(
            f"按人查找须给出 {'、'.join(FIELDS)} 之一", f"a person is found by {', '.join(FIELDS)}", "bad-search"
        )
    return keyring.token(field, value)


def find(connection: sqlite3.Connection, keyring: Keyring, field: str, text: str) -> tuple[str, ...]:
    """The households in which someone has this name, id number or phone, whole: from the ledger alone, reading every
    key row. SearchIndex.find gives the same from an index. Raises Refused."""
    token = search_token(keyring, field, text)
    query = "SELECT household, tokens FROM household_key WHERE instr(tokens, ?) ORDER BY household"
    near = connection.execute(query, (token,))  # near: the bytes may also lie across two tokens
    return tuple(dict.fromkeys(household for household, joined in near if token in _split(joined)))


def is_erased(connection: sqlite3.Connection, household: str) -> bool:
    """Whether the chain holds an erasure of this household."""
    query = "SELECT 1 FROM entry WHERE kind = 'erasure' AND household = ?"
    return connection.execute(query, (household,)).fetchone() is not None


def forget(connection: sqlite3.Connection, household: str) -> None:
    """Delete what opens and what finds a household's identity. Inside the transaction that wrote the erasure."""
    query = "DELETE FROM household_key WHERE identity IN (SELECT number FROM identity WHERE household = ?)"
    connection.execute(query, (household,))


def _plain(people: tuple[Person, ...]) -> bytes:
    names = ("subject", *FIELDS, "address")
    rows = [{name: getattr(person, name) for name in names} for person in people]
    return canonical.dumps(sorted(rows, key=lambda row: row["subject"]))


def _erased() -> Erased:
    return Erased("该户的身份信息已删除", "the household's identity was erased")
