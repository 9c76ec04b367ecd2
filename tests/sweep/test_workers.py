"""Chunks decided in processes of their own: the same answers, and nothing half-written however it ends."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import pytest

from engine.decide import Program, compile_rulebook
from engine.sweep import manifest as manifests
from engine.sweep import workers
from engine.sweep.run import Job, Stopped, Sweep
from tests.sweep import every_operator
from tests.sweep.command_line import ROOT, city_of, rules_in, start, wait_for, words

CHUNK, HOUSEHOLDS = 10_240, 40_960
FOLDERS = ("households", "persons", "gap", "sums", "missing", "rejects", "digests")
LISTS = ("summary.csv", "missing.csv", "rejects.csv")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Four chunks, of which two go the long way: each has a household without members."""
    folder = tmp_path_factory.mktemp("city")
    found = city_of(folder, HOUSEHOLDS, CHUNK)
    left = folder / "left.parquet"
    duckdb.sql(f"COPY (FROM '{found[1]}' WHERE household_id NOT IN ('h00000003', 'h00025000')) TO '{left}' (ROW_GROUP_SIZE {CHUNK})")
    return found[0], left


@pytest.fixture(scope="module")
def program() -> Program:
    return compile_rulebook(every_operator.world().rulebook)


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    return rules_in(tmp_path / "rulebook")


def job(files: tuple[Path, Path], out: Path, threads: int) -> Job:
    return Job(str(files[0]), str(files[1]), every_operator.ON, out, threads=threads, chunk=CHUNK)


def swept(program: Program, what: Job) -> Sweep:
    one = Sweep(program.rulebook, what)
    try:
        one.run()
    finally:
        one.close()
    return one


@pytest.fixture(scope="module")
def alone(program: Program, files: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The answers, all made in this process."""
    out = tmp_path_factory.mktemp("alone") / "out"
    swept(program, job(files, out, 1))
    return out


def assert_same_lists(out: Path, alone: Path) -> None:
    for name in LISTS:
        assert (out / name).read_bytes() == (alone / name).read_bytes(), name
    one, other = (duckdb.sql(f"FROM '{folder}/gap.parquet'").fetchall() for folder in (out, alone))
    assert one == other and one  # in the same order


def assert_same(out: Path, alone: Path) -> None:
    assert_same_lists(out, alone)
    for folder in FOLDERS:
        assert [p.name for p in sorted((out / folder).iterdir())] == [p.name for p in sorted((alone / folder).iterdir())]
        for part in (alone / folder).iterdir():
            a, b = (duckdb.sql(f"FROM '{path}' ORDER BY ALL").fetchall() for path in (part, out / folder / part.name))
            assert a == b, part
    ours, theirs = manifests.read(out), manifests.read(alone)
    assert ours is not None and theirs is not None
    assert ours == theirs and list(ours.done) == list(theirs.done)
    assert not list((out / ".work").iterdir())


def test_they_give_what_one_process_gives(program: Program, files: tuple[Path, Path], alone: Path, tmp_path: Path) -> None:
    many = []
    decide = workers.Workers.decide
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(workers.Workers, "decide", lambda self, left: many.append(self.many) or decide(self, left))
        one = swept(program, job(files, tmp_path / "out", 2))
    assert many == [2], "no processes of their own were started"
    assert 0 < one.manifest.counts().households < HOUSEHOLDS
    assert_same(tmp_path / "out", alone)


def test_how_many_there_are(files: tuple[Path, Path], tmp_path: Path) -> None:
    def many(limit: str, threads: int | None = 8, chunks: int = 100, engine: str = "numpy") -> int:
        with duckdb.connect() as connection:
            connection.execute(f"SET memory_limit = '{limit}'")
            return workers.processes(Job("h", "p", every_operator.ON, tmp_path, threads=threads, engine=engine), workers.limit_of(connection), chunks)

    assert [many(limit) for limit in ("100MB", "1GB", "2GB", "4GB", "100GB")] == [1, 1, 2, 4, 8]
    assert many("100GB", threads=3) == 3
    assert many("100GB", chunks=2) == 2
    assert many("100GB", engine="duckdb") == 1
    assert many("100GB", threads=None) == workers.cores()


def children(pid: int) -> list[int]:
    """The processes that decide: those among the children that were spawned for a task."""
    found = [int(child) for task in Path(f"/proc/{pid}/task").iterdir() for child in (task / "children").read_text().split()]
    return [child for child in found if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()]


def command_of(files: tuple[Path, Path], rules: Path, out: Path) -> list[str]:
    return words(files, out, rules, "--threads", "2", "--chunk", str(CHUNK))


def gone(pids: list[int]) -> bool:
    limit = time.monotonic() + 60
    while any(Path(f"/proc/{pid}").exists() and b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes() for pid in pids):
        if time.monotonic() > limit:
            return False
        time.sleep(0.05)
    return True


def half_written(out: Path) -> list[Path]:
    return list(out.rglob("*.part"))


def goes_on(command: list[str], out: Path, alone: Path) -> None:
    again = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert again.returncode == 0, again.stderr
    assert_same_lists(out, alone)


def test_ctrl_c_reaches_them_and_the_same_command_goes_on(files: tuple[Path, Path], rules: Path, alone: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    running = start(command := command_of(files, rules, out))
    wait_for(running, out / "households" / "part-00001.parquet")
    pids = children(running.pid)
    os.killpg(running.pid, signal.SIGINT)  # as a terminal does: everybody hears it
    _, said = running.communicate(timeout=60)
    assert running.returncode == 130 and "the same command goes on" in said and "Traceback" not in said, said
    assert len(pids) == 2 and gone(pids)
    assert not half_written(out)
    goes_on(command, out, alone)


def test_they_end_with_whoever_started_them(files: tuple[Path, Path], rules: Path, alone: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    running = start(command := command_of(files, rules, out))
    wait_for(running, out / "households" / "part-00001.parquet")
    pids = children(running.pid)
    running.kill()
    running.communicate(timeout=60)
    assert len(pids) == 2 and gone(pids), "processes went on for nobody"
    goes_on(command, out, alone)
    assert not half_written(out)


def test_they_end_also_where_they_have_hardly_begun(files: tuple[Path, Path], rules: Path, tmp_path: Path) -> None:
    running = start(command_of(files, rules, tmp_path / "out"))
    limit = time.monotonic() + 120
    while not (pids := children(running.pid)):
        assert running.poll() is None and time.monotonic() < limit
    running.kill()
    running.communicate(timeout=60)
    assert gone(pids), "a process waits for what nobody hands over"


WAITS = """
import time
from multiprocessing import get_context
from engine.sweep.workers import _begin
context = get_context("spawn")
(heard, told), handed = context.Pipe(duplex=False), context.Queue()
child = context.Process(target=_begin, args=(handed, heard, "100MiB"))
child.start()
print(child.pid, flush=True)
time.sleep(600)
"""


def test_one_to_whom_nothing_is_handed_ends_with_whoever_started_it() -> None:
    running = subprocess.Popen([sys.executable, "-c", WAITS], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert running.stdout is not None
    pid, limit = int(running.stdout.readline()), time.monotonic() + 120
    while b"duckdb" not in Path(f"/proc/{pid}/maps").read_bytes():  # until it has imported what it needs
        assert time.monotonic() < limit
        time.sleep(0.05)
    time.sleep(1)  # and waits
    running.kill()
    running.communicate(timeout=60)
    assert gone([pid]), "it waits for what nobody hands over"


def test_one_that_is_killed_is_told_of(files: tuple[Path, Path], rules: Path, alone: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    running = start(command := command_of(files, rules, out))
    wait_for(running, out / "households" / "part-00001.parquet")
    os.kill(children(running.pid)[0], signal.SIGKILL)
    _, said = running.communicate(timeout=60)
    assert running.returncode == 2 and "want of memory" in said and "Traceback" not in said, said
    goes_on(command, out, alone)


def test_what_one_raises_is_raised_here(program: Program, files: tuple[Path, Path], tmp_path: Path) -> None:
    """Its folder for a kind of part is a file: nothing can be written there."""
    one = Sweep(program.rulebook, job(files, tmp_path / "out", 2))

    def spoil(step: object) -> None:
        gaps = tmp_path / "out" / "gap"
        if gaps.is_dir() and not list(gaps.iterdir()):
            gaps.rmdir()
            gaps.write_text("")

    one.tell = spoil
    with pytest.raises(OSError, match="gap"):
        one.run()
    one.close()


def test_a_stop_from_another_thread_ends_them(program: Program, files: tuple[Path, Path], alone: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    one = Sweep(program.rulebook, job(files, out, 2))
    one.tell = lambda step: one.stop() if step.done == 1 else None
    with pytest.raises(Stopped):
        one.run()
    one.close()
    found = manifests.read(out)
    assert found is not None and len(found.done) >= 1 and not found.finished and not half_written(out)
    swept(program, job(files, out, 2))
    assert_same(out, alone)


def test_nobody_reads_the_rules_of_whoever_started_them() -> None:
    """They are handed over as they were read: what a file says meanwhile changes nothing."""
    rulebook = every_operator.world().rulebook
    assert pickle.loads(pickle.dumps(rulebook)) == rulebook


def test_many_may_write_the_same_file_at_once(tmp_path: Path) -> None:
    """Two processes come to the same plan at once, and each writes down its SQL."""
    path, text = tmp_path / "plan.sql", "SELECT 1\n" * 1000
    with ThreadPoolExecutor(8) as pool:
        for written in [pool.submit(manifests.replace_text, path, text) for _ in range(200)]:
            written.result()
    assert path.read_text() == text and not half_written(tmp_path)
