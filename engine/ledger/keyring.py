"""The key file: what opens the identities. It lies outside the database and never goes into a backup of it.

JSON: {"format": 1, "search": …, "masters": [{"id": …, "secret": …}]}, secrets in base64. Households get
their data key wrapped by the last master; earlier masters stay for what they wrapped. Whoever has this file
can read every identity not erased, and can test a guessed name or number against the search tokens.
"""

import base64
import binascii
import hmac
import json
import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from engine.ledger.errors import KeyMissing

__all__ = ["TOKEN", "Keyring", "create_keyring", "load_keyring", "read_private", "rotate_keyring", "write_private"]

TOKEN = 16  # bytes of a search token
_NONCE = 12  # bytes; AES-GCM with random nonces: good for 2**32 messages under one key


@dataclass(frozen=True, slots=True)
class Keyring:
    """`masters`: key id -> 32 bytes, in order of age. `search`: 32 bytes, the key of the search tokens."""

    masters: dict[str, bytes] = field(repr=False)
    search: bytes = field(repr=False)

    def wrap(self, household: str, data_key: bytes) -> tuple[str, bytes]:
        """The data key under the newest master: (master's id, nonce + AES-256-GCM ciphertext)."""
        master = next(reversed(self.masters))
        return master, encrypt(self.masters[master], data_key, f"data key of {household}")

    def unwrap(self, household: str, master: str, wrapped: bytes) -> bytes:
        """The data key. Raises KeyMissing when this is not the key file it was wrapped with."""
        secret = self.masters.get(master)
        data_key = None if secret is None else decrypt(secret, wrapped, f"data key of {household}")
        if data_key is None:
            raise other_key_file()
        return data_key

    def token(self, field: str, normal: str) -> bytes:
        """The keyed hash by which a normalized value is found: HMAC-SHA256, first TOKEN bytes."""
        return hmac.digest(self.search, f"{field}\0{normal}".encode(), "sha256")[:TOKEN]

    def sameness(self, household: str, plain: bytes) -> bytes:
        """The keyed hash by which the same people of the same household are known again."""
        return hmac.digest(self.search, b"same\0" + household.encode() + b"\0" + plain, "sha256")


def other_key_file() -> KeyMissing:
    """The exception for a key file that does not belong to the ledger."""
    return KeyMissing("密钥文件与这份台账不符", "the key file is not the one this ledger was written with")


def encrypt(key: bytes, plain: bytes, about: str) -> bytes:
    """AES-256-GCM under a random nonce, which stands in front. `about` must be the same at `decrypt`."""
    nonce = secrets.token_bytes(_NONCE)
    return nonce + AESGCM(key).encrypt(nonce, plain, about.encode())


def decrypt(key: bytes, sealed: bytes, about: str) -> bytes | None:
    """What `encrypt` sealed; None when key, bytes or `about` are not the same."""
    try:
        return AESGCM(key).decrypt(sealed[:_NONCE], sealed[_NONCE:], about.encode())
    except (InvalidTag, ValueError):
        return None


def create_keyring(path: str | Path, random: Callable[[int], bytes] = secrets.token_bytes) -> Keyring:
    """Make a key file at `path`, readable by its owner alone. Raises KeyMissing if something is there."""
    keyring = Keyring({random(4).hex(): random(32)}, random(32))
    write_private(path, _write(keyring), replace=False)
    return keyring


def rotate_keyring(path: str | Path, random: Callable[[int], bytes] = secrets.token_bytes) -> Keyring:
    """Add a master to the key file at `path`; new households use it. What older masters wrapped stays as it
    is."""
    old = load_keyring(path)
    keyring = Keyring({**old.masters, random(4).hex(): random(32)}, old.search)
    write_private(path, _write(keyring), replace=True)
    return keyring


def load_keyring(path: str | Path) -> Keyring:
    """Read the key file. Raises KeyMissing if it is absent, open to others than its owner, or not a key
    file."""
    try:
        document = json.loads(read_private(path))
        masters = {row["id"]: base64.b64decode(row["secret"], validate=True) for row in document["masters"]}
        search = base64.b64decode(document["search"], validate=True)
        if document["format"] != 1 or not masters or {len(key) for key in (search, *masters.values())} != {32}:
            raise ValueError
    except (ValueError, KeyError, TypeError, binascii.Error):
        raise KeyMissing(f"{path} 不是密钥文件", f"{path} is not a key file") from None
    return Keyring(masters, search)


def read_private(path: str | Path) -> bytes:
    """The bytes of a secret file. Raises KeyMissing if it is absent or others than its owner may read it."""
    try:
        with open(path, "rb") as file:
            if os.fstat(file.fileno()).st_mode & 0o077:
                raise KeyMissing(
                    f"{path} 可被他人读取，请执行 chmod 600",
                    f"others may read {path}; chmod 600 it",
                    "key-open-to-others",
                )
            return file.read()
    except OSError as error:
        why = error.strerror or "?"
        raise KeyMissing(f"读不了密钥文件 {path}：{why}", f"the key file {path} cannot be read: {why}") from None


def write_private(path: str | Path, content: bytes, *, replace: bool) -> None:
    """Write a secret file that its owner alone may read, whole or not at all. Raises KeyMissing if it
    cannot be."""
    path = Path(path)
    building = Path(f"{path}.new")
    try:
        building.unlink(missing_ok=True)
        handle = os.open(building, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(handle)
        if replace:
            os.replace(building, path)
        else:
            os.link(building, path)  # unlike a rename, refuses to put itself over a key that is there
            building.unlink()
    except OSError as error:
        building.unlink(missing_ok=True)
        why = error.strerror or "?"
        raise KeyMissing(f"写不了密钥文件 {path}：{why}", f"the key file {path} cannot be written: {why}") from None


def _write(keyring: Keyring) -> bytes:
    masters = [{"id": id, "secret": base64.b64encode(key).decode()} for id, key in keyring.masters.items()]
    document = {"format": 1, "masters": masters, "search": base64.b64encode(keyring.search).decode()}
    return json.dumps(document, indent=1).encode() + b"\n"
