"""`jiuzhu sweep` as a process of its own, over a small rulebook and a city of any size."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import duckdb

from tests.sweep import every_operator

ROOT = Path(__file__).parent.parent.parent
CALL = "from engine.commands.sweep import sweep; sweep.main(prog_name='jiuzhu sweep')"


def rules_in(folder: Path) -> Path:
    """The small rulebook as files."""
    for path, text in every_operator.files().items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    return folder


def city_of(folder: Path, households: int, group: int = 20_480) -> tuple[Path, Path]:
    """Many households of the small rulebook, as Parquet."""
    columns = (
        "(h % 5)::INTEGER AS \"order\", ((h % 600) / 100.0)::DECIMAL(9,2) AS rent, ((h % 800 - 400) / 100.0)::DECIMAL(9,2) AS debt, "
        "['red','green','blue'][1 + h % 3] AS place, DATE '2020-01-01' + (h % 2000)::INTEGER AS moved, h % 2 = 0 AS owns"
    )
    person = (
        "h % 7 > 0 OR m = 0 AS counts, DATE '1950-01-01' + (h * 7 % 25000)::INTEGER AS born, ((h * 3 % 500) / 100.0)::DECIMAL(9,2) AS wage, "
        "((h % 600 - 300) / 100.0)::DECIMAL(9,2) AS change, ((h % 10000) / 10000.0)::DECIMAL(9,4) AS share, "
        "(1 + (h % 20) / 10.0)::DECIMAL(9,1) AS rooms, ['red','green','blue'][1 + (h + m) % 3] AS colour, h % 3 = 0 AS well"
    )
    id = "'h' || lpad(h::VARCHAR, 8, '0') AS household_id"
    duckdb.sql(f"COPY (SELECT {id}, {columns} FROM range({households}) t(h)) TO '{folder}/h.parquet' (ROW_GROUP_SIZE {group})")
    duckdb.sql(
        f"COPY (SELECT {id}, 'm' || m AS id, {person} FROM range({households}) t(h), range(3) u(m)) TO '{folder}/p.parquet' (ROW_GROUP_SIZE {group})"
    )
    return folder / "h.parquet", folder / "p.parquet"


def words(files: tuple[Path, Path], out: Path, rules: Path, *more: str) -> list[str]:
    fixed = ["--households", str(files[0]), "--persons", str(files[1]), "--on", str(every_operator.ON), "--out", str(out), "--rules", str(rules)]
    return [sys.executable, "-c", CALL, *fixed, "--threads", "1", "--lang", "en", *more]


def start(command: list[str]) -> subprocess.Popen[str]:
    """In a group of its own, and with an ear for Ctrl-C: also where the tests run in the background, under nohup."""
    heard = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    return subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True, preexec_fn=heard, start_new_session=True)


def wait_for(running: subprocess.Popen[str], file: Path) -> None:
    """Until a process has written a file."""
    limit = time.monotonic() + 120
    while not file.exists():
        assert running.poll() is None and time.monotonic() < limit, running.communicate()[1]
        time.sleep(0.02)
