"""Who is entitled and does not receive (应享未享): chunk by chunk in codes, and at the end one sorted list in words.

    conditional      the answer rests on policies not granted yet: `apply_first`, those of them that are in the gap too
    instead_of       what is drawn already and may not be drawn beside it: such a row counts in no total
    household_least, household_most   what all rows of the household that may stand together are worth in twelve months

A part (`engine/sweep/gap_part.py`) carries a policy as its place in the order of ids and `apply_first` as sums of 2^i,
because a city has several rows a household: text is made once, for the rows as they are written at the end. Nothing
here decides anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb

from engine.language.model import ExclusionGroup, Policy
from engine.language.rulebook import policies_asked
from engine.sweep.compile import Compiled
from engine.sweep.outputs import resting_on_grants
from engine.sweep.reading import text
from engine.sweep.reports import PARQUET, parquet, written

BITS = 62  # policies to one mask
TYPES = ("gap_policy", "gap_title", "gap_first", "gap_place")


@dataclass(frozen=True, slots=True)
class Listing:
    """What the lists of one sweep have in common: the policies by their code, and what may be granted first."""

    policies: tuple[Policy, ...]  # in the order of their ids, which is the order of their codes
    titles: tuple[str, ...]
    conditional: frozenset[str]  # those whose answer can rest on a grant
    grants: tuple[str, ...]  # what an answer can rest on, in the order of their ids: each has a bit
    asked: Mapping[str, frozenset[str]]  # policy -> the grants its answer can rest on
    groups: tuple[ExclusionGroup, ...]

    @staticmethod
    def of(compiled: Compiled) -> Listing:
        policies = tuple(sorted((answer.policy for answer in compiled.answers), key=lambda p: p.id))
        asked = _reached({p.id: policies_asked(p) for p in policies})
        return Listing(
            policies,
            tuple(p.title_on(compiled.on).zh for p in policies),
            resting_on_grants(compiled),
            tuple(sorted({p.id for p in policies} & {grant for every in asked.values() for grant in every})),
            asked,
            tuple(g for g in compiled.rulebook.exclusions if any(p.id in g.policies for p in policies)),
        )

    @property
    def words(self) -> range:
        """The masks it takes for all grants."""
        return range(-(-len(self.grants) // BITS))

    @property
    def tied(self) -> frozenset[str]:
        """The policies that exclude another one."""
        return frozenset(p.id for p in self.policies if any(p.id in group.policies for group in self.groups))

    def mask(self, grants: Iterable[str], word: int) -> int:
        """The sum of 2^i over grants, of those that are in a mask."""
        places = (self.grants.index(grant) for grant in grants if grant in self.grants)
        return sum(1 << place % BITS for place in places if place // BITS == word)


def _reached(asks: Mapping[str, Iterable[str]]) -> dict[str, frozenset[str]]:
    """All that the answer of each policy can rest on, whether it asks for it or what it asks does."""
    found: dict[str, frozenset[str]] = {}
    for policy in asks:
        seen: set[str] = set()
        todo = list(asks[policy])
        while todo:
            each = todo.pop()
            if each not in seen:
                seen.add(each)
                todo += asks.get(each, ())
        found[policy] = frozenset(seen)
    return found


# ------------------------------------------------------------------------------------------------------ at the end


def finish(connection: duckdb.DuckDBPyConnection, compiled: Compiled, out: Path) -> None:
    """gap.parquet from the parts: in words, what is worth most to a household first.

    Each part is in this order already, so that sorting takes a third of the time.
    """
    if not compiled.answers:
        return
    listing, parts = Listing.of(compiled), parquet(out / "gap" / "part-*.parquet")
    run = connection.execute
    masks = [f"first_{n}" for n in listing.words]
    shown = [
        f"CASE WHEN first_{place // BITS} & {1 << place % BITS} <> 0 THEN {text(grant)} END"
        for place, grant in enumerate(listing.grants)
    ]
    words = f"array_to_string([{', '.join(shown)}], ';')" if shown else "''"
    keys = ", ".join(masks) or "0 AS none"
    run(
        f"CREATE OR REPLACE TEMP TABLE gap_masks AS SELECT *, nullif({words}, '') AS words FROM "
        f"(SELECT DISTINCT {keys} FROM {parts})"
    )
    for kind in TYPES:
        run(f"DROP TYPE IF EXISTS {kind}")
    run(f"CREATE TYPE gap_policy AS ENUM ({', '.join(text(p.id) for p in listing.policies)})")
    run(f"CREATE TYPE gap_title AS ENUM ({', '.join(map(text, dict.fromkeys(listing.titles)))})")
    run("CREATE TYPE gap_first AS ENUM (SELECT DISTINCT coalesce(words, '') FROM gap_masks)")
    run(f"CREATE TYPE gap_place AS ENUM (SELECT DISTINCT coalesce(place, '') FROM {parts})")
    ids = f"CAST([{', '.join(text(p.id) for p in listing.policies)}] AS gap_policy[])"
    titles = f"CAST([{', '.join(map(text, listing.titles))}] AS gap_title[])"
    met = " AND ".join(f"p.{mask} = m.{mask}" for mask in masks) or "TRUE"
    rows = (
        "SELECT household_id, id, place::gap_place AS place, policy, conditional, words::gap_first AS apply_first, "
        "instead_of, not_known, worth_least, worth_most, household_least, household_most "
        f"FROM {parts} p JOIN gap_masks m ON {met}"
    )
    query = (
        f"SELECT household_id, id, place, {ids}[policy + 1] AS policy, {titles}[policy + 1] AS title, conditional, "
        "apply_first, instead_of, CAST(CASE WHEN not_known THEN 'unknown' ELSE 'no' END AS VARCHAR) AS receiving, "
        f"worth_least, worth_most, household_least, household_most FROM ({rows}) "
        "ORDER BY household_least DESC NULLS LAST, household_most DESC NULLS LAST, household_id, worth_least DESC, "
        "policy, id"
    )
    written(connection, query, out / "gap.parquet", PARQUET)
    run("DROP TABLE gap_masks")
    for kind in TYPES:
        run(f"DROP TYPE {kind}")
