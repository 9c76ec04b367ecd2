"""`python -m bench decide`: how long one household takes, beside what a user would otherwise pick.

1. The real catalogue and a family of four: answers with every trace row, the record, the sentences; beside composed
   closures and one flat generated function for the same rules.
2. The twenty-five rules of `rules25/`: Jiuzhu beside closures, a hand-written function, zen-engine, two CEL bindings
   and OpenFisca. `tests/test_bench_agrees.py` holds that all of them give the same answers.
3. Loading the rulebook, reading a household, writing the canonical record.

Writes `results.md` for people and `decide.json` for machines. No test looks at a time.
"""

from __future__ import annotations

import argparse
import itertools
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

from bench.catalogue import LIST, ROOT, family_of_four, forgetful, nothing_open, others, read_plain, with_gaps
from bench.peers import NotInstalled, Peer
from bench.peers.closures import Closures, compiled, rows
from bench.peers.flat import Flat
from bench.peers.generated import Generated, flat
from bench.peers.households import household
from bench.peers.jiuzhu import ON, Jiuzhu, JiuzhuFromFacts, program25
from bench.peers.terms import Unsupported, graph
from bench.timing import Subject, load_average, machine, measure, versions
from engine.decide import Program, compile_rulebook, decide
from engine.decide.explain import explain
from engine.decide.record import canonical, record
from engine.language.canonical import dumps
from engine.language.household import Household, HouseholdError, read_household
from engine.language.rulebook import load

HERE = Path(__file__).parent
BATCH = 10_000  # households in one OpenFisca simulation
PACKAGES = ("zen-engine", "common-expression-language", "cel-python", "OpenFisca-Core", "numpy", "PyYAML")


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table: what was timed, what it does, and beside which subject its ratio is taken."""

    subject: Subject
    what: str
    how: str
    beside: Subject | None = None


@dataclass(frozen=True, slots=True)
class Aim:
    """A promise and whether this run kept it."""

    says: str
    limit: str
    measured: str
    met: bool


def main() -> None:
    given = _arguments()
    tables, facts = subjects(given.batch)
    every = [row.subject for _, found in tables for row in found]
    before = load_average()
    print(f"{len(every)} subjects, {given.rounds} rounds …", file=sys.stderr)
    measure(every, given.rounds, given.seconds)
    report = {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": machine(),
        "load_before": before,
        "load_after": load_average(),
        "rounds": given.rounds,
        "versions": versions(PACKAGES),
        **facts,
    }
    made = aims({row.subject.key: row.subject for _, found in tables for row in found})
    text = written(report, tables, made)
    print(text)
    if not given.no_write:
        (HERE / "results.md").write_text(text, encoding="utf-8")
        data = {
            **report,
            "subjects": {row.subject.key: row.subject.data() | _ratio(row) for _, found in tables for row in found},
            "aims": [{"says": a.says, "limit": a.limit, "measured": a.measured, "met": a.met} for a in made],
        }
        (HERE / "decide.json").write_text(json.dumps(data, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench decide", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--rounds", type=int, default=40, help="interleaved rounds (default 40)")
    parser.add_argument("--seconds", type=float, default=0.06, help="time for each subject in a round (default 0.06)")
    parser.add_argument("--batch", type=int, default=BATCH, help=f"households in OpenFisca's batch (default {BATCH:,})")
    parser.add_argument("--no-write", action="store_true", help="print only; leave results.md and decide.json alone")
    return parser.parse_args()


def _ratio(row: Row) -> dict[str, Any]:
    ratio = row.subject.ratio(row.beside) if row.beside is not None else None
    return {} if ratio is None or row.beside is None else {"ratio": round(ratio, 3), "beside": row.beside.key}


# -- what is timed --


def subjects(batch: int = BATCH) -> tuple[list[tuple[str, list[Row]]], dict[str, Any]]:
    """The three tables, and what they were made of."""
    program = compile_rulebook(load(ROOT))
    small = program25()
    catalogue, facts = _catalogue(program)
    rules25, missing = _rules25(small, batch)
    found = [
        (
            f"目录中的全部政策，四口之家 / the whole catalogue ({facts['policies']} policies), a family of four",
            catalogue,
        ),
        ("二十五条规则，四口之家 / the twenty-five rules, a family of four", rules25),
        ("载入、读取、记录 / loading, reading, recording", _loading(program)),
    ]
    return found, {**facts, "not_installed": missing}


def _catalogue(program: Program) -> tuple[list[Row], dict[str, Any]]:
    whole = nothing_open(family_of_four(), program.vocabulary)
    given = read_household(whole, program.vocabulary)
    partly = read_household(with_gaps(whole), program.vocabulary)
    edition = program.edition(ON)
    decision = decide(program, given, ON)
    waits = decide(program, partly, ON)
    families = itertools.cycle([each for each in others(whole, program.vocabulary, 100) if _stands(program, each)])
    anew = forgetful(program, ON)
    answer = Subject("catalogue.answer", lambda: anew(given).run)
    found = [
        Row(
            answer,
            "**Jiuzhu: 答案 / answers**",
            "every status and amount at both ends, every trace row kept; nothing remembered of other households",
        ),
        Row(
            Subject("catalogue.answers", lambda: anew(given).answers),
            "Jiuzhu: 附带条件 / with what they rest on",
            "the same as objects, conditional answers found by withholding",
            answer,
        ),
        Row(
            Subject("catalogue.record", lambda: canonical(anew(given))),
            "**Jiuzhu: 完整记录 / full record**",
            "decided and written out in canonical JSON: truths, missing facts, combinations, figures",
            answer,
        ),
        Row(
            Subject("catalogue.sentences", lambda: explain(anew(given), "zh")),
            "**Jiuzhu: 全部中文说明 / all sentences (zh)**",
            "decided and explained: every condition a sentence with observed and required value",
            answer,
        ),
        Row(
            Subject("catalogue.sentences.anew", lambda: explain(decide(program, next(families), ON), "zh")),
            "Jiuzhu: 每次换一家 / each time another family",
            "the same, of a hundred families in turn with other sums and birthdays: little was said before",
            answer,
        ),
        Row(
            Subject("catalogue.answer.remembered", lambda: decide(program, next(families), ON).run),
            "Jiuzhu: 答案，记得前面的家庭 / answers, others remembered",
            "as the service runs: a hundred families in turn, outcomes remembered by what their rules read",
            answer,
        ),
        Row(
            Subject("catalogue.record.remembered", lambda: canonical(decide(program, next(families), ON))),
            "Jiuzhu: 记录成字节，记得前面的家庭 / record to bytes, others remembered",
            "as the service runs: of a hundred families in turn the canonical bytes, pieces of them kept",
            answer,
        ),
    ]
    for bounds in (False, True):
        try:
            run = compiled(graph(program, edition, bounds))
        except Unsupported:
            continue
        name = "with bounds" if bounds else "no bounds"
        found.append(
            Row(
                Subject(f"catalogue.closures.{'bounds' if bounds else 'plain'}", _on_rows(run, program, given)),
                f"closures, {name}",
                "composed closures, answers and amounts only, nothing kept",
                answer,
            )
        )
    try:
        run = flat(graph(program, edition, False))[0]
        found.append(
            Row(
                Subject("catalogue.flat", _on_rows(run, program, given)),
                "flat generated Python",
                "one function made from the same rules, every fact known; nobody wrote this one by hand",
                answer,
            )
        )
    except Unsupported:
        pass
    found.append(
        Row(
            Subject("catalogue.rows", lambda: rows(program, edition, given)),
            "(其中取数 / of it, filling the rows)",
            "what closures, flat function and Jiuzhu all begin with",
            answer,
        )
    )
    for key, what, call in (
        ("answer", "Jiuzhu: 答案，有未知 / answers, facts missing", lambda: anew(partly).run),
        ("record", "Jiuzhu: 完整记录，有未知 / record, facts missing", lambda: canonical(anew(partly))),
        (
            "sentences",
            "Jiuzhu: 说明，有未知 / sentences, facts missing",
            lambda: explain(anew(partly), "zh"),
        ),
    ):
        how = f"the same family, three facts not known: {len(waits.missing)} missing"
        found.append(Row(Subject(f"catalogue.partly.{key}", call), what, how, answer))
    outcomes = sum(1 for each in decision.answers for _ in each.outcomes.all())
    return found, {"policies": len(edition.order), "answers": len(decision.answers), "outcomes": outcomes}


def _stands(program: Program, given: Household) -> bool:
    """Whether a drawn family can be: what its facts lead to keeps within the limits."""
    try:
        decide(program, given, ON)
    except HouseholdError:
        return False
    return True


def _on_rows(run: Callable[..., Any], program: Program, given: Any) -> Callable[[], Any]:
    edition = program.edition(ON)
    return lambda: run(*rows(program, edition, given))


def _rules25(program: Program, batch: int) -> tuple[list[Row], list[str]]:
    random = Random(int(read_plain(LIST)["seed"]))
    facts = household(random, members=4)
    own = Jiuzhu(program)
    here: list[Peer] = [
        own, JiuzhuFromFacts(program), Closures(program, False), Closures(program, True), Generated(program), Flat(),
    ]  # fmt: skip
    found: list[Row] = []
    missing: list[str] = []
    first: Subject | None = None
    for peer in [*here, *_installed(program, missing)]:
        subject = Subject(f"rules25.{peer.name}", _on(peer, peer.prepare(facts)))
        found.append(Row(subject, f"**{peer.name}**" if peer is own else peer.name, peer.how, first))
        first = first or subject
    many = _batch(program, [household(random, members=4) for _ in range(batch)])
    if many is not None:
        how = f"the same for {batch:,} households at once, time for each of them"
        found.append(Row(many, "OpenFisca-Core, arrays, batch", how, first))
    return found, missing


def _on(peer: Peer, prepared: Any) -> Callable[[], Any]:
    return lambda: peer.decide(prepared)


def _installed(program: Program, missing: list[str]) -> Iterator[Peer]:
    from bench.peers import cel, openfisca, zen

    for make in (zen.Zen, cel.CelRust, cel.CelPython, openfisca.OpenFisca, openfisca.OpenFiscaBatch):
        try:
            yield make(program)
        except NotInstalled as error:
            if str(error) not in missing:
                missing.append(str(error))


def _batch(program: Program, households: list[Any]) -> Subject | None:
    from bench.peers.openfisca import OpenFiscaBatch

    try:
        peer = OpenFiscaBatch(program)
    except NotInstalled:
        return None
    prepared = peer.prepare_many(households)
    return Subject("rules25.openfisca.batch", lambda: peer.decide(prepared), per=len(households), every=8)


def _loading(program: Program) -> list[Row]:
    facts = nothing_open(family_of_four(), program.vocabulary)
    given = read_household(facts, program.vocabulary)
    rulebook = program.rulebook
    made = record(decide(program, given, ON))

    def whole() -> None:
        decide(compile_rulebook(load(ROOT)), given, ON).run  # noqa: B018 - worked out, not used

    reading = Subject("loading.read", lambda: load(ROOT), every=8)
    return [
        Row(reading, "读取并校验 / read and check", f"{len(rulebook.files)} files, {len(rulebook.policies)} texts"),
        Row(Subject("loading.compile", lambda: compile_rulebook(rulebook), every=8), "编译 / compile", "to functions"),
        Row(
            Subject("loading.first", whole, every=8),
            "**载入至首个答案 / load to first answer**",
            "read, check, compile, decide the first household",
        ),
        Row(
            Subject("loading.process", _cold, every=20),
            "新进程至首个答案 / new process to first answer",
            "Python's own start and all imports, too",
        ),
        Row(
            Subject("household.read", lambda: read_household(facts, program.vocabulary)),
            "读取家庭 / read the household",
            "every fact of four members checked",
        ),
        Row(
            Subject("record.bytes", lambda: dumps(made)), "记录成字节 / record to bytes", f"{len(dumps(made)):,} bytes"
        ),
        Row(
            Subject("record.whole", lambda: canonical(decide(program, read_household(facts, program.vocabulary), ON))),
            "由事实到记录字节 / facts to canonical bytes",
            "read, decide, record, bytes",
        ),
    ]


def _cold() -> None:
    subprocess.run([sys.executable, "-m", "bench.cold"], check=True, cwd=ROOT)


# -- what is promised --


def aims(found: dict[str, Subject]) -> list[Aim]:
    """The promises of this run's subjects, and whether they were kept."""
    answer = found["catalogue.answer"]
    made = [
        _below("答案及全部轨迹 / answers with every trace row", answer, 300),
        _below("设计所诺 / the design's promise for the same", answer, 500),
        _below("完整记录 / full record, decided and written out", found["catalogue.record"], 1_500),
        _below("全部中文说明 / all sentences, decided and explained", found["catalogue.sentences"], 5_000),
        _below("同上，每次换一家 / the same, each time another family", found["catalogue.sentences.anew"], 5_000),
        _below("载入全部规则 / loading the whole rulebook, to the first answer", found["loading.first"], 500_000),
    ]
    plain = found.get("catalogue.closures.plain")
    ratio = answer.ratio(plain) if plain is not None else None
    if ratio is not None:
        says = "不慢于什么都不留的闭包 / not slower than closures that keep nothing and know every fact"
        made.append(Aim(says, "≤ 1.00 ×", f"{ratio:.2f} ×", ratio <= 1))
    return made


def _below(says: str, subject: Subject, limit: float) -> Aim:
    return Aim(says, f"< {shown(limit)}", shown(subject.median), subject.median < limit)


# -- what people read --


def shown(us: float) -> str:
    """Microseconds as people read them."""
    if us < 1_000:
        return f"{us:.1f} µs" if us < 100 else f"{us:.0f} µs"
    return f"{us / 1_000:.2f} ms" if us < 100_000 else f"{us / 1_000_000:.2f} s"


def written(report: dict[str, Any], tables: list[tuple[str, list[Row]]], made: list[Aim]) -> str:
    """The tables as Markdown."""
    on = report["machine"]
    lines = [
        "# 测量结果 / Measured",
        "",
        "`python -m bench decide` 写出本页，请勿手改。 Written by `python -m bench decide`; do not edit.",
        "",
        f"- {report['date']}; {on['processor']}, {on['cores']} cores, {on['system']}, {on['python']}",
        f"- load average before {_list(report['load_before'])}, after {_list(report['load_after'])}; "
        f"{report['rounds']} interleaved rounds",
        "- " + ", ".join(f"{name} {version}" for name, version in report["versions"].items()),
        f"- the catalogue: {report['policies']} policies in force on {ON}, {report['answers']} answers, "
        f"{report['outcomes']} outcomes of conditions in the trace",
        "",
        "中位数和 p95 取最安静的一轮；倍数在每轮内相比，再取各轮中位数。",
        "Median and p95: the quietest round. Ratio: taken within each round, then the median of the rounds.",
        "",
        "## 目标 / Aims",
        "",
        "| aim | limit | measured | |",
        "|---|---|---|---|",
        *(f"| {a.says} | {a.limit} | {a.measured} | {'达到 met' if a.met else '**未达到 not met**'} |" for a in made),
        "",
        "Not measured here: the answer over HTTP (`< 5 ms` p95), and the sweep of a whole city.",
    ]
    for title, found in tables:
        lines += [
            "",
            f"## {title}",
            "",
            "| | median | p95 | all rounds | ratio | what it does |",
            "|---|---|---|---|---|---|",
        ]
        lines += [_line(row) for row in found]
    if report["not_installed"]:
        lines += [
            "",
            f"Not installed, so not measured: {', '.join(report['not_installed'])} (`pip install '.[bench]'`).",
        ]
    lines += ["", *NOTES]
    return "\n".join(lines) + "\n"


def _line(row: Row) -> str:
    s = row.subject
    ratio = s.ratio(row.beside) if row.beside is not None else None
    times = f"{ratio:.2f} ×" if ratio is not None and ratio < 10 else f"{ratio:.0f} ×" if ratio is not None else ""
    return f"| {row.what} | {shown(s.median)} | {shown(s.p95)} | {shown(s.overall)} | {times} | {row.how} |"


def _list(values: list[float]) -> str:
    return " ".join(f"{value:.2f}" for value in values) or "unknown"


NOTES = (
    "## 如何比较 / What is compared",
    "",
    "- The family is that of `docs/examples/complex.yaml` and a second child; a fact the example leaves out is",
    "  answered with no, none or the least. With facts missing: one member's income and savings and the year's medical costs.",
    "- The twenty-five rules: all engines decide one random family; `tests/test_bench_agrees.py` holds that they",
    "  give the same answers, to the fen, on 200 random complete households. Peers take facts in the form that suits them best;",
    "  making it is not timed.",
    "- **Jiuzhu** is made for both ends of every value and keeps the outcome of every condition with what was observed",
    "  and required. None of the others does: they answer only, and know every fact (closures with bounds excepted).",
    "- **Closures**, **flat generated**: made for this measurement from the same checked rules; figures of the day are",
    "  constants, notes and documents are left out. **Flat Python**: written by hand, on plain dicts.",
    "- **zen-engine**: one JDM graph, four expression nodes, two of them loops over members. **CEL**: one program for",
    "  each rule, which the host runs in order, because CEL has no intermediate results. Both take and give plain",
    "  Python values; part of their time is the crossing between Python and Rust.",
    "- **OpenFisca** is made for populations: one household pays for the whole machinery, so its batch is shown beside",
    "  it. Money is in whole fen there, because its own numbers are 32-bit floats.",
    "- Ratios stand to the first line of each table.",
)


if __name__ == "__main__":
    main()
