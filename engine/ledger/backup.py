"""A copy of the ledger while it is being written, and its way back.

The copy is one moment of the ledger, whole. It holds the wrapped data keys of households not erased by
then, so an old copy can bring back what was erased later: keep copies no longer than the law lets
identities be kept after an erasure. The key files are not in it: without them its identities stay closed,
and they must be kept safe elsewhere.
"""

import os
import sqlite3
from collections.abc import Collection
from contextlib import closing
from pathlib import Path

from engine.ledger.checkpoint import Checkpoint
from engine.ledger.errors import Damaged, StoreFailed
from engine.ledger.store import Store, connect, sync_folder
from engine.ledger.verify import Report, verify

__all__ = ["backup", "restore"]


def backup(store: Store, target: str | Path) -> Report:
    """Copy the ledger to `target` and verify the copy; the report of that. Writers go on meanwhile.

    The copy gets its name only when it is complete and synced. Raises StoreFailed if `target` is there
    already or the disk does not take it, Damaged if the copy does not verify (it is left in place as
    `target`.new, to be looked at).
    """
    target = Path(target)
    with closing(connect(store.path, readonly=True)) as source:
        return _copy(source, target, ())


def restore(copy: str | Path, target: str | Path, *, checkpoints: Collection[Checkpoint] = ()) -> Report:
    """Put a copy in place as the ledger `target`, after verifying it, against `checkpoints` kept elsewhere
    too: one that covers more entries than the copy has says how much is lost. Raises as `backup` does."""
    with closing(connect(copy, readonly=True)) as source:
        return _copy(source, Path(target), checkpoints)


def _copy(source: sqlite3.Connection, target: Path, checkpoints: Collection[Checkpoint]) -> Report:
    building = Path(f"{target}.new")
    if any(Path(f"{target}{end}").exists() for end in ("", "-wal", "-shm")):
        raise StoreFailed(f"{target} 已存在", f"{target} is there already", "already-there")
    try:
        for end in ("", "-wal", "-shm"):
            Path(f"{building}{end}").unlink(missing_ok=True)
        os.close(os.open(building, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        with closing(sqlite3.connect(building, isolation_level=None)) as copy:
            source.backup(copy)  # all pages in one step: a snapshot, however busy the writers are
            copy.execute("PRAGMA journal_mode = DELETE")  # one file, readable where nothing may be written
        report = verify(building, checkpoints=checkpoints)
        if not report.ok:
            first = report.findings[0]
            raise Damaged(f"副本未通过核验：{first.zh}", f"the copy does not verify: {first.en}")
        with open(building, "rb") as file:
            os.fsync(file.fileno())
        os.link(building, target)  # unlike a rename, refuses to put itself over a ledger that is there
        building.unlink()
        sync_folder(target)
    except (OSError, sqlite3.Error) as error:
        raise StoreFailed(
            f"不能写副本 {target}：{error}", f"cannot write the copy {target}: {error}"
        ) from None
    return report
