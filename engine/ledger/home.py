"""A data folder: the ledger, the keys that open it, and what the workers of one machine share. One name for
each file, for the service and the command line alike.

    ledger.db      the ledger                                 backed up by `jiuzhu ledger backup`
    ledger.db-search   made from it, may be thrown away
    identity.key   opens the identities                       kept safe elsewhere, never in a backup
    signing.key    signs checkpoints                          likewise
    session.key    signs the pages' cookies                   may be thrown away: everyone signs in anew
    keys.db        API keys, hashed
    shared.db      rate limits and requests in flight         may be thrown away
    active.json    which rulebook the workers decide by       made at every start
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from engine.ledger.append import Writer
from engine.ledger.checkpoint import create_signing_key, load_signing_key
from engine.ledger.errors import KeyMissing, NotFound, StoreFailed
from engine.ledger.keyring import Keyring, create_keyring, load_keyring
from engine.ledger.keys import Keys
from engine.ledger.search_index import SearchIndex
from engine.ledger.store import Store
from engine.ledger.volatile import Volatile

__all__ = ["Folder", "Home", "open_home"]


@dataclass(frozen=True, slots=True)
class Folder:
    """The files of a data folder by name; none of them need be there."""

    path: Path

    @property
    def ledger(self) -> Path:
        return self.path / "ledger.db"

    @property
    def identity_key(self) -> Path:
        return self.path / "identity.key"

    @property
    def signing_key(self) -> Path:
        return self.path / "signing.key"

    @property
    def session_key(self) -> Path:
        return self.path / "session.key"

    @property
    def keys(self) -> Path:
        return self.path / "keys.db"

    @property
    def shared(self) -> Path:
        return self.path / "shared.db"

    @property
    def active(self) -> Path:
        return self.path / "active.json"

    def store(self) -> Store:
        """The ledger that is there. Raises NotFound."""
        if not self.ledger.exists():
            raise NotFound(
                f"{self.path} 里没有台账；首次运行 jiuzhu serve 时建立",
                f"there is no ledger in {self.path}; the first `jiuzhu serve` makes one",
                "no-ledger",
            )
        return Store(self.ledger)

    def keyring(self) -> Keyring:
        """The key file that is there. Raises KeyMissing."""
        return load_keyring(self.identity_key)

    def signing(self) -> Ed25519PrivateKey:
        """The signing key, made the first time one is asked for. Raises KeyMissing."""
        try:
            return create_signing_key(self.signing_key)
        except KeyMissing:
            return load_signing_key(self.signing_key)


@dataclass(frozen=True, slots=True)
class Home:
    """An open data folder. Everything in it may be shared by threads and kept across a fork."""

    folder: Folder
    store: Store
    writer: Writer
    keyring: Keyring
    keys: Keys
    volatile: Volatile
    index: SearchIndex


def open_home(path: str | Path, at: str) -> Home:
    """The data folder at `path`, made if it is not there; safe when several processes start at once.

    Raises KeyMissing when the ledger holds identities and its key file is gone: a new one would open none
    of them.
    """
    folder = Folder(Path(path))
    try:
        folder.path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        why = error.strerror or "?"
        raise StoreFailed(f"不能建立目录 {path}：{why}", f"cannot make the folder {path}: {why}") from None
    store = Store.open_or_create(folder.ledger, at)
    keyring = _keyring(folder, store)
    writer, keys = Writer(store, keyring), Keys(folder.keys)
    return Home(folder, store, writer, keyring, keys, Volatile(folder.shared), SearchIndex(store))


def _keyring(folder: Folder, store: Store) -> Keyring:
    if not folder.identity_key.exists():
        if store.reader().execute("SELECT 1 FROM household_key LIMIT 1").fetchone():
            raise KeyMissing(
                f"台账里有身份信息，但密钥文件 {folder.identity_key} 不见了；请从保管处放回",
                f"the ledger holds identities, but the key file {folder.identity_key} is gone; put it back",
            )
        try:
            return create_keyring(folder.identity_key)
        except KeyMissing:
            pass  # another process was quicker
    return folder.keyring()
