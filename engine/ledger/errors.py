"""What the ledger refuses, and how it says so: a code for machines, a sentence in Chinese and one in
English."""

__all__ = [
    "Busy",
    "Damaged",
    "Erased",
    "KeyMissing",
    "LedgerError",
    "NotFound",
    "Refused",
    "RequestConflict",
    "StoreFailed",
]


class LedgerError(Exception):
    """Base of everything the ledger raises. `code` is stable; `zh` and `en` are for people.

    Neither sentence ever holds a name, an id number, a phone number or an address.
    """

    code = "ledger-error"

    def __init__(self, zh: str, en: str, code: str | None = None) -> None:
        super().__init__(zh, en)
        self.code = code or type(self).code
        self.zh = zh
        self.en = en

    def __str__(self) -> str:
        return f"{self.code}: {self.zh} / {self.en}"


class Refused(LedgerError):
    """The record may not be written as it is; nothing was recorded."""

    code = "refused"


class RequestConflict(LedgerError):
    """The idempotency key was used before, by the same owner, with another body; nothing was recorded."""

    code = "request-conflict"


class Busy(LedgerError):
    """The same idempotency key is being worked on right now; ask again shortly."""

    code = "request-in-flight"


class NotFound(LedgerError):
    """No such record."""

    code = "not-found"


class Erased(LedgerError):
    """The household's identity was erased: its data key is gone, and so is what it opened."""

    code = "erased"


class KeyMissing(LedgerError):
    """A key file is absent, unreadable, open to others, or is not the one this ledger was written with."""

    code = "key-missing"


class Damaged(LedgerError):
    """Stored bytes are not what was written. `jiuzhu ledger verify` names them."""

    code = "damaged"


class StoreFailed(LedgerError):
    """The disk or the database did not take the record; nothing was acknowledged."""

    code = "store-failed"
