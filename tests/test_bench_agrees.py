"""What Jiuzhu is measured beside must give the same answers, or the times compare nothing."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from random import Random
from typing import Any

import pytest

from bench.catalogue import LIST, family_of_four, nothing_open, read_plain, with_gaps
from bench.peers import Answers, Facts, NotInstalled, Peer
from bench.peers.closures import Closures, compiled
from bench.peers.closures import answers_of as closure_answers
from bench.peers.closures import rows as closure_rows
from bench.peers.flat import Flat
from bench.peers.generated import Generated, flat
from bench.peers.households import household
from bench.peers.jiuzhu import Jiuzhu, JiuzhuFromFacts, answers_of, program25
from bench.peers.terms import graph
from engine.decide import Decision, Program, compile_rulebook, decide
from engine.decide.evidence import evidence
from engine.decide.examples import check_examples
from engine.decide.program import narrowed
from engine.decide.record import canonical
from engine.decide.run import run
from engine.language.checks import expressions_of, parameters_read
from engine.language.household import read_household
from tests import shipped

ROOT = Path(__file__).parents[1]
SPEC = read_plain(LIST)


@pytest.fixture(scope="module")
def program() -> Program:
    return program25()


@pytest.fixture(scope="module")
def households() -> list[Facts]:
    random = Random(SPEC["seed"])
    return [household(random) for _ in range(SPEC["households"])]


@pytest.fixture(scope="module")
def expected(program: Program, households: list[Facts]) -> list[Answers]:
    peer = Jiuzhu(program)
    return [peer.answers(peer.decide(peer.prepare(facts)), facts) for facts in households]


def disagreements(peer: Peer, households: list[Facts], expected: list[Answers]) -> Iterator[str]:
    for number, (facts, wanted) in enumerate(zip(households, expected, strict=True)):
        found = peer.answers(peer.decide(peer.prepare(facts)), facts)
        for key in wanted.keys() | found.keys():
            if wanted.get(key) != found.get(key):
                yield f"household {number}, {key}: Jiuzhu {wanted.get(key)}, {peer.name} {found.get(key)}"


def assert_agrees(peer: Peer, households: list[Facts], expected: list[Answers]) -> None:
    wrong = list(disagreements(peer, households, expected))
    assert not wrong, f"{len(wrong)} disagreements, first: {wrong[:5]}"


def test_the_rules_are_those_of_the_list(program: Program) -> None:
    levels = {name: program.rulebook.level(name) for name in program.rulebook.ids()}
    assert {name: rule["for"] for name, rule in SPEC["rules"].items()} == levels
    assert len(levels) == 25
    assert SPEC["on"] == date(2025, 8, 1)


def test_the_rules_keep_their_examples(program: Program) -> None:
    # statuses and borders need not all be shown here: these rules are measured, not published
    shown = {"boundary-not-shown", "no-example-with-status"}
    assert [p.text("en") for p in check_examples(program) if p.code not in shown] == []


def test_the_households_meet_both_sides_of_every_rule(program: Program, expected: list[Answers]) -> None:
    met = {name: set() for name in program.rulebook.ids()}  # type: dict[str, set[bool]]
    for answers in expected:
        for (name, _), (eligible, _) in answers.items():
            met[name].add(eligible)
    assert {name for name, seen in met.items() if seen != {True, False}} == set()


def test_every_household_is_settled(program: Program, households: list[Facts], expected: list[Answers]) -> None:
    member = sum(program.rulebook.level(name) == "member" for name in program.rulebook.ids())
    for facts, answers in zip(households, expected, strict=True):
        assert len(answers) == 25 - member + member * len(facts["members"])


def test_the_flat_function_agrees(households: list[Facts], expected: list[Answers]) -> None:
    assert_agrees(Flat(), households, expected)


def test_reading_first_changes_nothing(program: Program, households: list[Facts], expected: list[Answers]) -> None:
    assert_agrees(JiuzhuFromFacts(program), households, expected)


@pytest.mark.parametrize("bounds", [False, True])
def test_the_closures_agree(program: Program, households: list[Facts], expected: list[Answers], bounds: bool) -> None:
    assert_agrees(Closures(program, bounds), households, expected)


def test_the_generated_function_agrees(program: Program, households: list[Facts], expected: list[Answers]) -> None:
    assert_agrees(Generated(program), households, expected)


def _peers(module: str, package: str) -> Any:
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"NOT RUN: {package} is not installed; pip install '.[bench]'")
    return importlib.import_module(f"bench.peers.{module}")


def test_zen_engine_agrees(program: Program, households: list[Facts], expected: list[Answers]) -> None:
    assert_agrees(_peers("zen", "zen").Zen(program), households, expected)


def test_cel_in_rust_agrees(program: Program, households: list[Facts], expected: list[Answers]) -> None:
    assert_agrees(_peers("cel", "cel").CelRust(program), households, expected)


def test_cel_in_python_agrees(program: Program, households: list[Facts], expected: list[Answers]) -> None:
    assert_agrees(_peers("cel", "celpy").CelPython(program), households, expected)


def test_openfisca_agrees(program: Program, households: list[Facts], expected: list[Answers]) -> None:
    assert_agrees(_peers("openfisca", "openfisca_core").OpenFisca(program), households, expected)


def test_openfisca_agrees_in_one_batch(program: Program, households: list[Facts], expected: list[Answers]) -> None:
    peer = _peers("openfisca", "openfisca_core").OpenFiscaBatch(program)
    assert peer.answers_of_many(peer.decide(peer.prepare_many(households)), households) == expected


def test_a_library_that_is_not_there_is_named(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    import builtins

    real = builtins.__import__

    def without(name: str, *args: Any, **more: Any) -> Any:
        if name.split(".")[0] in ("zen", "cel", "celpy", "openfisca_core", "numpy"):
            raise ImportError(name)
        return real(name, *args, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    from bench.peers import cel, openfisca, zen

    for make in (zen.Zen, cel.CelRust, cel.CelPython, openfisca.OpenFisca):
        with pytest.raises(NotInstalled) as found:
            make(program)
        assert str(found.value) == make.packages[0]


# -- the real catalogue --


@pytest.fixture(scope="module")
def catalogue() -> Program:
    return shipped.program()


@pytest.mark.parametrize("form", ["closures, no bounds", "closures, with bounds", "flat"])
def test_what_runs_the_catalogue_beside_the_engine_agrees(catalogue: Program, form: str) -> None:
    """On the family that is measured and, where unknown facts are no obstacle, on every fifth example of the rules."""
    on = date(2025, 8, 1)
    edition = catalogue.edition(on)
    bounds = form == "closures, with bounds"
    made = graph(catalogue, edition, bounds)
    run = flat(made)[0] if form == "flat" else compiled(made)
    measured = read_household(nothing_open(family_of_four(), catalogue.vocabulary), catalogue.vocabulary)
    others = [given for _, _, given in shipped.examples()[::5]] if bounds else []
    for given in [measured, *others]:
        wanted = answers_of(decide(catalogue, given, on))
        found = closure_answers(catalogue, run(*closure_rows(catalogue, edition, given)), bounds, given)
        assert {key: found.get(key) for key in wanted} == wanted
        if bounds:
            assert found.keys() == wanted.keys()


def test_what_is_kept_for_speed_changes_no_record(catalogue: Program) -> None:
    """Tables, figures and caveats are kept between decisions: a fresh program and one in use write the same bytes."""
    on = date(2025, 8, 1)
    facts = nothing_open(family_of_four(), catalogue.vocabulary)
    fresh = compile_rulebook(catalogue.rulebook)
    for given in (facts, with_gaps(facts), facts):
        used, new = (decide(p, read_household(given, p.vocabulary), on) for p in (catalogue, fresh))
        assert canonical(used) == canonical(new)


def test_a_decision_of_few_policies_names_only_their_figures(catalogue: Program) -> None:
    on = date(2025, 8, 1)
    given = read_household(family_of_four(), catalogue.vocabulary)
    whole = catalogue.edition(on)
    few = narrowed(whole, {"minimum_living_allowance"})
    for edition in (few, whole, few):
        figures = evidence(Decision(catalogue, edition, given, run(catalogue, edition, given)))["figures"]
        read = (parameters_read(catalogue.rulebook, expressions_of(each.policy)) for each in edition.order)
        assert list(figures) == sorted({name for names in read for name in names})
