"""Appending, durably and in groups: many threads' records go to disk in one commit, and each caller returns
only when its own is there.

A sync to disk takes a few milliseconds however much it carries, so it is shared. Whoever comes first leads:
it takes the lock that keeps other processes out, then everything that is waiting by then, writes it and
commits once; whoever came in the meantime is led by the first among them. No thread of its own, so nothing
to start, stop or lose in a fork.
"""

import os
import sqlite3
import threading
from collections.abc import Sequence

from engine.ledger.access import AccessDraft
from engine.ledger.connections import abandon
from engine.ledger.entries import Draft, Receipt
from engine.ledger.errors import LedgerError, StoreFailed
from engine.ledger.keyring import Keyring
from engine.ledger.store import Store, connect
from engine.ledger.write import Outcome, Prepared, prepare, write

__all__ = ["Writer"]


class _Slot:
    """One caller's drafts on their way to disk."""

    __slots__ = ("drafts", "error", "leads", "outcomes", "wake")

    def __init__(self, drafts: list[Prepared]) -> None:
        self.drafts = drafts
        self.outcomes: list[Outcome] | None = None
        self.error: BaseException | None = None
        self.leads = False  # whether it was woken to lead
        self.wake = threading.Lock()  # held while there is nothing to wake for
        self.wake.acquire()

    @property
    def done(self) -> bool:
        return self.outcomes is not None or self.error is not None


class Writer:
    """Appends to one ledger. One for each process, shared by its threads; several processes may write at once.

    Make it after a fork, not before: it finds out that it was forked and starts anew, but SQLite cannot be used in
    a process that was forked while another thread was writing.
    """

    def __init__(self, store: Store, keyring: Keyring | None = None, *, largest_group: int = 256) -> None:
        """`keyring`: needed only for drafts that carry an identity. `largest_group`: callers in one commit
        at most."""
        self._store = store
        self._keyring = keyring
        self._largest = largest_group
        self._start()

    def _start(self) -> None:
        self._pid = os.getpid()
        self._connection: sqlite3.Connection | None = None
        self._mutex = threading.Lock()
        self._waiting: list[_Slot] = []
        self._led = False

    def append(self, draft: Draft | AccessDraft) -> Receipt:
        """Write one record; returns when it is on disk.

        With an idempotency key that was used before for the same body: the receipt of then, `repeated` set.
        Raises what the ledger refuses (Refused, NotFound, Erased, KeyMissing, RequestConflict), or
        StoreFailed when the disk did not take it; after StoreFailed the record may still turn out to be
        there, as after any lost answer, so a caller that matters sends an idempotency key and asks again.
        """
        (outcome,) = self.append_all([draft])
        if isinstance(outcome, LedgerError):
            raise outcome
        return outcome

    def append_all(self, drafts: Sequence[Draft | AccessDraft]) -> list[Outcome]:
        """Write several records in one commit, in this order. Each has its own outcome: a receipt, or why
        it was refused. Raises StoreFailed when the disk took none of them."""
        if self._pid != os.getpid():  # a fork: the parent's connection, lock and queue are not ours
            abandon(self._connection)
            self._start()
        slot = _Slot([prepare(draft, self._keyring) for draft in drafts])
        with self._mutex:
            self._waiting.append(slot)
            lead, self._led = not self._led, True
        if not lead:
            try:
                slot.wake.acquire()
            except BaseException:  # this thread is being stopped: if its turn to lead has come, another must
                self._leave(slot)
                raise
        if not slot.done:
            self._lead(slot)
        if slot.error is not None:
            raise slot.error
        assert slot.outcomes is not None
        return slot.outcomes

    def close(self) -> None:
        """Close the connection; the next append opens another."""
        if self._connection is not None and self._pid == os.getpid():
            self._connection.close()
        self._connection = None

    def scrub(self) -> bool:
        """Move everything out of the write-ahead log and empty it, so that what was erased is on no page of
        either file. False when a long-running reader is in the way: try again later."""
        connection = connect(self._store.path)
        try:
            connection.execute("PRAGMA busy_timeout = 2000")
            (busy, _, _) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            return not busy
        finally:
            connection.close()

    def _lead(self, own: _Slot) -> None:
        """Write the group that is waiting, `own` first in it, then let the next in line lead."""
        group: list[_Slot] = []
        try:
            self._commit(group)
        except Exception as error:
            group = group or self._take()
            if len(group) > 1 and not isinstance(error, sqlite3.OperationalError):
                self._one_by_one(group)  # so that one caller's bad record is only that caller's trouble
            else:
                _fail(group, error)
        except BaseException:  # the process is being stopped: no one may be left waiting
            _fail(
                [slot for slot in (group or self._take()) if slot is not own],
                StoreFailed("正在停机", "stopping"),
            )
            raise
        finally:
            for slot in group:
                if slot is not own:
                    slot.wake.release()
            with self._mutex:
                self._pass_on()

    def _pass_on(self) -> None:
        """Let the first in line lead. With the mutex held, by whoever leads."""
        self._led = bool(self._waiting)
        if self._waiting:
            self._waiting[0].leads = True
            self._waiting[0].wake.release()

    def _leave(self, slot: _Slot) -> None:
        with self._mutex:
            if slot in self._waiting:
                self._waiting.remove(slot)
                if slot.leads:
                    self._pass_on()

    def _commit(self, group: list[_Slot]) -> None:
        """Fill `group` with who is waiting once the ledger is ours, write their records, commit, set
        outcomes."""
        connection = self._own_connection()
        with self._store.alone(connection):
            group += self._take()
            results = write(connection, [draft for slot in group for draft in slot.drafts], self._keyring)
        for slot in group:
            slot.outcomes, results = results[: len(slot.drafts)], results[len(slot.drafts) :]

    def _one_by_one(self, group: list[_Slot]) -> None:
        for slot in group:
            try:
                connection = self._own_connection()
                with self._store.alone(connection):
                    outcomes = write(connection, slot.drafts, self._keyring)
                slot.outcomes = outcomes
            except Exception as error:
                _fail([slot], error)

    def _take(self) -> list[_Slot]:
        with self._mutex:
            group = self._waiting[: self._largest]
            del self._waiting[: self._largest]
        return group

    def _own_connection(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = connect(self._store.path)
        return self._connection


def _fail(group: list[_Slot], error: Exception) -> None:
    for slot in group:
        if isinstance(error, sqlite3.Error):
            slot.error = StoreFailed(f"未能写入：{error}", f"not written: {error}")
        else:
            slot.error = error
