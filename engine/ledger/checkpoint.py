"""Checkpoints: size, root and head of both logs at a time, signed with Ed25519. An auditor keeps them
elsewhere.

The chain alone cannot show that its newest entries were cut off, or that all of it was written anew by
someone who has the file and the program. A checkpoint that was out of the house before can: its roots fix
everything up to its sizes.
"""

import hashlib
import json
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from engine.language import canonical
from engine.ledger import merkle
from engine.ledger.chain import LOGS
from engine.ledger.entries import instant
from engine.ledger.errors import KeyMissing, NotFound, Refused
from engine.ledger.keyring import read_private, write_private
from engine.ledger.store import Store, connect

__all__ = [
    "Checkpoint",
    "create_signing_key",
    "latest",
    "load_signing_key",
    "make",
    "public_key",
    "read_checkpoint",
    "stored",
]

PREFIX = b"jiuzhu-checkpoint-1\n"
"""Stands before the canonical document when it is signed, so that the key's signatures mean nothing
elsewhere."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A signed checkpoint. `document`: {at, format, key, ledger, logs: {name: {head, root, size}}, number,
    previous}, hashes and the public key in hex; `previous` is the SHA-256 of the checkpoint document
    before, or null."""

    document: dict[str, Any]
    signature: str

    def file(self) -> dict[str, Any]:
        """What is handed to an auditor: {"checkpoint": document, "signature": hex}."""
        return {"checkpoint": self.document, "signature": self.signature}

    @property
    def digest(self) -> bytes:
        return hashlib.sha256(canonical.dumps(self.document)).digest()

    def size(self, log: str) -> int:
        """How many entries of the log it covers."""
        return int(self.document["logs"][log]["size"])

    def signed_by(self, trusted: Iterable[str] | None = None) -> bool:
        """Whether the signature is good, and, with `trusted` given (public keys in hex), whether it is by
        one of them. Without it a good signature only shows that the document is whole, not who made it."""
        key = self.document.get("key")
        if trusted is not None and key not in set(trusted):
            return False
        try:
            signer = Ed25519PublicKey.from_public_bytes(bytes.fromhex(str(key)))
            signer.verify(bytes.fromhex(self.signature), PREFIX + canonical.dumps(self.document))
        except (ValueError, InvalidSignature):
            return False
        return True


def create_signing_key(path: str | Path) -> Ed25519PrivateKey:
    """Make a signing key at `path` (PEM), readable by its owner alone. Raises KeyMissing if something is
    there."""
    key = Ed25519PrivateKey.generate()
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    write_private(path, key.private_bytes(encoding, form, serialization.NoEncryption()), replace=False)
    return key


def load_signing_key(path: str | Path) -> Ed25519PrivateKey:
    """Read the signing key. Raises KeyMissing if it is absent, open to others, or not an Ed25519 key."""
    content = read_private(path)
    try:
        key = serialization.load_pem_private_key(content, password=None)
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyMissing(f"{path} 不是 Ed25519 私钥", f"{path} is not an Ed25519 private key")
    return key


def public_key(key: Ed25519PrivateKey) -> str:
    """The public half, 64 hexadecimal digits: what an auditor is given once, in person."""
    return key.public_key().public_bytes_raw().hex()


def make(store: Store, key: Ed25519PrivateKey, at: str) -> Checkpoint:
    """Sign the ledger as it stands and keep the checkpoint in it too. The caller sends `file()` out of the
    house."""
    with closing(connect(store.path)) as connection, store.alone(connection):
        heads = {
            log: (size, hash) for log, size, hash in connection.execute("SELECT log, size, hash FROM head")
        }
        last = latest(connection)
        number = 1 if last is None else int(last.document["number"]) + 1
        document = {
            "at": instant(at),
            "format": 1,
            "key": public_key(key),
            "ledger": store.id,
            "logs": {
                name: {
                    "head": heads[name][1].hex(),
                    "root": merkle.root(merkle.Hashes(connection, log), heads[name][0]).hex(),
                    "size": heads[name][0],
                }
                for name, log in LOGS.items()
            },
            "number": number,
            "previous": None if last is None else last.digest.hex(),
        }
        text = canonical.dumps(document)
        signature = key.sign(PREFIX + text)
        checkpoint = Checkpoint(document, signature.hex())
        connection.execute("INSERT INTO checkpoint VALUES (?, ?, ?)", (number, text.decode(), signature))
        connection.execute(
            "UPDATE head SET size = ?, hash = ? WHERE log = 'checkpoints'", (number, checkpoint.digest)
        )
    return checkpoint


def latest(connection: sqlite3.Connection) -> Checkpoint | None:
    """The newest checkpoint in the ledger."""
    row = connection.execute(
        "SELECT document, signature FROM checkpoint ORDER BY number DESC LIMIT 1"
    ).fetchone()
    return None if row is None else Checkpoint(json.loads(row[0]), row[1].hex())


def stored(connection: sqlite3.Connection, number: int) -> Checkpoint:
    """Checkpoint `number`, as kept in the ledger. Raises NotFound."""
    row = connection.execute(
        "SELECT document, signature FROM checkpoint WHERE number = ?", (number,)
    ).fetchone()
    if row is None:
        raise NotFound(f"没有第 {number} 号检查点", f"there is no checkpoint {number}")
    return Checkpoint(json.loads(row[0]), row[1].hex())


def read_checkpoint(content: str | bytes) -> Checkpoint:
    """Read a checkpoint file as `Checkpoint.file` shapes it; its signature is not checked here. Raises
    Refused."""
    try:
        document = json.loads(content, parse_float=_no_float)
        checkpoint = Checkpoint(document["checkpoint"], document["signature"])
        canonical.dumps(checkpoint.document)
        if checkpoint.document["format"] != 1:
            raise ValueError
        for name in LOGS:
            log = checkpoint.document["logs"][name]
            if type(log["size"]) is not int or log["size"] < 0:
                raise ValueError
            bytes.fromhex(log["root"]), bytes.fromhex(log["head"])
        bytes.fromhex(checkpoint.signature)
    except (ValueError, KeyError, TypeError, RecursionError):
        raise Refused("这不是检查点文件", "this is not a checkpoint file", "bad-checkpoint") from None
    return checkpoint


def _no_float(text: str) -> None:
    raise ValueError(text)
