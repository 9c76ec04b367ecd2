"""`jiuzhu sweep` as people use it: the lists it leaves, the SQL it prints, Ctrl-C, memory."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

import duckdb
import pytest
from click.testing import CliRunner

from engine.commands.sweep import sweep
from engine.decide import compile_rulebook
from engine.sweep import manifest as manifests
from engine.sweep.columns import State
from engine.sweep.compile import compile_sweep
from engine.sweep.plans import written
from tests import shipped
from tests.sweep import every_operator
from tests.sweep.command_line import CALL, ROOT, city_of, rules_in, start, wait_for, words
from tests.sweep.side_by_side import write_tables


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    return rules_in(tmp_path / "rulebook")


@pytest.fixture
def tables(tmp_path: Path) -> tuple[Path, Path]:
    program = compile_rulebook(every_operator.world().rulebook)
    return write_tables(every_operator.households(40, 20, seed=3), program.rulebook, tmp_path)


def run(*words: object) -> tuple[int, str]:
    result = CliRunner().invoke(sweep, [str(word) for word in words])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


def test_a_sweep_and_one_household_of_it(rules: Path, tables: tuple[Path, Path], tmp_path: Path) -> None:
    out = tmp_path / "out"
    words = ("--households", tables[0], "--persons", tables[1], "--on", every_operator.ON, "--out", out, "--rules", rules)
    code, said = run(*words, "--lang", "en")
    assert code == 0, said
    assert "decided" in said and "set aside" in said and "street" not in said
    for name in ("summary.csv", "gap.parquet", "missing.csv", "rejects.csv"):
        assert (out / name).is_file()
    code, said = run(*words, "--json")
    told = json.loads(said)
    assert code == 0 and told["households"] + told["households_set_aside"] == told["households_read"] == 40
    (decided,) = duckdb.sql(f"SELECT min(household_id) FROM read_parquet('{out}/households/*.parquet')").fetchone() or ("",)
    code, said = run("explain", out, decided, "--rules", rules, "--lang", "en")
    assert code == 0 and "eligible" in said
    (aside,) = duckdb.sql(f"SELECT min(household_id) FROM read_csv('{out}/rejects.csv')").fetchone() or ("",)
    code, said = run("explain", out, aside, "--rules", rules, "--lang", "en")
    assert code == 1 and "set aside" in said
    code, said = run("explain", out, "nobody", "--rules", rules, "--lang", "en")
    assert code == 2 and "no household 'nobody'" in said


def test_a_household_that_was_set_aside_is_explained_as_such(
    rules: Path, tables: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the evaluator could read it: one of its rows is there twice. From CSV beside Parquet, and from
    another folder than the one the sweep was started in."""
    text = tables[0].read_text(encoding="utf-8").splitlines()
    with tables[0].open("a", encoding="utf-8", newline="") as file:
        file.write(text[1] + "\r\n")
    twice, other = (line.split(",")[0] for line in text[1:3])
    duckdb.sql(f"COPY (FROM read_csv('{tables[1]}', all_varchar=true)) TO '{tmp_path}/persons.parquet'")
    monkeypatch.chdir(tmp_path)
    words = ("--households", tables[0].name, "--persons", "persons.parquet", "--on", every_operator.ON, "--out", "out", "--rules", rules)
    code, said = run(*words, "--lang", "en")
    assert code == 0, said
    monkeypatch.chdir(ROOT)
    code, said = run("explain", tmp_path / "out", twice, "--rules", rules, "--lang", "en")
    assert code == 1 and "households:1 household_id: another household has the same household_id" in said
    code, said = run("explain", tmp_path / "out", other, "--rules", rules, "--lang", "en")
    assert code in (0, 1) and "have changed" not in said and ("decided for" in said or "set aside" in said)
    os.utime(tables[0], (1, 1))
    assert "the tables have changed since the sweep" in run("explain", tmp_path / "out", other, "--rules", rules, "--lang", "en")[1]


def test_since_says_what_it_kept_and_why_not(rules: Path, tables: tuple[Path, Path], tmp_path: Path) -> None:
    words = ("--households", tables[0], "--persons", tables[1], "--rules", rules, "--lang", "en")
    assert run(*words, "--on", every_operator.ON, "--out", tmp_path / "one")[0] == 0
    code, said = run(*words, "--on", every_operator.ON, "--out", tmp_path / "two", "--since", tmp_path / "one")
    assert code == 0 and "had not changed and keep their answers" in said and "newly entitled: 0, no longer: 0" in said
    code, said = run(*words, "--on", "2026-01-15", "--out", tmp_path / "three", "--since", tmp_path / "one")
    assert code == 0 and "everything was decided anew: the day differ" in said
    code, said = run(*words, "--on", "2026-01-15", "--out", tmp_path / "four", "--since", tmp_path)
    assert code == 2 and "there is no finished sweep in this folder" in said


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ((), "missing --households, --persons, --on, --out"),
        (("--households", "none.parquet", "--persons", "none.csv", "--on", "2025-07-01", "--out", "x"), "none.parquet: no such file"),
        (("--policy", "bse"), "did you mean 'base'"),
        (("--jurisdiction", "nowhere"), "no jurisdiction is called 'nowhere'"),
    ],
)
def test_wrong_use_says_the_way_out(rules: Path, words: tuple[str, ...], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    code, said = run(*words, "--rules", rules, "--lang", "en")
    assert code == 2 and says in said, said
    assert not (tmp_path / "x" / manifests.NAME).exists()


def test_a_rule_no_table_engine_can_run_is_named(rules: Path) -> None:
    path = rules / "rules/policies/0_base.yaml"
    text = path.read_text(encoding="utf-8").replace("sum_members(line if well else wage, where=counted)", "sum_members(wage / max(1, order if well else size), where=counted)")
    path.write_text(text, encoding="utf-8")
    code, said = run("--print-sql", "--on", every_operator.ON, "--rules", rules, "--lang", "en")
    assert code == 1 and "0_base.yaml:10" in said and "round_to first" in said, said


# ------------------------------------------------------------------------------------------------------------ SQL

# No null rules, no bits, no dates, no division but on what is not below zero: what engines do not agree on.
NEVER = ("bool_or", "bool_and", "greatest(", "least(", "date_diff(", "date_part(", "datediff", " / ", " & ", " | ", "<<", " is null", "double", "decimal", "float", "try_cast")


@pytest.mark.parametrize("state", [State.KNOWN, State.GAPS])
def test_a_statement_is_spelled_for_every_engine_from_the_same_tree(state: State) -> None:
    """SQLGlot may rewrite a tree for one dialect; it finds nothing to rewrite in ours, and so works without a copy."""
    made = every_operator.world().rulebook
    states = {fact.name: state for fact in made.facts.values()}
    states |= {f"receiving:{level}": state for level in ("household", "member")}
    compiled = compile_sweep(made, every_operator.ON, states)
    statements = written(compiled, conditions=True, everyone=True).statements
    assert len(statements) > 5
    for one in statements:
        tree, copies = repr(one.query), {dialect: one.query.sql(dialect, pretty=True) for dialect in ("duckdb", "spark")}
        assert {dialect: one.sql(dialect) for dialect in copies} == copies and repr(one.query) == tree, one.name


@pytest.mark.parametrize("gaps", [False, True], ids=["no gaps", "gaps everywhere"])
def test_the_sql_keeps_to_what_every_engine_agrees_on(gaps: bool) -> None:
    code, said = run("--print-sql", "--on", "2025-08-01", "--rules", ROOT, *(["--gaps"] if gaps else []))
    assert code == 0
    import re

    bare = re.sub(r"/\*.*?\*/|--[^\n]*", "", said.lower(), flags=re.DOTALL)
    assert [word for word in NEVER if word in bare] == []
    for needed in ("create or replace temp view household_0", "household_1 as", "-- household_answers", "-- member_answers"):
        assert needed in said.lower()
    rulebook = shipped.rulebook()
    policy = rulebook.versions("minimum_living_allowance")[-1]
    assert f"{policy.title.zh} {policy.at.file}:{policy.at.line}" in said
    assert "minimum_living_allowance__status" in said and "/* dibao_standard */" in said
    assert ("coalesce(" in bare) == gaps
    assert bare.count("coalesce(") == len(re.findall(r"coalesce\([a-z_0-9]+, (?:\(-)?[0-9a-z]+\)?\)", bare)), "null is filled at the scan alone"


def test_the_printed_script_runs_as_it_stands(tmp_path: Path, rules: Path) -> None:
    """An auditor with the checked tables can run it."""
    code, said = run("--print-sql", "--on", every_operator.ON, "--rules", rules, "--gaps")
    assert code == 0
    connection = duckdb.connect()
    from engine.language.types import Base
    from engine.sweep.columns import Columns

    made = every_operator.world().rulebook
    for level in ("household", "member"):
        columns = ["1::BIGINT AS hno", "'x' AS household_id", "NULL::VARCHAR AS place", "NULL::VARCHAR AS receiving"]
        columns += ["1::BIGINT AS mno", "'a' AS id"] if level == "member" else []
        for column in Columns.of(made).all():
            if column.level == level:
                truth = column.part not in ("", "least", "most") or made.facts[column.fact].type.base is Base.YES_NO
                columns.append(f'NULL::{"BOOLEAN" if truth else "BIGINT"} AS "{column.name}"')
        connection.execute(f"CREATE TABLE {level} AS SELECT {', '.join(columns)}")
    for statement in connection.extract_statements(said):
        connection.execute(statement)


# ------------------------------------------------------------------------------------------- stopping, memory


def test_ctrl_c_leaves_whole_chunks_and_the_same_command_goes_on(rules: Path, tmp_path: Path) -> None:
    files, out = city_of(tmp_path, 60_000), tmp_path / "out"
    command = words(files, out, rules, "--chunk", "20000")
    running = start(command)
    wait_for(running, out / "households" / "part-00001.parquet")
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=60)
    assert running.returncode == 130 and "the same command goes on" in said, said
    assert not list(out.rglob("*.part"))
    found = manifests.read(out)
    assert found is not None and 1 <= len(found.done) < 3 and not found.finished
    again = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert again.returncode == 0, again.stderr
    found = manifests.read(out)
    assert found is not None and found.finished and found.counts().households_read == 60_000


# What a process says of itself when it ends: the most it held at once, in MB.
RESIDENT = """
import atexit, resource, sys
atexit.register(lambda: sys.stderr.write(f"PEAK {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024}"))
"""
# Counted by what is asked for, not by what the system's allocator keeps: the same on every machine.
ASKED_FOR = """
import atexit, sys, tracemalloc
tracemalloc.start()
atexit.register(lambda: sys.stderr.write(f"PEAK {tracemalloc.get_traced_memory()[1] >> 20}"))
"""


def peaks_of(counted: str, how: list[tuple[str, ...]], households: int, rules: Path, folder: Path) -> list[int]:
    """The most memory, in MB, that a sweep of these households takes in each of these ways, to the same sums."""
    files, sums, peaks = city_of(folder, households), [], []
    for number, more in enumerate(how):
        out = folder / str(number)
        command = words(files, out, rules, *more)
        command[2] = counted + CALL
        found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=900, env={**os.environ})
        assert found.returncode == 0, found.stderr
        peaks.append(int(found.stderr.split("PEAK ")[1]))
        sums.append((out / "summary.csv").read_bytes())
    assert len(set(sums)) == 1
    return peaks


@pytest.mark.slow
def test_memory_stays_within_its_limit_by_spilling(rules: Path, tmp_path: Path) -> None:
    """All in one chunk, worked out in DuckDB: what does not fit the limit goes to disk, and the answers are the same."""
    how = [("--engine", "duckdb", "--memory-limit", limit, "--chunk", "1000000") for limit in ("250MB", "8GB")]
    low, high = peaks_of(RESIDENT, how, 500_000, rules, tmp_path)
    # the limit holds for what DuckDB manages; its threads, Python, sqlglot and the libraries come on top
    assert low < 1000 and low < 0.9 * high, (low, high)


@pytest.mark.slow
def test_memory_of_the_arrays_is_that_of_a_chunk(rules: Path, tmp_path: Path) -> None:
    """Arrays stand outside the limit; how many people there are to a chunk bounds them."""
    how = [("--memory-limit", "250MB", "--chunk", chunk) for chunk in ("25000", "300000")]
    small, large = peaks_of(ASKED_FOR, how, 300_000, rules, tmp_path)
    assert small < 0.4 * large < 250, (small, large)
