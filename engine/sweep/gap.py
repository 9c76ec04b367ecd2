"""Who is entitled and does not receive (应享未享): chunk by chunk in codes, and at the end one sorted list in words.

    conditional      the answer rests on policies not granted yet: `apply_first`, those of them that are in the gap too
    instead_of       what is drawn already and may not be drawn beside it: such a row counts in no total
    household_least, household_most   what all rows of the household that may stand together are worth in twelve months

A part carries a policy as its place in the order of ids and `apply_first` as sums of 2^i, because a city has several
rows a household: text is made once, for the rows as they are written at the end. Plain DuckDB over the answers; nothing
here decides anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb

from engine.language.model import ExclusionGroup, Policy
from engine.language.rulebook import policies_asked
from engine.sweep.compile import Compiled
from engine.sweep.outputs import resting_on_grants
from engine.sweep.reading import name, text
from engine.sweep.reports import PARQUET, Answers, best_choice, draws, parquet, worth, written

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


# ------------------------------------------------------------------------------------------------------- a chunk


def gap(connection: duckdb.DuckDBPyConnection, compiled: Compiled, answers: Mapping[str, Answers], file: Path) -> None:
    """The part of one chunk: one row for each policy a household or person is entitled to and does not surely draw.

    `answers` are its answers, by level.
    """
    if not compiled.answers:
        return
    listing = Listing.of(compiled)
    steps = {
        "gap_free": _arms(connection, listing, answers, tied=False),
        "gap_tied": _arms(connection, listing, answers, tied=True),
        **_instead(listing, answers),
        "gap_totals": _totals(listing),
    }
    # materialised: tables of their own would cost as much again, seventy small parts each
    ctes = ", ".join(f"{step} AS MATERIALIZED ({query})" for step, query in steps.items())
    first = "".join(
        f"CASE WHEN g.conditional THEN (g.beside_{n} | CASE WHEN g.id = '' THEN t.anyone_{n} ELSE t.whole_{n} END) "
        f"& g.asks_{n} ELSE 0 END AS first_{n}, "
        for n in listing.words
    )
    rows = (
        "SELECT *, NULL::VARCHAR AS instead_of FROM gap_free UNION ALL "
        "SELECT g.*, i.instead_of FROM gap_tied g LEFT JOIN gap_instead i USING (household_id, id, policy)"
    )
    query = (
        f"WITH {ctes} "
        f"SELECT g.household_id, g.id, g.place, g.policy, g.conditional, {first}g.instead_of, g.not_known, "
        f"g.worth_least, g.worth_most, t.least AS household_least, t.most AS household_most FROM ({rows}) g "
        "JOIN gap_totals t ON t.household_id = g.household_id"
    )
    connection.execute(f"COPY ({query}) TO {text(str(file))} ({PARQUET})")


def _arms(connection: duckdb.DuckDBPyConnection, listing: Listing, answers: Mapping[str, Answers], tied: bool) -> str:
    """The rows of all policies that exclude another one, or of all that exclude none.

    Who they are is looked up once for all of them: texts take longest to read.
    """
    parts = [_nobody(listing)]
    for level, id in (("household", "''"), ("member", "id")):
        arms = [
            _entitled(connection, listing, code, policy, answers[level])
            for code, policy in enumerate(listing.policies)
            if policy.level == level and (policy.id in listing.tied) is tied
        ]
        if not arms:
            continue
        masks = "".join(
            f", a.beside_{n} & {_not_drawn(listing, n)} AS beside_{n}, asks_{n}, whole_{n}, anyone_{n}"
            for n in listing.words
        )
        who = answers[level].of(["household_id", "place", "receiving", *(["id"] if level == "member" else [])])
        ids = f"[{', '.join(text(p.id) for p in listing.policies)}][a.policy + 1]"
        parts.append(
            f"SELECT household_id, {id} AS id, place, a.policy, conditional, receiving IS NULL AS not_known, "
            f"worth_least, worth_most{masks} FROM ({' UNION ALL '.join(arms)}) a JOIN {who} w USING (n_) "
            f"WHERE CASE WHEN receiving <> '' THEN NOT contains(';' || receiving || ';', ';' || {ids} || ';') "
            "ELSE TRUE END"
        )
    return " UNION ALL ".join(parts)


def _not_drawn(listing: Listing, word: int) -> str:
    """The bits of the grants that are not drawn already."""
    bits = [(listing.mask([p.id], word), draws(p)) for p in listing.policies]
    drawn = " + ".join(f"CASE WHEN {test} THEN {bit} ELSE 0 END" for bit, test in bits if bit) or "0"
    return f"CASE WHEN receiving <> '' THEN ~({drawn})::BIGINT ELSE (-1)::BIGINT END"


def _entitled(connection: duckdb.DuckDBPyConnection, listing: Listing, code: int, policy: Policy, rows: Answers) -> str:
    """Who is eligible for one policy, and for what else that its answer can rest on, as masks."""
    rests = policy.id in listing.conditional
    least, most = worth(policy)
    whole = policy.level == "household"
    masks = []
    for n in listing.words:
        own = listing.mask([policy.id], n)
        beside = [p for p in listing.policies if rests and p.level == policy.level and p.id in listing.asked[policy.id]]
        bits = [(listing.mask([p.id], n), f"{name(p.id + '__status')} = 2") for p in beside]
        sum_ = " + ".join(f"CASE WHEN {test} THEN {bit} ELSE 0 END" for bit, test in bits if bit) or "0"
        masks += [
            f"({sum_})::BIGINT AS beside_{n}",
            f"{listing.mask(listing.asked[policy.id], n)}::BIGINT AS asks_{n}",
            f"{own if whole else 0}::BIGINT AS whole_{n}",
            f"{0 if whole else own}::BIGINT AS anyone_{n}",
        ]
    conditional = name(policy.id + "__conditional") if rests else "FALSE"
    shown = [
        f"n_, {code}::SMALLINT AS policy, {conditional} AS conditional",
        f"{least} AS worth_least, {most} AS worth_most",
        *masks,
    ]
    return f"SELECT {', '.join(shown)} FROM {rows.eligible(connection, f'{policy.id}__status', *shown)}"


def _nobody(listing: Listing) -> str:
    masks = (f"0::BIGINT AS {kind}_{n}" for n in listing.words for kind in ("beside", "asks", "whole", "anyone"))
    columns = [
        "'' AS household_id, '' AS id, '' AS place, 0::SMALLINT AS policy, FALSE AS conditional",
        "FALSE AS not_known, 0::BIGINT AS worth_least, 0::BIGINT AS worth_most",
        *masks,
    ]
    return f"SELECT {', '.join(columns)} WHERE FALSE"


def _instead(listing: Listing, answers: Mapping[str, Answers]) -> dict[str, str]:
    """For the rows of policies that exclude one another: what is drawn already in their place; step by step."""
    drawers = " UNION ALL ".join(
        f"SELECT household_id, {id or text('')} AS id, receiving FROM "
        f"{answers[level].of(['household_id', 'receiving', *filter(None, [id])])} WHERE receiving <> ''"
        for level, id in (("household", ""), ("member", "id"))
    )
    drawn = (
        f"SELECT household_id, id, {text(p.id)} AS policy FROM gap_drawers "
        f"WHERE id {'=' if p.level == 'household' else '<>'} '' AND {draws(p)}"
        for p in listing.policies
        if p.id in listing.tied
    )
    nobody = "SELECT '' AS household_id, '' AS id, '' AS policy WHERE FALSE"
    codes = {policy.id: code for code, policy in enumerate(listing.policies)}
    apart = (
        f"SELECT {codes[policy]}::SMALLINT AS policy, {text(other)} AS other, {text(level)} AS level"
        for policy, other, level in _apart(listing.groups)
        if policy in codes
    )
    nothing = "SELECT 0::SMALLINT AS policy, '' AS other, '' AS level WHERE FALSE"
    return {
        "gap_drawers": drawers,
        "gap_drawn": " UNION ALL ".join([nobody, *drawn]),
        "gap_apart": " UNION ALL ".join([nothing, *apart]),
        "gap_instead": (
            "SELECT g.household_id, g.id, g.policy, string_agg(DISTINCT d.policy, ';' ORDER BY d.policy) AS instead_of "
            "FROM gap_tied g JOIN gap_apart a ON g.policy = a.policy JOIN gap_drawn d ON d.policy = a.other "
            "AND d.household_id = g.household_id AND (a.level = 'household' OR d.id = g.id) GROUP BY ALL"
        ),
    }


def _apart(groups: Iterable[ExclusionGroup]) -> Iterator[tuple[str, str, str]]:
    """(policy, other, level) of any two that no choice holds together."""
    for group in groups:
        for a in group.policies:
            for b in group.policies:
                if a != b and not any(a in c.policies and b in c.policies for c in group.choices):
                    yield a, b, group.level


def _totals(listing: Listing) -> str:
    """What a household's rows are worth together (of policies that exclude one another, the best choice), and which
    grants they are: of the household, and of anyone in it."""
    codes = {policy.id: code for code, policy in enumerate(listing.policies)}

    def listed(policies: Iterable[str]) -> str:
        return ", ".join(str(codes[p]) for p in policies if p in codes) or "NULL"

    kinds = [f"{kind}_{n}" for n in listing.words for kind in ("whole", "anyone")]
    masks, none = "".join(f", {kind}" for kind in kinds), "".join(f", 0 AS {kind}" for kind in kinds)
    parts = [
        f"SELECT household_id, worth_least AS least, worth_most AS most{masks} FROM gap_free",
        f"SELECT household_id, NULL, NULL{masks} FROM gap_tied",
    ]
    free = "FROM gap_tied g LEFT JOIN gap_instead i USING (household_id, id, policy) WHERE i.policy IS NULL"
    for group in listing.groups:
        subject = "g.household_id" if group.level == "household" else "g.household_id, g.id"
        ends = [f"{best_choice(group, f'worth_{end}', 'g.policy', listed)} AS {end}" for end in ("least", "most")]
        inner = f"SELECT {subject}, {', '.join(ends)} {free} AND g.policy IN ({listed(group.policies)})"
        parts.append(f"SELECT household_id, least, most{none} FROM ({inner} GROUP BY {subject})")
    together = "".join(f", bit_or({kind}) AS {kind}" for kind in kinds)
    return (
        f"SELECT household_id, sum(least)::BIGINT AS least, sum(most)::BIGINT AS most{together} "
        f"FROM ({' UNION ALL '.join(parts)}) GROUP BY household_id"
    )


# ------------------------------------------------------------------------------------------------------ at the end


def finish(connection: duckdb.DuckDBPyConnection, compiled: Compiled, out: Path) -> None:
    """gap.parquet from the parts: in words, what is worth most to a household first."""
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
