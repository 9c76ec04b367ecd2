"""What a change of the rules does to a city: both rulebooks swept over the same tables, and the answers compared.

Only policies that can come out otherwise are swept (`language/meaning.py`). Sums are what a household is entitled to in
the twelve months from the day, by the lawful choice where policies exclude one another; an answer that is not settled
counts from its least to its most.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import duckdb

from engine.language.meaning import affected
from engine.language.model import Policy, Rulebook
from engine.sweep.manifest import Manifest
from engine.sweep.reading import name, text
from engine.sweep.reports import best_choice, parquet, worth
from engine.sweep.run import Job, Step, Stopped, Sweep

SIDES = ("old", "new")
WORDS = ("ineligible", "undetermined", "eligible")
# what happens to a policy for a subject, in the order it is told
HOW = ("gained", "lost", "more", "less", "range", "settled_yes", "settled_no", "opened")


@dataclass(slots=True)
class Impact:
    """What was found; every row a mapping, sums in fen and twelve months.

    policies   policy x how: households, persons, sums before and after (least, most)
    places     subdistrict: households that gain, lose, may go either way; the budget before and after
    budget     the same for all
    groups     group of the catalogue x how: households, persons, sums
    examples   policy x how: one household (and member)
    """

    affected: tuple[str, ...]
    households: int = 0
    persons: int = 0
    set_aside: dict[str, int] = field(default_factory=dict)
    policies: list[dict[str, Any]] = field(default_factory=list)
    groups: list[dict[str, Any]] = field(default_factory=list)
    places: list[dict[str, Any]] = field(default_factory=list)
    budget: dict[str, int] = field(default_factory=dict)
    examples: list[dict[str, Any]] = field(default_factory=list)
    manifests: dict[str, Manifest] = field(default_factory=dict)


class Comparison:
    """Two sweeps and what differs. `stop` may be called from another thread; `run` then raises Stopped."""

    def __init__(
        self, old: Rulebook, new: Rulebook, job: Job, tell: Callable[[str, Step], None] = lambda side, step: None
    ):
        self.books = {"old": old, "new": new}
        self.job, self.tell = job, tell
        self.names = affected(old, new, job.on, job.jurisdictions)
        self.in_force = {side: book.in_force(job.on, job.jurisdictions) for side, book in self.books.items()}
        self.running: Sweep | None = None
        self.stopped = False
        self.connection = duckdb.connect(":memory:")

    def stop(self) -> None:
        self.stopped = True
        self.connection.interrupt()
        if self.running is not None:
            self.running.stop()

    def close(self) -> None:
        self.connection.close()

    def run(self) -> Impact:
        """Sweep under both rulebooks into `job.out`/old and /new, and compare.

        Raises SourceError, CannotSweep, Stopped.
        """
        found = Impact(tuple(sorted(self.names)))
        if not self.names:
            return found
        for side in SIDES:
            found.manifests[side] = self.sweep(side)
        try:
            self.compare(found)
        except duckdb.InterruptException:
            raise Stopped from None
        return found

    def sweep(self, side: str) -> Manifest:
        if self.stopped:
            raise Stopped
        mine = frozenset(self.names & set(self.in_force[side]))
        self.running = Sweep(
            self.books[side],
            replace(self.job, only=mine, out=self.job.out / side),
            lambda step: self.tell(side, step),
        )
        try:
            return self.running.run()
        finally:
            self.running.close()
            self.running = None

    # -- the comparison --

    def compare(self, found: Impact) -> None:
        run = self.connection.execute
        run(f"SET temp_directory = {text(str(self.job.out / '.work'))}")
        run(f"SET memory_limit = {text(self.job.memory_limit)}")
        for side in SIDES:
            run(f"CREATE TABLE rows_{side} AS {self.rows(side)}")
            run(f"CREATE TABLE sums_{side} AS {self.sums(side)}")
            counts = found.manifests[side].counts()
            found.set_aside[side] = counts.households_read - counts.households
            found.households, found.persons = counts.households, counts.persons
        run(f"CREATE TABLE changes AS {CHANGES}")
        run(f"CREATE TABLE families AS {FAMILIES}")
        order = {p: n for n, p in enumerate(dict.fromkeys([*self.books["new"].ids(), *self.books["old"].ids()]))}
        found.policies = sorted(self.dicts(BY_POLICY), key=lambda r: (order[r["policy"]], HOW.index(r["how"])))
        groups = [(p.id, p.group) for side in SIDES for p in self.in_force[side].values() if p.id in self.names]
        run("CREATE TABLE grouped (policy VARCHAR, grp VARCHAR)")
        self.connection.executemany("INSERT INTO grouped VALUES (?, ?)", list(dict(groups).items()))
        found.groups = self.dicts(BY_GROUP)
        found.places = self.dicts(
            f"{BY_PLACE} GROUP BY place ORDER BY abs(sum(new_least) - sum(old_least)) DESC, place"
        )
        (whole,) = self.dicts(BY_PLACE.replace("place AS subdistrict, ", ""))
        found.budget = {key: value or 0 for key, value in whole.items()}
        found.examples = sorted(self.dicts(EXAMPLES), key=lambda r: (order[r["policy"]], HOW.index(r["how"])))

    def dicts(self, query: str) -> list[dict[str, Any]]:
        found = self.connection.execute(query)
        columns = [column[0] for column in found.description or ()]
        return [dict(zip(columns, row, strict=True)) for row in found.fetchall()]

    def rows(self, side: str) -> str:
        """One row for each affected policy and subject that is not ineligible."""
        nobody = (
            "SELECT '' AS household_id, '' AS id, '' AS place, '' AS policy, 0::TINYINT AS status, 0::BIGINT AS least, "
            "0::BIGINT AS most, 0::BIGINT AS people WHERE FALSE"
        )
        mine = [policy for policy in self.in_force[side].values() if policy.id in self.names]
        return " UNION ALL ".join([nobody, *(self.row(side, policy) for policy in mine)])

    def row(self, side: str, policy: Policy) -> str:
        whole = policy.level == "household"
        id, people = ("''", "people") if whole else ("id", "1")
        table = parquet(self.job.out / side / ("households" if whole else "persons") / "part-*.parquet")
        least, most = worth(policy)
        status = name(f"{policy.id}__status")
        return (
            f"SELECT household_id, {id} AS id, place, {text(policy.id)} AS policy, {status}::TINYINT AS status, "
            f"({least})::BIGINT AS least, ({most})::BIGINT AS most, {people}::BIGINT AS people "
            f"FROM {table} WHERE {status} > 0"
        )

    def sums(self, side: str) -> str:
        """What each household is entitled to altogether: of policies that exclude one another, the best choice."""
        mine = self.names & set(self.in_force[side])
        groups = [g for g in self.books[side].exclusions if set(g.policies) & mine]
        tied = _texts(p for group in groups for p in group.policies)
        free = f" WHERE policy NOT IN ({tied})" if tied else ""
        parts = [f"SELECT household_id, sum(least) AS least, sum(most) AS most FROM rows_{side}{free} GROUP BY 1"]
        for group in groups:
            subject = "household_id" if group.level == "household" else "household_id, id"
            ends = [f"{best_choice(group, end, 'policy', _texts)} AS {end}" for end in ("least", "most")]
            listed = _texts(group.policies)
            inner = (
                f"SELECT {subject}, {', '.join(ends)} FROM rows_{side} WHERE policy IN ({listed}) GROUP BY {subject}"
            )
            parts.append(f"SELECT household_id, sum(least) AS least, sum(most) AS most FROM ({inner}) GROUP BY 1")
        return (
            "SELECT household_id, sum(least)::BIGINT AS least, sum(most)::BIGINT AS most "
            f"FROM ({' UNION ALL '.join(parts)}) GROUP BY 1"
        )


CHANGES = """
SELECT *, CASE
    WHEN old_status = 0 AND new_status = 2 THEN 'gained'
    WHEN old_status = 2 AND new_status = 0 THEN 'lost'
    WHEN old_status = 1 AND new_status = 2 THEN 'settled_yes'
    WHEN old_status = 1 AND new_status = 0 THEN 'settled_no'
    WHEN old_status <> new_status THEN 'opened'
    WHEN new_least >= old_least AND new_most >= old_most THEN 'more'
    WHEN new_least <= old_least AND new_most <= old_most THEN 'less'
    ELSE 'range' END AS how
FROM (
    SELECT household_id, id, policy, coalesce(n.place, o.place) AS place, coalesce(n.people, o.people) AS people,
        coalesce(o.status, 0) AS old_status, coalesce(n.status, 0) AS new_status,
        coalesce(o.least, 0) AS old_least, coalesce(n.least, 0) AS new_least,
        coalesce(o.most, 0) AS old_most, coalesce(n.most, 0) AS new_most
    FROM rows_old o FULL JOIN rows_new n USING (household_id, id, policy)
) WHERE old_status <> new_status OR old_least <> new_least OR old_most <> new_most
"""
FAMILIES = """
SELECT household_id, any_value(place) AS place,
    coalesce(any_value(o.least), 0) AS old_least, coalesce(any_value(n.least), 0) AS new_least,
    coalesce(any_value(o.most), 0) AS old_most, coalesce(any_value(n.most), 0) AS new_most
FROM changes LEFT JOIN sums_old o USING (household_id) LEFT JOIN sums_new n USING (household_id) GROUP BY household_id
"""
_SUMS = (
    "sum(old_least)::BIGINT AS old_least, sum(new_least)::BIGINT AS new_least, "
    "sum(old_most)::BIGINT AS old_most, sum(new_most)::BIGINT AS new_most"
)
BY_POLICY = (
    "SELECT policy, how, count(DISTINCT household_id) AS households, "
    f"sum(people)::BIGINT AS persons, {_SUMS} FROM changes GROUP BY policy, how"
)
BY_GROUP = (
    f'SELECT grp AS "group", how, count(DISTINCT household_id) AS households, {_SUMS} '
    "FROM changes JOIN grouped USING (policy) GROUP BY ALL ORDER BY 1, 2"
)
# a household gains where neither end falls and one rises; where one rises and the other falls it may go either way
BY_PLACE = f"""
SELECT place AS subdistrict, count(*) AS households,
    count(*) FILTER (new_least >= old_least AND new_most >= old_most
                     AND (new_least > old_least OR new_most > old_most)) AS gain,
    count(*) FILTER (new_least <= old_least AND new_most <= old_most
                     AND (new_least < old_least OR new_most < old_most)) AS lose,
    count(*) FILTER (new_least = old_least AND new_most = old_most) AS same, {_SUMS}
FROM families
"""
EXAMPLES = """
SELECT policy, how, household_id, id FROM (
    SELECT policy, how, household_id, id,
           row_number() OVER (PARTITION BY policy, how ORDER BY household_id, id) AS n FROM changes
) WHERE n = 1
"""


def _texts(policies: Iterable[str]) -> str:
    return ", ".join(map(text, policies))
