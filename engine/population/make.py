"""A synthetic city written as Parquet, part by part.

    out/households/part-00001.parquet   one row a household
    out/persons/part-00001.parquet      one row a person
    out/population.json                 how it was made
    out/README.md                       that nobody in it exists

Every value hangs on the seed and on the number of the household alone: a part is the same whatever else is made.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import duckdb

from engine import __version__
from engine.population import households, persons
from engine.population.draws import MACROS, Draws
from engine.population.marginals import FILE, Marginals

PART = 250_000  # households in a file
MOST = 100_000_000  # household numbers have nine digits, a person's key eight times that fits 32 bits
SYNTHETIC = "synthetic: every household and person in this file is invented / 合成数据：本文件中的家庭和人员均为虚构"

README = """# 合成城市 / a synthetic city

本文件夹中的家庭和人员**全部是虚构的**，由 `jiuzhu population make` 按公布的分布随机生成，不对应任何真实的人。只用于试用和测速，不得当作统计数据。

Every household and person in this folder is **invented**: drawn at random by `jiuzhu population make` from published marginals.
None stands for anybody real. For trying things out and for measuring speed; it is not statistics.

{lines}

```
jiuzhu sweep --households {out}/households --persons {out}/persons --on {on} --out {out}/swept
```
"""


@dataclass(frozen=True, slots=True)
class Made:
    """What was written."""

    households: int
    persons: int
    bytes: int


class Stopped(Exception):
    """The work was asked to stop; what was written is gone again."""


class City:
    """One city to be made. `stop` may be called from another thread; `make` then raises Stopped."""

    def __init__(self, marginals: Marginals, many: int, seed: int, missing: Decimal, out: Path, memory: str = "1GB"):
        self.marginals, self.many, self.seed, self.missing, self.out = marginals, many, seed, missing, out
        self.connection = duckdb.connect(":memory:")
        for setting, value in (("memory_limit", memory), ("temp_directory", str(out / ".spill"))):
            self.connection.execute(f"SET {setting} = '{value.replace(chr(39), chr(39) * 2)}'")
        self.connection.execute(MACROS)
        self.stopped = False

    def stop(self) -> None:
        self.stopped = True
        self.connection.interrupt()

    def make(self, tell: Callable[[int], None] = lambda done: None) -> Made:
        """Write all parts; `tell` hears how many households are done. Raises Stopped, leaving nothing behind."""
        folders = [self.out / "households", self.out / "persons"]
        for folder in folders:
            folder.mkdir(parents=True, exist_ok=True)
        people = 0
        try:
            for number, low in enumerate(range(0, self.many, PART), 1):
                high = min(self.many, low + PART)
                people += self.part(low, high, *(folder / f"part-{number:05d}.parquet" for folder in folders))
                tell(high)
                if self.stopped:
                    raise Stopped
        except (Stopped, duckdb.InterruptException, KeyboardInterrupt):
            for folder in folders:
                for file in folder.glob("part-*.parquet*"):
                    file.unlink()
                folder.rmdir()
            raise Stopped from None
        finally:
            self.connection.close()
        size = sum(file.stat().st_size for folder in folders for file in folder.iterdir())
        made = Made(self.many, people, size)
        self.describe(made)
        return made

    def part(self, low: int, high: int, households_to: Path, persons_to: Path) -> int:
        """The households numbered from low up to high; returns how many people they hold."""
        run = self.connection.execute
        run(f"CREATE OR REPLACE TEMP TABLE first AS {households.first(self.marginals, self.seed, low, high)}")
        made = persons.persons(self.marginals, self.seed, "SELECT * FROM first")
        kept = ", ".join(["n", "k", "key", "id", "receiving", *persons.FACTS, *persons.BESIDE])
        run(f"CREATE OR REPLACE TEMP TABLE person AS SELECT {kept} FROM ({made.sql})")
        self.copy("person", f"{ID}, id", persons.FACTS, "person", persons_to)
        last = households.last(self.marginals, self.seed, "SELECT * FROM first", "SELECT * FROM person")
        self.copy("household", ID, households.FACTS, f"({last.sql} ORDER BY n)", households_to)
        found = run("SELECT count(*) FROM person").fetchone()
        run("DROP TABLE first")
        run("DROP TABLE person")
        assert found is not None
        return int(found[0])

    def copy(self, level: str, ids: str, facts: list[str], relation: str, to: Path) -> None:
        """One table of a part as a file, whole or not at all; each fact left out for the share that is missing."""
        draws = Draws(self.seed)
        columns = [self.known(draws, level, fact) for fact in [*facts, "receiving"]]
        rolls = "".join(f", {sql} AS {name}" for name, sql in draws.taken().items())
        half = to.with_name(to.name + ".part")
        run = self.connection.execute
        run(
            f"COPY (SELECT {ids}, {', '.join(columns)} FROM (SELECT *{rolls} FROM {relation})) "
            f"TO '{str(half).replace(chr(39), chr(39) * 2)}' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 122880, "
            f"KV_METADATA {{synthetic: '{SYNTHETIC}', seed: '{self.seed}', missing: '{self.missing}'}})"
        )
        half.replace(to)

    def known(self, draws: Draws, level: str, fact: str) -> str:
        if not self.missing:
            return fact
        return f"CASE WHEN NOT {draws.chance(f'missing {level} {fact}', self.missing)} THEN {fact} END AS {fact}"

    def describe(self, made: Made) -> None:
        """The README and the machine's account beside the files."""
        reference = self.marginals["reference"].isoformat()
        told = {
            "synthetic": SYNTHETIC,
            "households": made.households,
            "persons": made.persons,
            "seed": self.seed,
            "missing": str(self.missing),
            "reference": reference,
            "marginals": hashlib.sha256(FILE.read_bytes()).hexdigest(),
            "engine": __version__,
        }
        (self.out / "population.json").write_text(
            json.dumps(told, ensure_ascii=False, indent=2) + "\n", encoding="utf-8"
        )
        lines = "\n".join(f"* {name}: {value}" for name, value in told.items() if name != "synthetic")
        text = README.format(lines=lines, out=self.out.name or ".", on=reference)
        (self.out / "README.md").write_text(text, encoding="utf-8")


ID = "'syn' || lpad(n::VARCHAR, 9, '0') AS household_id"
