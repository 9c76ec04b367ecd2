"""The rules themselves, kept beside the decisions made under them, so that any decision can be made again.

A rulebook is its files. Each file is stored once, by the SHA-256 of its text; an entry of kind `rulebook`
in the chain names them all. Its digest is the caller's (the one decisions carry); `digest_of` is there for
who has none.
"""

import hashlib
import json
import sqlite3
from collections.abc import Mapping

from engine.language import canonical
from engine.ledger.entries import Draft, instant
from engine.ledger.errors import Damaged, NotFound, Refused
from engine.ledger.pack import pack, unpack

__all__ = ["digest_of", "listed", "load", "rulebook", "seq_of", "store"]


def digest_of(files: Mapping[str, str]) -> str:
    """A digest of paths and texts, in hex: that of the canonical JSON [[path, SHA-256 of text], …], by
    path."""
    return canonical.digest(_manifest(files))


def rulebook(files: Mapping[str, str], digest: str, by: str, at: str) -> Draft:
    """The entry that puts a rulebook on record. `files`: path -> text; `by`: id of the key that loaded it.

    Recording one that is there gives the receipt of then. Raises Refused for no files.
    """
    if not files:
        raise Refused("规则集没有文件", "a rulebook has files", "bad-rulebook")
    body = canonical.dumps({"by": by, "files": _manifest(files), "rulebook": digest})
    return Draft("rulebook", instant(at), body, rulebook=digest, files=dict(files))


def seq_of(connection: sqlite3.Connection, digest: str) -> int | None:
    """The number of the entry that recorded the rulebook; None if there is none."""
    row = connection.execute("SELECT seq FROM rulebook WHERE digest = ?", (digest,)).fetchone()
    return None if row is None else row[0]


def listed(connection: sqlite3.Connection) -> tuple[tuple[str, int, str], ...]:
    """Every rulebook on record: (digest, entry number, time), oldest first."""
    query = "SELECT r.digest, r.seq, e.at FROM rulebook r JOIN entry e USING (seq) ORDER BY r.seq"
    return tuple(connection.execute(query))


def store(connection: sqlite3.Connection, files: Mapping[str, str]) -> None:
    """Write the files that are not there yet, inside the writing transaction."""
    for text in files.values():
        digest = _digest(text)
        there = connection.execute("SELECT 1 FROM rulebook_file WHERE digest = ?", (digest,)).fetchone()
        if there is None:
            connection.execute("INSERT INTO rulebook_file VALUES (?, ?)", (digest, pack(text.encode())))


def load(connection: sqlite3.Connection, digest: str) -> dict[str, str]:
    """The files of a rulebook: path -> text, each checked against its digest. Raises NotFound, Damaged."""
    seq = seq_of(connection, digest)
    if seq is None:
        raise NotFound(f"台账里没有规则集 {digest}", f"the ledger has no rulebook {digest}", "no-rulebook")
    row = connection.execute("SELECT body FROM entry WHERE seq = ?", (seq,)).fetchone()
    files = {}
    for path, name in json.loads(unpack(row[0]))["files"] if row else ():
        found = connection.execute(
            "SELECT text FROM rulebook_file WHERE digest = ?", (bytes.fromhex(name),)
        ).fetchone()
        content = unpack(found[0]) if found else b""
        if hashlib.sha256(content).hexdigest() != name:
            raise Damaged(f"规则文件 {path} 已被改动或遗失", f"the rule file {path} was changed or lost")
        files[path] = content.decode()
    return files


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def _manifest(files: Mapping[str, str]) -> list[list[str]]:
    return [[path, _digest(text).hex()] for path, text in sorted(files.items())]
