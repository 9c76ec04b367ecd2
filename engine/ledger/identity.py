"""Who the people are: kept apart from the decisions, encrypted under one data key for each household.

A decision's header holds the digest of an identity row, the row holds the digests of the ciphertext, of the
wrapped data key and of the search tokens. Erasing a household deletes its data key and its tokens and
nothing else: the ciphertext stays, unreadable, so every digest in the chain still fits. The digest of the
tokens is salted, and the salt goes with the key: no one can later test guessed numbers against it, not even
with the key file.
"""

import hashlib
import hmac
import json
import re
import secrets
import sqlite3
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field

from engine.language import canonical
from engine.ledger.errors import Damaged, Erased, NotFound, Refused
from engine.ledger.keyring import Keyring, decrypt, encrypt

__all__ = ["FIELDS", "Person", "Prepared", "find", "forget", "is_erased", "normal", "of_entry", "prepare", "record"]

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


def row_digest(household: str, key_digest: bytes, same: bytes, tokens_digest: bytes, sealed: bytes) -> bytes:
    """The digest of an identity row: what an entry's header holds."""
    parts = {
        "household": household,
        "key": key_digest.hex(),
        "same": same.hex(),
        "sealed": hashlib.sha256(sealed).hexdigest(),
        "tokens": tokens_digest.hex(),
    }
    return hashlib.sha256(canonical.dumps(parts)).digest()


def key_digest(master: str, wrapped: bytes, salt: bytes) -> bytes:
    """The digest of a household's key row."""
    parts = {"master": master, "salt": salt.hex(), "wrapped": wrapped.hex()}
    return hashlib.sha256(canonical.dumps(parts)).digest()


def tokens_digest(salt: bytes, tokens: Iterable[bytes]) -> bytes:
    """The digest of an identity's search tokens, in ascending order."""
    return hashlib.sha256(salt + b"".join(tokens)).digest()


@dataclass(frozen=True, slots=True)
class Prepared:
    """People as they will be encrypted, and the tokens they will be found by."""

    plain: bytes = field(repr=False)
    tokens: list[bytes] = field(repr=False)


def prepare(keyring: Keyring, people: tuple[Person, ...]) -> Prepared:
    """All of `record` that can be done before the ledger is held."""
    return Prepared(_plain(people), tokens_of(keyring, people))


def record(connection: sqlite3.Connection, keyring: Keyring, household: str, people: Prepared) -> bytes:
    """Write who the people of a household are, inside the writing transaction; the digest for the entry's
    header.

    The same people as before give the row of before. Raises Erased, KeyMissing.
    """
    if is_erased(connection, household):
        raise _erased()
    found = connection.execute(
        "SELECT master, wrapped, salt FROM household_key WHERE household = ?", (household,)
    ).fetchone()
    if found is None:
        data_key, salt = secrets.token_bytes(32), secrets.token_bytes(32)
        master, wrapped = keyring.wrap(household, data_key)
        connection.execute(
            "INSERT INTO household_key VALUES (?, ?, ?, ?)", (household, master, wrapped, salt)
        )
    else:
        master, wrapped, salt = found
        data_key = keyring.unwrap(household, master, wrapped)
    same = hmac.digest(data_key, people.plain, "sha256")
    known = connection.execute(
        "SELECT digest FROM identity WHERE household = ? AND same = ?", (household, same)
    ).fetchone()
    if known is not None:
        return bytes(known[0])
    sealed = encrypt(data_key, people.plain, f"identity of {household}")
    of_key, of_tokens = key_digest(master, wrapped, salt), tokens_digest(salt, people.tokens)
    digest = row_digest(household, of_key, same, of_tokens, sealed)
    connection.execute(
        "INSERT INTO identity (digest, household, key_digest, same, tokens_digest, sealed) VALUES (?, ?, ?, ?, ?, ?)",
        (digest, household, of_key, same, of_tokens, sealed),
    )
    connection.executemany(
        "INSERT INTO person_token (token, identity, household) VALUES (?, ?, ?)",
        [(token, digest, household) for token in people.tokens],
    )
    return digest


def of_entry(connection: sqlite3.Connection, keyring: Keyring, seq: int) -> tuple[Person, ...]:
    """The people of decision `seq`, decrypted; () when nobody was named. The caller writes the access log
    first.

    Raises NotFound, Erased, KeyMissing, Damaged.
    """
    row = connection.execute("SELECT identity FROM entry WHERE seq = ?", (seq,)).fetchone()
    if row is None:
        raise NotFound(f"没有第 {seq} 号记录", f"there is no entry {seq}")
    if row[0] is None:
        return ()
    query = """SELECT i.household, i.sealed, k.master, k.wrapped
               FROM identity i LEFT JOIN household_key k USING (household) WHERE i.digest = ?"""
    found = connection.execute(query, (row[0],)).fetchone()
    if found is None:
        raise Damaged(f"第 {seq} 号记录的身份信息不见了", f"the identity of entry {seq} is missing")
    household, sealed, master, wrapped = found
    if master is None:
        raise _erased()
    plain = decrypt(keyring.unwrap(household, master, wrapped), sealed, f"identity of {household}")
    if plain is None:
        raise Damaged(f"第 {seq} 号记录的身份信息已被改动", f"the identity of entry {seq} was changed")
    return tuple(Person(**row) for row in json.loads(plain))


def find(connection: sqlite3.Connection, keyring: Keyring, field: str, text: str) -> tuple[str, ...]:
    """The households in which someone has this name, id number or phone (`field`, one of FIELDS), whole,
    not part of it. By keyed hash: nothing is decrypted. Raises Refused for another field or empty text."""
    value = normal(field, text) if field in FIELDS else ""
    if not value:
        raise Refused(
            f"按人查找须给出 {'、'.join(FIELDS)} 之一",
            f"a person is found by {', '.join(FIELDS)}",
            "bad-search",
        )
    query = "SELECT DISTINCT household FROM person_token WHERE token = ? ORDER BY household"
    return tuple(household for (household,) in connection.execute(query, (keyring.token(field, value),)))


def is_erased(connection: sqlite3.Connection, household: str) -> bool:
    """Whether the chain holds an erasure of this household."""
    query = "SELECT 1 FROM entry WHERE kind = 'erasure' AND household = ?"
    return connection.execute(query, (household,)).fetchone() is not None


def forget(connection: sqlite3.Connection, household: str) -> None:
    """Delete what opens and what finds a household's identity. Inside the transaction that wrote the
    erasure."""
    connection.execute("DELETE FROM person_token WHERE household = ?", (household,))
    connection.execute("DELETE FROM household_key WHERE household = ?", (household,))


def _plain(people: tuple[Person, ...]) -> bytes:
    names = ("subject", *FIELDS, "address")
    rows = [{name: getattr(person, name) for name in names} for person in people]
    return canonical.dumps(sorted(rows, key=lambda row: row["subject"]))


def _erased() -> Erased:
    return Erased("该户的身份信息已删除", "the household's identity was erased")
