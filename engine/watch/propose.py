"""Who names the rules worth a look: the adapter in front of durable-rules, and the evaluator alone.

A proposal is never an alert. The evaluator confirms each with a trace, and a pass of the evaluator alone finds what a
proposer left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Protocol

from engine.language.household import Household


@dataclass(frozen=True, slots=True)
class Look:
    """A household's facts on a day, and the rules that a changed fact of it can move."""

    household: Household
    day: date
    rules: frozenset[str]


COUNTED = ("looked", "proposed", "confirmed", "missed", "invented", "recycled", "bypassed", "unreadable")


@dataclass(slots=True)
class Tally:
    """What proposals came to. `recycled`: how often the child was thrown away; `bypassed`: looks it did not see."""

    looked: int = 0
    proposed: int = 0
    confirmed: int = 0
    missed: int = 0  # found by the evaluator's pass, proposed by nobody
    invented: int = 0  # stood as an alert, and the evaluator's pass finds no ground
    recycled: int = 0
    bypassed: int = 0
    unreadable: int = 0  # stored events that the rules in force can no longer read
    restarts: list[str] = field(default_factory=list)

    def counts(self) -> dict[str, int]:
        """Each count by name."""
        return {name: getattr(self, name) for name in COUNTED}

    @property
    def unconfirmed(self) -> int:
        return self.proposed - self.confirmed


class Proposer(Protocol):
    """Names, for each look, the rules that may be met: never fewer than are, as far as it can be trusted."""

    name: str

    def propose(self, looks: Sequence[Look]) -> list[frozenset[str]]: ...

    def close(self) -> None: ...


class EvaluatorAlone:
    """Proposes every rule there is to look at: the evaluator then does all the work."""

    name = "evaluator"

    def propose(self, looks: Sequence[Look]) -> list[frozenset[str]]:
        return [look.rules for look in looks]

    def close(self) -> None:
        pass
