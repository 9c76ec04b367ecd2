"""The same on Spark: every policy's examples, and a whole sweep. One session for all of it; needs pyspark and Java 17."""

from __future__ import annotations

import os
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from engine.decide import Program, compile_rulebook
from engine.language.household import Household
from engine.sweep.duck import Duck
from engine.sweep.engines import Engine
from tests import shipped
from tests.loops import Did, size
from tests.sweep import city, every_operator
from tests.sweep.side_by_side import Compared, compare, first
from tests.sweep.test_since import after_a_day, same

pytestmark = pytest.mark.slow
EVERY = size("JIUZHU_SPARK_EVERY")
TOGETHER = 10  # policies to one sweep: Spark takes longer over a long plan than over its rows
EngineOf = Callable[[duckdb.DuckDBPyConnection], Engine]


def without(what: str) -> None:
    """Say loudly that Spark was not tried; on a build machine that is a failure, unless a reason is given."""
    reason = os.environ.get("JIUZHU_NO_SPARK")
    if os.environ.get("CI") == "true" and not reason:
        pytest.fail(f"{what}, so that Spark was NOT tried; install it, or give the reason in JIUZHU_NO_SPARK")
    pytest.skip(f"NOT RUN: {what}" + (f" ({reason})" if reason else ""))


@pytest.fixture(scope="module")
def spark() -> Iterator[Any]:
    if shutil.which("java") is None and not os.environ.get("JAVA_HOME"):
        without("there is no Java (Debian: openjdk-17-jre-headless)")
    try:
        from engine.sweep.spark import session

        found = session("local[1]")
    except ImportError:
        without("pyspark is not installed (pip install 'jiuzhu[spark]')")
    yield found
    found.stop()


@pytest.fixture
def engine_of(spark: Any, tmp_path: Path) -> EngineOf:
    from engine.sweep.spark import Spark

    (tmp_path / "spark").mkdir()
    return lambda connection: Spark(connection, tmp_path / "spark", spark)


def test_what_does_not_fit_is_an_error_and_not_another_number(spark: Any) -> None:
    with pytest.raises(Exception, match="ARITHMETIC_OVERFLOW"):
        spark.sql("SELECT a + a AS twice FROM VALUES (9223372036854775807L) AS t(a)").collect()


def test_every_operator_comes_to_the_same(engine_of: EngineOf, tmp_path: Path) -> None:
    program = compile_rulebook(every_operator.world().rulebook)
    found = compare(program, every_operator.households(80, 20, seed=3), every_operator.ON, tmp_path, engine_of=engine_of)
    assert not found.differences, first(found.differences)
    assert found.cells > 1000


def test_the_examples_of_every_policy_come_to_the_same_on_duckdb_and_on_spark(
    engine_of: EngineOf, tmp_path: Path, did: Did
) -> None:
    """Each policy on the day that most of its examples are of. Spark takes seconds to plan each: on the build machine
    every JIUZHU_SPARK_EVERYth policy, all of them in the soak."""
    program = shipped.program()
    names = program.rulebook.ids()[::EVERY]
    compared, policies = on_both(program, engine_of, tmp_path, frozenset(names))
    assert not compared.differences, first(compared.differences)
    assert policies == set(names)
    did("JIUZHU_SPARK_EVERY", policies=len(policies), cells=compared.cells)


def on_both(
    program: Program, engine_of: EngineOf, folder: Path, wanted: frozenset[str]
) -> tuple[Compared, set[str]]:
    days: dict[str, dict[date, list[Household]]] = defaultdict(lambda: defaultdict(list))
    homes = {}
    for policy, example, household in shipped.examples():
        if policy.id not in wanted:
            continue
        days[policy.id][example.on].append(household)
        home = program.rulebook.jurisdictions[policy.jurisdiction]
        homes[policy.id] = None if home.in_force else frozenset({policy.jurisdiction})
    by_day: dict[Any, list[str]] = defaultdict(list)
    for policy_id, found in days.items():
        by_day[max(found, key=lambda day: len(found[day])), homes[policy_id]].append(policy_id)
    compared, seen = Compared(), set[str]()
    for (on, places), names in by_day.items():
        for at in range(0, len(names), TOGETHER):
            here = names[at : at + TOGETHER]
            households = [household for name in here for household in days[name][on]]
            for engine in (Duck, engine_of):
                compared = compared + compare(program, households, on, folder, places, only=frozenset(here), engine_of=engine)
            seen |= set(here)
    return compared, seen


def test_a_sweep_on_spark_leaves_what_one_on_duckdb_leaves(spark: Any, tmp_path: Path) -> None:
    program = compile_rulebook(every_operator.world().rulebook)
    files = city.tables(every_operator.households(60, 20, seed=5), program, tmp_path)
    on_spark = {"engine": "spark", "master": "local[1]"}
    city.sweep(program, *files, tmp_path / "duck")
    city.sweep(program, *files, tmp_path / "spark", **on_spark)
    same(tmp_path / "duck", tmp_path / "spark")
    later, _ = after_a_day(files, tmp_path)
    city.sweep(program, *later, tmp_path / "duck_next", since=tmp_path / "duck")
    one = city.sweep(program, *later, tmp_path / "spark_next", since=tmp_path / "spark", **on_spark)
    assert one.manifest.about["since"]["kept"] > 20
    same(tmp_path / "duck_next", tmp_path / "spark_next")
