"""Several processes at once, and processes that die. JIUZHU_KILLS: how many times a writer is killed."""

import itertools
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import ledger_sample as sample
from ledger_sample import AT, index, request

from engine.ledger import entries, read
from engine.ledger.store import Store
from engine.ledger.verify import verify
from tests.loops import Did, size

KILLS = size("JIUZHU_KILLS")
CHILD = Path(__file__).with_name("ledger_child.py")


def start(path: Path, name: str, threads: int, first: int = 0, count: int = 0) -> subprocess.Popen[str]:
    command = [sys.executable, str(CHILD), str(path), name, str(threads), str(first), str(count)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def acknowledged(output: str) -> dict[str, tuple[int, str]]:
    """key -> (number, hash), from whole lines only: the last may have been cut by the kill."""
    rows = [line.split() for line in output.splitlines(keepends=True) if line.endswith("\n")]
    return {key: (int(seq), hash) for key, seq, hash in rows}


def check(store: Store, known: dict[str, tuple[int, str]]) -> None:
    """The chain verifies, and every acknowledged record is in it where its receipt says, with its own
    content."""
    report = verify(store.path)
    assert report.ok, report.findings
    for key, (seq, hash) in known.items():
        entry = read.entry(store.reader(), seq)
        assert entry.hash == hash and entry.body["key"] == key


def test_four_processes_writing_at_once_make_one_chain_without_gaps(tmp_path: Path) -> None:
    store = sample.make(tmp_path).store
    children = [start(store.path, f"p{number}", threads=3, count=40) for number in range(4)]
    known: dict[str, tuple[int, str]] = {}
    for child in children:
        output, _ = child.communicate(timeout=120)
        assert child.returncode == 0
        known |= acknowledged(output)
    assert len(known) == 4 * 3 * 40
    assert sorted(seq for seq, _ in known.values()) == list(range(2, 2 + len(known)))
    owner = [key.split("-")[0] for key, _ in sorted(known.items(), key=lambda item: item[1])]
    assert sum(a != b for a, b in itertools.pairwise(owner)) > 8, "the processes took turns"
    check(store, known)


def test_a_writer_killed_at_any_moment_loses_nothing_it_acknowledged_and_doubles_nothing(
    tmp_path: Path, did: Did
) -> None:
    book = sample.make(tmp_path)
    store, chance = book.store, random.Random(KILLS)
    known: dict[str, tuple[int, str]] = {}
    written = 1
    for kill in range(KILLS):
        child = start(store.path, f"k{kill}", threads=4)
        assert child.stdout is not None
        first = child.stdout.readline()  # it is at work; now let it go on for a while
        time.sleep(chance.uniform(0, 0.2))
        child.send_signal(signal.SIGKILL)
        rest, _ = child.communicate(timeout=60)
        known |= acknowledged(first + rest)
        check(store, known)
        size, _ = read.head(store.reader())
        assert size > written, "it wrote something"
        written = size
    assert len(known) >= KILLS
    for key in list(known)[-20:]:  # asked again, an acknowledged call gives its receipt and writes nothing
        again = book.writer.append(
            entries.decision({"key": key}, index(chance), AT, request=request(key, key))
        )
        assert again.repeated and (again.seq, again.hash) == known[key]
    keys = [read.entry(store.reader(), seq).body["key"] for seq in range(2, written + 1)]
    assert len(set(keys)) == len(keys) and read.head(store.reader())[0] == written, (
        "no call was recorded twice"
    )
    # What was written but not acknowledged when the kill came is found by its key too.
    for key in sorted(set(keys) - known.keys())[:20]:
        assert book.writer.append(
            entries.decision({"key": key}, index(chance), AT, request=request(key, key))
        ).repeated
    did("JIUZHU_KILLS", writer_kills=KILLS, entries_acknowledged=len(known))


def test_a_killed_writer_does_not_block_the_next(tmp_path: Path) -> None:
    book = sample.make(tmp_path)
    child = start(book.path, "stuck", threads=4)
    assert child.stdout is not None
    child.stdout.readline()
    child.send_signal(signal.SIGSTOP)  # wherever it is, maybe holding the ledger
    child.send_signal(signal.SIGKILL)
    child.communicate(timeout=60)
    begun = time.monotonic()
    book.writer.append(entries.decision({"key": "after"}, index(random.Random(1)), AT))
    assert time.monotonic() - begun < 5
    assert verify(book.path).ok
