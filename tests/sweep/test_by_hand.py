"""What the sweep is measured against comes to the same sums as the sweep and the evaluator."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bench import city_tables, sweep_by_hand
from bench.peers.jiuzhu import ON, program25
from bench.sweep import _sums
from tests.sweep import city

HOUSEHOLDS = 1500
NEEDS = {"polars": ("polars",), "numpy": ("numpy", "pyarrow"), "openfisca": ("openfisca_core", "pyarrow"), "evaluator": ()}


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, dict[str, list[int]]]]:
    folder = tmp_path_factory.mktemp("six")
    program = program25()
    tables = city_tables.write(program.rulebook, HOUSEHOLDS, folder, shapes=city_tables.SHAPES25)
    city.sweep(program, *tables, folder / "out", on=ON, only=frozenset(sweep_by_hand.SIX))
    yield folder, _sums(folder / "out")


@pytest.mark.parametrize("name", NEEDS)
def test_by_hand_comes_to_the_same(name: str, swept: tuple[Path, dict[str, list[int]]]) -> None:
    for module in NEEDS[name]:
        pytest.importorskip(module, reason=f"NOT RUN: {module} is not installed (pip install 'jiuzhu[bench]')")
    folder, right = swept
    found = sweep_by_hand.NAMES[name](folder)
    assert {policy: sums for policy, sums in found.items() if not policy.startswith("=")} == right
    assert all(many for many, _ in right.values()), "somebody is eligible for each"
