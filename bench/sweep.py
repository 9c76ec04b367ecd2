"""`python -m bench sweep`: a city under the whole catalogue, and six rules beside what one would write by hand.

Every subject runs by itself over the same Parquet files: CPU seconds (user and system) of it and its processes, wall
time, peak memory. The rate of unknown values stands beside every time. Results go to bench/sweep.json with `--write`.

Two cities: the synthetic Shanghai of `jiuzhu population make`; and one in which every fact is drawn by itself, so that
far more people are entitled to far more, which is the harder one to sweep.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from bench import city_tables, timing
from bench.peers.jiuzhu import ON as ON25
from bench.peers.jiuzhu import RULES, program25
from bench.sweep_by_hand import SIX
from engine.language.rulebook import load
from engine.population.make import City
from engine.population.marginals import read

ROOT = Path(__file__).parents[1]
ON = date(2025, 8, 1)
HANDFUL = ("labour_income", "savings", "disability_grade", "owns_car")  # columns with gaps where only some have them
RATES: dict[str, tuple[float, tuple[str, ...] | None]] = {
    "0": (0.0, None),
    "0.1 in 4 columns": (0.1, HANDFUL),
    "0.1": (0.1, None),
}
PAGE = os.sysconf("SC_PAGE_SIZE")
SEED = 1  # of the synthetic Shanghai
JIUZHU = "from engine.cli import main; main()"


def resident(pid: int) -> int:
    """The memory of a process and those it started, in KiB; what they share counts once. 0 where the system is silent."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="utf-8").split()[1])
        started = [child for task in Path(f"/proc/{pid}/task").iterdir() for child in (task / "children").read_text().split()]
        own = [Path(f"/proc/{child}/statm").read_text(encoding="utf-8").split()[1:3] for child in started]
    except OSError:
        return 0
    return (pages + sum(int(all_) - int(with_others) for all_, with_others in own)) * PAGE // 1024


def child(words: list[str]) -> dict[str, Any]:
    """Run a process; what it cost, and what it printed."""
    began = time.perf_counter()
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        running = subprocess.Popen([sys.executable, *words], cwd=ROOT, stdout=out, stderr=err)
        done, peak = 0, 0
        while not done:  # the peak is watched: what wait4 tells of it holds this process's own too
            peak = max(peak, resident(running.pid))
            time.sleep(0.1)  # to look costs a millisecond, which the measured ones have not
            done, status, usage = os.wait4(running.pid, os.WNOHANG)
        running.returncode = os.waitstatus_to_exitcode(status)
        wall = time.perf_counter() - began
        out.seek(0)
        err.seek(0)
        if status:
            return {"failed": err.read().decode(errors="replace").strip().splitlines()[-1:]}
        return {
            "cpu_s": round(usage.ru_utime + usage.ru_stime, 2),
            "wall_s": round(wall, 2),
            "peak_mb": peak // 1024,
            "said": json.loads(out.read()),
        }


def sweep(folder: Path, out: Path, rules: Path, on: date, more: list[str]) -> dict[str, Any]:
    shutil.rmtree(out, ignore_errors=True)
    households, persons = city_tables.tables(folder)
    files = ["--households", households, "--persons", persons]
    words = ["-c", JIUZHU, "sweep", *files, "--on", str(on), "--out", str(out), "--rules", str(rules), "--json", *more]
    return child(words)


def bandwidth(folder: Path) -> tuple[int, float]:
    """Bytes of the two tables, and the seconds to read them once more: as fast as this machine hands them over."""
    many, best = 0, float("inf")
    for _ in range(3):
        began, many = time.perf_counter(), 0
        for path in folder.rglob("*.parquet"):
            with path.open("rb", buffering=0) as file:
                while part := file.read(1 << 23):
                    many += len(part)
        best = min(best, time.perf_counter() - began)
    return many, best


DRAWN = 1_000_000  # households that are drawn one by one; a larger city is a million again and again, under other numbers


def city(folder: Path, households: int, make: Callable[[int, Path], Any]) -> Path:
    """The folder of a city that is there already, is made, or is a smaller one over and over. Whole or not at all."""
    named = folder.with_name(folder.name.replace("{}", str(households)))
    if not named.exists():
        half = named.with_name(named.name + ".part")
        shutil.rmtree(half, ignore_errors=True)
        if households > DRAWN and households % DRAWN == 0:
            city_tables.repeat(city(folder, DRAWN, make), households // DRAWN, half)
        else:
            make(households, half)
        half.rename(named)
    return named


def shanghai(data: Path, households: int, rate: str) -> Path:
    """The synthetic Shanghai; it is made as large as it is asked for."""
    unknown, gaps = RATES[rate]
    folder = data / f"shanghai-{households}-{rate.replace(' ', '_')}"
    if not folder.exists():
        half = folder.with_name(folder.name + ".part")
        shutil.rmtree(half, ignore_errors=True)
        if gaps:
            city_tables.with_gaps(shanghai(data, households, "0"), gaps, unknown, half)
        else:
            City(read(), households, SEED, Decimal(str(unknown)), half).make(lambda done: None)
        half.rename(folder)
    return folder


def drawn(data: Path, households: int, rate: str) -> Path:
    """The city in which every fact is drawn by itself."""
    unknown, gaps = RATES[rate]

    def make(many: int, into: Path) -> None:
        city_tables.write(load(ROOT), many, into, unknown, gaps)

    return city(data / f"city-{{}}-{rate.replace(' ', '_')}", households, make)


CITIES: dict[str, Callable[[Path, int, str], Path]] = {"shanghai": shanghai, "drawn": drawn}


def whole_catalogue(data: Path, name: str, households: int, rates: list[str], more: list[str]) -> Iterator[dict[str, Any]]:
    """The sweep of a city with every policy in force: a row for each rate of unknown values."""
    for rate in rates:
        folder = CITIES[name](data, households, rate)
        many, seconds = bandwidth(folder)
        row = {"subject": "jiuzhu sweep, whole catalogue", "city": name, "households": households, "unknown": rate}
        row |= sweep(folder, data / "out", ROOT, ON, more)
        said = row.pop("said", {})
        row |= {"decided": said.get("households"), "persons": said.get("persons")}
        row |= {"floor_read_s": round(seconds, 3), "floor_bytes": many}
        row["floor_decode_cpu_s"] = child(["-m", "bench.sweep_by_hand", "decode", str(folder)]).get("cpu_s")
        yield _per_household(row)


def six_rules(data: Path, households: int, more: list[str]) -> Iterator[dict[str, Any]]:
    """Six rules, everything known: the sweep beside Polars, NumPy, OpenFisca and the evaluator. All must agree."""

    def make(many: int, into: Path) -> None:
        city_tables.write(program25().rulebook, many, into, shapes=city_tables.SHAPES25)

    folder = city(data / "six-{}", households, make)
    only = [word for name in SIX for word in ("--policy", name)]
    right: dict[str, Any] | None = None
    for name in ("sweep", "polars", "numpy", "openfisca", "evaluator"):
        row = {"subject": name, "city": "drawn", "households": households, "unknown": "0"}
        if name == "sweep":
            row |= sweep(folder, data / "out", RULES, ON25, [*only, *more])
            row["said"] = right = _sums(data / "out") if "failed" not in row else {}
        else:
            row |= child(["-m", "bench.sweep_by_hand", name, str(folder)])
        said = row.pop("said", {})
        if name == "evaluator":
            row["evaluator_cpu_us_per_household"] = (said.get("=cpu_us_per_household") or [None])[0]
        elif "failed" not in row:
            row["agrees"] = said == right
        yield _per_household(row) if name != "evaluator" else row


def _sums(out: Path) -> dict[str, list[int]]:
    import duckdb

    found = {}
    for name in SIX:
        folder = "households" if name in SIX[:3] else "persons"
        rows = f"'{out}/{folder}/part-*.parquet'"
        there = [r[0] for r in duckdb.sql(f"DESCRIBE FROM {rows}").fetchall()]
        fen = " + ".join(f'"{c}"' for c in there if c.startswith(f"{name}__") and c.endswith("__least")) or "0"
        (many, sum_) = duckdb.sql(f"SELECT count(*), coalesce(sum({fen}), 0) FROM {rows} WHERE {name}__status = 2").fetchone() or (0, 0)
        found[name] = [int(many), int(sum_)]
    return found


def _per_household(row: dict[str, Any]) -> dict[str, Any]:
    if "cpu_s" in row:
        row["cpu_us_per_household"] = round(row["cpu_s"] / row["households"] * 1e6, 1)
    return row


ALIKE = ("subject", "city", "unknown")


def growth(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What each further household costs, between two sizes of the same subject: start-up and planning left out."""
    found = []
    for after in rows:
        if after["subject"] == "evaluator":  # decides the same two thousand, however many there are
            continue
        before = [r for r in rows if all(r[k] == after[k] for k in ALIKE) and r["households"] < after["households"] and "cpu_s" in r]
        if before and "cpu_s" in after:
            last = max(before, key=lambda r: r["households"])
            more = after["households"] - last["households"]
            found.append({
                **{key: after[key] for key in ALIKE}, "from": last["households"], "to": after["households"],
                "cpu_us_per_further_household": round((after["cpu_s"] - last["cpu_s"]) / more * 1e6, 1),
                "wall_ratio": round(after["wall_s"] / last["wall_s"], 2),
            })
    return found


COLUMNS = {
    "subject": "subject",
    "city": "city",
    "households": "households",
    "unknown": "unknown",
    "cpu_s": "CPU s",
    "wall_s": "wall s",
    "peak_mb": "peak MB",
    "cpu_us_per_household": "CPU µs/household",
    "evaluator_cpu_us_per_household": "of which deciding",
    "agrees": "same sums",
    "floor_decode_cpu_s": "floor: decode, CPU s",
    "floor_read_s": "floor: read, s",
}


def show(rows: list[dict[str, Any]], grown: list[dict[str, Any]]) -> None:
    """Both tables as Markdown, and what failed."""
    for found, columns in ((rows, COLUMNS), (grown, {name: name for row in grown[:1] for name in row})):
        if found:
            print("\n| " + " | ".join(columns.values()) + " |\n|" + "---|" * len(columns))
            for row in found:
                print("| " + " | ".join(str(row.get(name, "")) for name in columns) + " |")
    for row in rows:
        if "failed" in row:
            print(f"\n{row['subject']} did not run: {' '.join(row['failed'])}")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench sweep", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--households", default="100000,200000", help="sizes, joined by commas (1000000,10000000)")
    parser.add_argument("--six", default="", help="sizes for the six rules beside the peers; default: the same as --households")
    parser.add_argument("--unknown", default="0;0.1 in 4 columns;0.1", help=f"rates, joined by ; ({'; '.join(RATES)})")
    parser.add_argument("--cities", default="shanghai,drawn", help=f"joined by commas ({', '.join(CITIES)})")
    parser.add_argument("--memory-limit", default="2GB", help="of the sweep: a process for each 900 MiB of it, and each core")
    parser.add_argument("--data", type=Path, help="where the tables are made and kept; default: a folder that is removed")
    parser.add_argument("--write", action="store_true", help="write bench/sweep.json")
    given = parser.parse_args()
    sizes = [int(n) for n in given.households.split(",") if n]
    six = [int(n) for n in given.six.split(",") if n] or sizes
    more = ["--memory-limit", given.memory_limit]
    kept = given.data is not None
    data = given.data or Path(tempfile.mkdtemp(prefix="jiuzhu-bench-"))
    data.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, Any]] = []

    def note(row: dict[str, Any]) -> None:
        """Kept at once: what was measured is not lost where a later subject is stopped."""
        rows.append(row)
        print(json.dumps(row, ensure_ascii=False), flush=True)
        if given.write:
            said = {"machine": timing.machine(), "load_at_the_end": round(os.getloadavg()[0], 1), "rows": rows, "growth": growth(rows)}
            (ROOT / "bench" / "sweep.json").write_text(json.dumps(said, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")

    try:
        for name in given.cities.split(","):
            for households in sizes:
                for row in whole_catalogue(data, name, households, given.unknown.split(";"), more):
                    note(row)
        for households in six:
            for row in six_rules(data, households, more):
                note(row)
    finally:
        shutil.rmtree(data / "out", ignore_errors=True)
        if not kept:
            shutil.rmtree(data, ignore_errors=True)
    show(rows, growth(rows))


if __name__ == "__main__":
    main()
