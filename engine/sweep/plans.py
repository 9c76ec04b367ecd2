"""What a sweep runs, by which columns have gaps: folded once for each, and written as statements once."""

from __future__ import annotations

from collections.abc import Mapping

from engine.language.model import Rulebook
from engine.sweep.checked import DRAWN, PLACE, open_states
from engine.sweep.columns import State
from engine.sweep.compile import Compiled, compile_sweep
from engine.sweep.dag import Level
from engine.sweep.job import Job
from engine.sweep.outputs import Wanted, outputs, refusals, waiting
from engine.sweep.queries import Script, columns_read, script
from engine.sweep.source import Table

KEYS: Mapping[Level, tuple[str, ...]] = {
    Level.HOUSEHOLD: ("household_id", PLACE, DRAWN),
    Level.MEMBER: ("household_id", "id", PLACE, DRAWN),
}
KEPT = 20  # plans: a chunk more seldom has a column with gaps that another has not


class Plans:
    """The plans of one sweep."""

    def __init__(self, rulebook: Rulebook, job: Job):
        self.rulebook, self.job = rulebook, job
        self.folded: dict[tuple[tuple[str, str], ...], Compiled] = {}
        self.scripts: dict[int, tuple[Compiled, Script]] = {}  # by the identity of what they are made of

    def compiled(self, states: Mapping[str, State]) -> Compiled:
        """What the rules say where the columns are in these states; folded once for each."""
        key = tuple(sorted((name, state.value) for name, state in states.items()))
        if key not in self.folded:
            if len(self.folded) > KEPT:
                self.folded.clear()
                self.scripts.clear()
            self.folded[key] = compile_sweep(
                self.rulebook, self.job.on, states, self.job.jurisdictions, self.job.only, self.job.labels
            )
        return self.folded[key]

    def widest(self, household: Table, member: Table) -> tuple[Compiled, frozenset[str]]:
        """What the rules say where every column may have gaps, and the columns of the checked tables that they read."""
        found = self.compiled(open_states(household, member))
        made = outputs(found, Wanted(self.job.conditions))
        return found, columns_read(found, made, refusals(found), self.job.everyone, waiting(found))

    def plan(self, states: Mapping[str, State]) -> tuple[Compiled, Script]:
        """The statements for a chunk whose columns are in these states; made once for each."""
        found = self.compiled(states)
        key = id(found)
        if key not in self.scripts:
            self.scripts[key] = found, written(found, self.job.conditions, self.job.everyone)
        return self.scripts[key]


def written(compiled: Compiled, conditions: bool, everyone: bool) -> Script:
    """The statements that say what was compiled."""
    made = outputs(compiled, Wanted(conditions))
    return script(compiled, made, refusals(compiled), KEYS, everyone, waiting(compiled))
