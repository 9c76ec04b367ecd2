"""What is read, what is set aside and why, in chunks of any size, from CSV or Parquet; and what is made of the answers."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest

from engine.decide import Program, compile_rulebook, decide
from engine.language.household import Household, HouseholdError
from engine.language.rulebook import policies_asked
from engine.sweep import gap, gap_part
from engine.sweep import manifest as manifests
from engine.sweep.arrays import Arrays
from engine.sweep.mapping import mapped
from engine.sweep.run import Job, OtherSweep, Stopped, Sweep, look_up
from engine.sweep.source import SourceError
from tests.sweep import city, every_operator
from tests.sweep.side_by_side import compare, evaluate, first

ON = every_operator.ON


@pytest.fixture(scope="module")
def program() -> Program:
    return compile_rulebook(every_operator.world().rulebook)


@pytest.fixture(scope="module")
def some() -> list[Household]:
    return every_operator.households(60, 20, seed=5)


@pytest.fixture
def plain(program: Program, some: list[Household], tmp_path: Path) -> tuple[Path, Path]:
    return city.tables(some, program, tmp_path)


def answers(out: Path) -> list[dict[str, Any]]:
    return city.read(out, "households") + city.read(out, "persons")


# ------------------------------------------------------------------------------------------------------- rejects


def complete(program: Program, folder: Path) -> tuple[city.Rows, city.Rows]:
    """Forty households of which everything is known and nothing is refused."""
    found = [h for h in every_operator.households(200, 0, seed=9) if evaluate(program, h, ON, "") is not None][:40]
    paths = city.tables(found, program, folder)
    return city.rows(paths[0]), city.rows(paths[1])


FAULTS: list[tuple[str, dict[str, str], str, str]] = [
    # (table, cells that are changed, column, reason)
    ("households", {"rent": "abc"}, "rent", "wrong-kind"),
    ("households", {"rent": "1e3"}, "rent", "wrong-kind"),
    ("households", {"rent": " 1.00"}, "rent", "wrong-kind"),
    ("households", {"rent": "1.005"}, "rent", "too-precise"),
    ("households", {"rent": "6.01"}, "rent", "outside-limits"),
    ("households", {"debt": "-4.01"}, "debt", "outside-limits"),
    ("households", {"order": "2.5"}, "order", "too-precise"),
    ("households", {"order": "-1"}, "order", "outside-limits"),
    ("households", {"place": "purple"}, "place", "not-a-choice"),
    ("households", {"place": "Red"}, "place", "not-a-choice"),
    ("households", {"moved": "2025-02-30"}, "moved", "wrong-kind"),
    ("households", {"moved": "2025/02/03"}, "moved", "wrong-kind"),
    ("households", {"moved": "1799-12-31"}, "moved", "outside-limits"),
    ("households", {"owns": "yes"}, "owns", "wrong-kind"),
    ("households", {"street": "长" * 201}, "street", "text-too-long"),
    ("households", {"receiving": "base;nothing"}, "receiving", "no-such-policy"),
    ("households", {"receiving": "personal"}, "receiving", "policy-of-other-level"),
    ("households", {"rent": "", "rent__lowest": "3.00", "rent__highest": "2.00"}, "rent__lowest", "ends-swapped"),
    ("households", {"rent__lowest": "1.00"}, "rent", "value-and-range"),
    ("persons", {"colours": "red;purple"}, "colours", "not-a-choice"),
    ("persons", {"colours": "red,green"}, "colours", "not-a-choice"),
    ("persons", {"receiving": "base"}, "receiving", "policy-of-other-level"),
    ("persons", {"id": ""}, "id", "member-without-id"),
    ("persons", {"id": "张三"}, "id", "member-without-id"),
    ("persons", {"household_id": "nowhere"}, "household_id", "person-without-household"),
    ("persons", {"household_id": ""}, "household_id", "person-without-household"),
    ("persons", {"share": "1.0001"}, "share", "outside-limits"),
    ("persons", {"share": "0.00005"}, "share", "too-precise"),
]


def test_every_fault_is_told_and_every_row_accounted_for(program: Program, tmp_path: Path) -> None:
    wholes, persons = complete(program, tmp_path)
    wanted: set[tuple[str, int, str, str]] = set()
    out_of_doubt = {row["household_id"] for row in wholes}

    def line(rows: city.Rows, row: dict[str, str]) -> int:
        return next(n for n, each in enumerate(rows, 1) if each is row)

    for n, (table, cells, column, reason) in enumerate(FAULTS):
        rows = wholes if table == "households" else persons
        here = wholes[n]["household_id"]
        row = next(r for r in rows if r["household_id"] == here)
        row.update(cells)
        # a person whose household nobody knows leaves a household of which nobody knows that a row is missing
        if cells.keys() != {"household_id"} or not any(r["household_id"] == here for r in persons):
            out_of_doubt -= {here}
        wanted.add((table, line(rows, row), column, reason))
    alone = next(n for n, f in enumerate(FAULTS) if f[1].get("household_id") == "nowhere")
    for n in (alone, alone + 1):
        here = wholes[n]["household_id"]
        if not any(r["household_id"] == here for r in persons):
            wanted.add(("households", n + 1, "", "no-members"))

    def after(n: int) -> dict[str, str]:
        out_of_doubt.discard(wholes[n]["household_id"])
        return wholes[n]

    at = len(FAULTS)
    twice = dict(after(at))
    wholes.append(twice)  # a doubled household: neither is decided
    wanted |= {("households", at + 1, "household_id", "household-id-twice"), ("households", len(wholes), "household_id", "household-id-twice")}
    again = dict(next(r for r in persons if r["household_id"] == after(at + 1)["household_id"]))
    persons.append(again)  # a doubled person
    wanted |= {
        ("persons", n, "id", "member-id-twice")
        for n, r in enumerate(persons, 1)
        if (r["household_id"], r["id"]) == (again["household_id"], again["id"])
    }
    wholes.append({"household_id": "empty"})
    wanted.add(("households", len(wholes), "", "no-members"))
    wholes.append({"household_id": "many"})
    wanted.add(("households", len(wholes), "", "too-many-members"))
    persons += [{"household_id": "many", "id": f"m{n}", "counts": "true"} for n in range(61)]
    wholes.append({"household_id": ""})
    wanted.add(("households", len(wholes), "household_id", "household-without-id"))
    nobody = after(at + 2)
    for row in persons:
        if row["household_id"] == nobody["household_id"]:
            row["counts"] = "false"
    wanted.add(("households", at + 3, "size", "nobody-counts"))
    city.write(tmp_path / "households.csv", wholes)
    city.write(tmp_path / "persons.csv", persons)

    one = city.sweep(program, tmp_path / "households.csv", tmp_path / "persons.csv", tmp_path / "out", everyone=True)
    rejects = city.csv_of(tmp_path / "out", "rejects.csv")
    told = {(r["table"], int(r["row"]), r["column"], r["reason"]) for r in rejects if r["reason"] != "with-its-household"}
    assert told == wanted
    counts = one.manifest.counts()
    aside = {(r["table"], r["row"]) for r in rejects}
    assert counts.households_read == len(wholes) and counts.persons_read == len(persons)
    assert counts.households + sum(t == "households" for t, _ in aside) == len(wholes)
    assert counts.persons + sum(t == "persons" for t, _ in aside) == len(persons)
    decided = {r["household_id"] for r in city.read(tmp_path / "out", "households")}
    assert decided == out_of_doubt
    assert {r["household_id"] for r in city.read(tmp_path / "out", "persons")} == decided
    assert all(r["reason_zh"] and r["reason_en"] for r in rejects)


def test_a_line_that_does_not_parse_stops_everything(program: Program, plain: tuple[Path, Path], tmp_path: Path) -> None:
    """Nobody knows whose it is: to go on would be to decide some household without one of its members."""
    with plain[1].open("a", encoding="utf-8") as file:
        file.write("h000001,x\n")
    with pytest.raises(SourceError) as error:
        city.sweep(program, *plain, tmp_path / "out")
    many = len(city.rows(plain[1]))
    assert f"lines {many + 1}" in error.value.reasons[0][0]
    assert not (tmp_path / "out" / manifests.NAME).exists()


def test_columns_that_cannot_be_read_are_all_told_at_once(program: Program, tmp_path: Path) -> None:
    duckdb.sql(f"COPY (SELECT 1 AS hid, 2.5::DOUBLE AS rent, 3 AS place, true AS moved) TO '{tmp_path}/h.parquet'")
    duckdb.sql(f"COPY (SELECT 1 AS household_id, 'a' AS id, [1] AS colours) TO '{tmp_path}/p.parquet'")
    with pytest.raises(SourceError) as error:
        city.sweep(program, tmp_path / "h.parquet", tmp_path / "p.parquet", tmp_path / "out")
    told = "\n".join(en for en, _ in error.value.reasons)
    for said in ("no column 'household_id'", "'rent' is DOUBLE, a binary number", "'place' is INTEGER", "'moved' is BOOLEAN", "'colours' is"):
        assert said in told, told
    assert "persons:" in told and "households:" in told


# ------------------------------------------------------------------------------------------ the same, however read


def test_typed_parquet_comes_to_the_same_as_text(program: Program, plain: tuple[Path, Path], tmp_path: Path) -> None:
    city.sweep(program, *plain, tmp_path / "text", everyone=True)
    lists = "CASE WHEN receiving = '[]' THEN []::VARCHAR[] ELSE string_split(receiving, ';') END AS receiving"
    colours = "CASE WHEN colours = '[]' THEN []::VARCHAR[] ELSE string_split(colours, ';') END AS colours"
    whole = f'* REPLACE ("order"::INTEGER AS "order", rent::DECIMAL(9,2) AS rent, moved::DATE AS moved, owns::BOOLEAN AS owns, {lists})'
    person = f"* REPLACE (wage::DECIMAL(20,4) AS wage, born::DATE AS born, well::BOOLEAN AS well, share::DECIMAL(5,4) AS share, {colours}, {lists})"
    typed = (
        city.as_parquet(plain[0], tmp_path / "h.parquet", types=whole), city.as_parquet(plain[1], tmp_path / "p.parquet", types=person),
    )
    city.sweep(program, *typed, tmp_path / "typed", everyone=True)
    assert answers(tmp_path / "text") == answers(tmp_path / "typed")


@pytest.mark.parametrize("order", ["household_id", "hash(household_id)"], ids=["in order", "in no order"])
def test_chunks_come_to_the_same_as_the_whole(program: Program, plain: tuple[Path, Path], order: str, tmp_path: Path) -> None:
    city.sweep(program, *plain, tmp_path / "whole", everyone=True)
    # many row groups, so that there is something to cut: DuckDB writes at least 2,048 rows to one
    filler = [{"household_id": f"i{n:06d}"} for n in range(7000)]
    persons = [{"household_id": f"i{n:06d}", "id": "a", "counts": "true"} for n in range(7000)]
    city.write(tmp_path / "households.csv", city.rows(plain[0]) + filler)
    city.write(tmp_path / "persons.csv", city.rows(plain[1]) + persons)
    files = (
        city.as_parquet(tmp_path / "households.csv", tmp_path / "h.parquet", order), city.as_parquet(tmp_path / "persons.csv", tmp_path / "p.parquet", order),
    )
    one = city.sweep(program, *files, tmp_path / "parts", everyone=True, chunk=2100)
    assert one.manifest.chunks >= 3
    own = [row for row in answers(tmp_path / "parts") if row["household_id"].startswith("h")]
    assert own == answers(tmp_path / "whole")
    assert one.manifest.counts().households == 7000 + len(city.read(tmp_path / "whole", "households"))
    plans = {each["plan"] for each in one.manifest.done.values()}
    assert {p.stem for p in (tmp_path / "parts" / "sql").glob("*.sql")} == plans
    assert len(plans) > 1 or order != "household_id"  # chunks of fillers alone know other columns: a plan of their own


def test_a_mapping_names_columns_and_values(program: Program, plain: tuple[Path, Path], tmp_path: Path) -> None:
    city.sweep(program, *plain, tmp_path / "named", everyone=True)
    told = {"red": "红", "green": "绿", "blue": "蓝"}
    wholes = [{"户号" if k == "household_id" else k: told.get(v, v) if k == "place" else v for k, v in row.items()} for row in city.rows(plain[0])]
    persons = [
        {{"household_id": "户号", "id": "人员"}.get(k, k): {"true": "1", "false": "0"}.get(v, v) if k == "well" else v for k, v in row.items()}
        for row in city.rows(plain[1])
    ]
    city.write(tmp_path / "h.csv", wholes)
    city.write(tmp_path / "p.csv", persons)
    mapping = mapped({
        "households": {"columns": {"户号": "household_id"}, "values": {"place": {v: k for k, v in told.items()}}},
        "persons": {"columns": {"户号": "household_id", "人员": "id"}, "values": {"well": {1: True, 0: False}}},
    })
    city.sweep(program, tmp_path / "h.csv", tmp_path / "p.csv", tmp_path / "mapped", everyone=True, mapped=mapping)
    assert answers(tmp_path / "mapped") == answers(tmp_path / "named")


def test_only_open_persons_are_listed_unless_everyone_is_wanted(program: Program, plain: tuple[Path, Path], tmp_path: Path) -> None:
    city.sweep(program, *plain, tmp_path / "everyone", everyone=True)
    city.sweep(program, *plain, tmp_path / "some")
    everyone, open_ = city.read(tmp_path / "everyone", "persons"), city.read(tmp_path / "some", "persons")
    statuses = [name for name in everyone[0] if name.endswith("__status")]
    assert open_ == [row for row in everyone if any(row[name] > 0 for name in statuses)]
    assert len(open_) < len(everyone)
    assert city.csv_of(tmp_path / "some", "summary.csv") == city.csv_of(tmp_path / "everyone", "summary.csv")


# ---------------------------------------------------------------------------------------- stopping and going on


def big(program: Program, plain: tuple[Path, Path], folder: Path) -> tuple[Path, Path]:
    """The same households many times over: three chunks of 2,100."""
    wholes, persons = city.rows(plain[0]), city.rows(plain[1])
    many = 110
    wide = [{**row, "household_id": f"{row['household_id']}-{n:03d}"} for row in wholes for n in range(many)]
    more = [{**row, "household_id": f"{row['household_id']}-{n:03d}"} for row in persons for n in range(many)]
    city.write(folder / "wide.csv", wide)
    city.write(folder / "more.csv", more)
    return city.as_parquet(folder / "wide.csv", folder / "wide.parquet"), city.as_parquet(folder / "more.csv", folder / "more.parquet")


def test_a_stopped_sweep_goes_on_where_it_was(program: Program, plain: tuple[Path, Path], tmp_path: Path) -> None:
    files = big(program, plain, tmp_path)
    whole = city.sweep(program, *files, tmp_path / "whole", chunk=2100)
    job = Job(str(files[0]), str(files[1]), ON, tmp_path / "out", threads=1, chunk=2100)
    for at, what in ((1, "answers"), (2, "stages"), (2, "lists")):
        one = Sweep(program.rulebook, job)
        one.tell = lambda step, one=one, at=at, what=what: one.stop() if (step.done, step.what) == (at, what) else None  # type: ignore[misc]
        with pytest.raises(Stopped):
            one.run()
        one.close()
        assert not list((tmp_path / "out").rglob("*.part")), "something half-written was left"
        found = manifests.read(tmp_path / "out")
        assert found is not None and set(found.done) == {str(n) for n in range(1, at + 1)} and not found.finished
        assert {p.name for p in (tmp_path / "out" / "households").iterdir()} == {f"part-{n:05d}.parquet" for n in range(1, at + 1)}
    kept = {p: p.stat().st_mtime_ns for p in (tmp_path / "out" / "households").iterdir()}
    done = city.sweep(program, *files, tmp_path / "out", chunk=2100)
    assert all(p.stat().st_mtime_ns == at for p, at in kept.items()), "a whole chunk was done again"
    assert done.manifest.counts() == whole.manifest.counts() and done.manifest.finished
    assert answers(tmp_path / "out") == answers(tmp_path / "whole")
    for name in ("summary.csv", "missing.csv", "rejects.csv"):
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name
    assert not list((tmp_path / "out" / ".work").glob("*"))


def test_what_fails_halfway_leaves_nothing_half_written(
    program: Program, plain: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: Arrays, script: Any, to: Any) -> None:
        to["household_answers"].write_bytes(b"half")
        raise OSError("the disk is full")

    monkeypatch.setattr(Arrays, "answer", broken)
    with pytest.raises(OSError, match="disk is full"):
        city.sweep(program, *plain, tmp_path / "out")
    assert not list((tmp_path / "out").rglob("*.part")) and not list((tmp_path / "out").rglob("part-*"))


def test_a_folder_holds_one_sweep(program: Program, plain: tuple[Path, Path], tmp_path: Path) -> None:
    city.sweep(program, *plain, tmp_path / "out")
    city.sweep(program, *plain, tmp_path / "out")  # nothing is left to do
    with pytest.raises(OtherSweep) as error:
        city.sweep(program, *plain, tmp_path / "out", everyone=True)
    assert error.value.differs == ("everyone",)
    with plain[0].open("a", encoding="utf-8") as file:
        file.write("\n")
    with pytest.raises(OtherSweep) as error:
        city.sweep(program, *plain, tmp_path / "out")
    assert error.value.differs == ("inputs",)


# ---------------------------------------------------------------------------------------- what is made of answers


def test_any_row_can_be_explained(program: Program, some: list[Household], plain: tuple[Path, Path], tmp_path: Path) -> None:
    """What the evaluator is given for a row is what stood in the tables, and it says what the row says."""
    city.sweep(program, *plain, tmp_path / "out", everyone=True)
    found = manifests.read(tmp_path / "out")
    assert found is not None
    from engine.language.household import read_household

    back = [read_household(look_up(program.rulebook, found, f"h{n:06d}"), program.vocabulary) for n in range(0, len(some), 6)]
    same = [some[n] for n in range(0, len(some), 6)]

    def known(household: Household) -> Any:
        rows = [("", household), *((m.id, m) for m in household.members)]
        return [(id, {name: (k.lo, k.hi) for name, k in row.facts.items()}, row.receiving) for id, row in rows]

    assert [known(h) for h in back] == [known(h) for h in same]
    differences = compare(program, back, ON, tmp_path).differences
    assert not differences, first(differences)
    assert look_up(program.rulebook, found, "nobody") is None


def gap_of(out: Path) -> list[dict[str, Any]]:
    rows = duckdb.sql(f"SELECT * FROM '{out}/gap.parquet'")
    return [dict(zip(rows.columns, row, strict=True)) for row in rows.fetchall()]


def listed(program: Program, some: list[Household], out: Path) -> None:
    """The gap holds who is entitled and does not receive, what it is worth, and what to apply for first."""
    wanted = {}
    for n, household in enumerate(some):
        try:
            decision = decide(program, household, ON)
        except HouseholdError:
            continue
        for answer in decision.answers:
            if answer.status == "eligible" and answer.receives != "yes":
                least, most = (sum(a.yearly[end] for a in answer.amounts) for end in (0, 1))
                wanted[f"h{n:06d}", answer.member, answer.policy.id] = answer.conditional, answer.receives, least, most
    rows = gap_of(out)
    found = {(r["household_id"], r["id"], r["policy"]): (r["conditional"], r["receiving"], r["worth_least"], r["worth_most"]) for r in rows}
    assert found == wanted and any(conditional for conditional, *_ in wanted.values())
    order = [(-(r["household_least"] or 0), -(r["household_most"] or 0)) for r in rows]
    assert order == sorted(order)
    asks = {policy.id: policies_asked(policy) for policy in program.rulebook.policies}
    grants = {grant for each in asks.values() for grant in each}
    first = 0
    for row in rows:
        beside = {policy for home, who, policy in wanted if home == row["household_id"] and (who in ("", row["id"]) or not row["id"])}
        rests: set[str] = set()
        while more := {grant for each in (row["policy"], *rests) for grant in asks[each]} - rests:
            rests |= more
        told = sorted(rests & beside & grants) if row["conditional"] else []
        assert (row["apply_first"] or "") == ";".join(told), row
        first += bool(told)
    assert first


APART = {"base": "other", "other": "base", "linked": "personal", "personal": "linked"}


def kept_apart(some: list[Household], out: Path) -> None:
    """base excludes other; linked excludes personal, member by member. What is drawn already keeps the other out."""
    by_household: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in gap_of(out):
        by_household[row["household_id"]].append(row)
    tied, kept_out = 0, 0
    for n, household in enumerate(some):
        found = by_household.get(f"h{n:06d}", [])
        for row in found:
            drawn = household.receiving if not row["id"] else next(m.receiving for m in household.members if m.id == row["id"])
            keeps_out = APART.get(row["policy"]) in (drawn or ())
            assert (row["instead_of"] == APART[row["policy"]]) if keeps_out else row["instead_of"] is None
            kept_out += keeps_out
        for end in ("least", "most"):
            free = [row for row in found if row["instead_of"] is None]
            worth = {(row["id"], row["policy"]): row[f"worth_{end}"] for row in free}
            total = worth.get(("", "granted"), 0) + max(worth.get(("", "base"), 0), worth.get(("", "other"), 0))
            total += sum(max(worth.get((m.id, "personal"), 0), worth.get((m.id, "linked"), 0)) for m in household.members)
            assert not free or {row[f"household_{end}"] for row in free} == {total}
        tied += len({"base", "other"} & {row["policy"] for row in found}) == 2
    assert tied and kept_out


def test_the_gap_lists_who_is_entitled_and_does_not_receive(program: Program, some: list[Household], plain: tuple[Path, Path], tmp_path: Path) -> None:
    city.sweep(program, *plain, tmp_path / "out")
    listed(program, some, tmp_path / "out")


def test_what_may_not_be_drawn_together_is_never_added_up(some: list[Household], program: Program, plain: tuple[Path, Path], tmp_path: Path) -> None:
    city.sweep(program, *plain, tmp_path / "out")
    kept_apart(some, tmp_path / "out")


def nothing_first(right: Any) -> Any:
    return lambda *given: np.zeros_like(right(*given))


def nobody_else_counts_first(right: Any) -> Any:
    """What another in the household could be granted is left out."""
    return lambda listing, rows, word, households: right(
        listing, replace(rows, home=np.arange(len(rows.home))), word, max(households, len(rows.home))
    )


def nothing_is_drawn_instead(right: Any) -> Any:
    def wrong(*given: Any) -> Any:
        found = right(*given)
        return replace(found, codes=np.full_like(found.codes, -1))

    return wrong


def what_is_kept_out_counts(right: Any) -> Any:
    return lambda listing, rows, free, households: right(listing, rows, np.ones_like(free), households)


def all_are_added_up(right: Any) -> Any:
    return lambda listing, *given: right(replace(listing, groups=()), *given)


def the_most_is_the_least(right: Any) -> Any:
    def wrong(*given: Any) -> Any:
        counted, (least, _) = right(*given)
        return counted, [least, least]

    return wrong


BUGS = {
    "_first": (nothing_first, nobody_else_counts_first),
    "_instead": (nothing_is_drawn_instead,),
    "_totals": (what_is_kept_out_counts, all_are_added_up, the_most_is_the_least),
}


@pytest.mark.parametrize(("name", "bug"), [(name, bug) for name, bugs in BUGS.items() for bug in bugs], ids=lambda given: getattr(given, "__name__", given))
def test_a_bug_in_the_gap_is_caught(
    name: str, bug: Any, program: Program, some: list[Household], plain: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gap_part, name, bug(getattr(gap_part, name)))
    city.sweep(program, *plain, tmp_path / "out")
    with pytest.raises(AssertionError):
        listed(program, some, tmp_path / "out")
        kept_apart(some, tmp_path / "out")


def test_grants_beyond_one_mask_are_told_as_well(
    program: Program, plain: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The list carries what may be granted first as sums of 2^i, so many to a mask; with less room it says the same."""
    found = []
    for bits in (gap.BITS, 1):
        monkeypatch.setattr(gap, "BITS", bits)
        one = city.sweep(program, *plain, tmp_path / str(bits))
        (compiled, _), *_ = one.plans.scripts.values()
        found.append(duckdb.sql(f"SELECT * FROM '{tmp_path}/{bits}/gap.parquet'").fetchall())
    assert len(gap.Listing.of(compiled).words) > 1
    assert found[0] == found[1] and found[0]


def test_the_summary_adds_up(program: Program, some: list[Household], plain: tuple[Path, Path], tmp_path: Path) -> None:
    city.sweep(program, *plain, tmp_path / "out")
    households: Counter[tuple[str, str]] = Counter()
    people: Counter[tuple[str, str]] = Counter()
    money: Counter[tuple[str, str]] = Counter()
    for household in some:
        try:
            decision = decide(program, household, ON)
        except HouseholdError:
            continue
        seen = set()
        for answer in decision.answers:
            key = answer.policy.id, answer.status
            seen.add(key)
            people[key] += 1 if answer.member else len(household.members)
            money[key] += sum(a.least for a in answer.amounts if a.item.per == "month" and not a.item.up_to)
        households.update(seen)
    rows = city.csv_of(tmp_path / "out", "summary.csv")
    levels = {policy: program.rulebook.level(policy) for policy in program.rulebook.ids()}
    assert {(r["policy"], r["status"]): int(r["people"]) for r in rows} == dict(people)
    assert {(r["policy"], r["status"]): int(r["month_least"]) for r in rows} == {key: money[key] for key in people}
    for row in rows:
        if levels[row["policy"]] == "household" or row["status"] != "ineligible":
            assert int(row["households"]) == households[row["policy"], row["status"]]
        else:
            assert row["households"] == ""  # not counted: nobody asks in how many homes somebody is not entitled
