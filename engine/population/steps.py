"""A table worked out step by step: each step may read what the steps before it made."""

from __future__ import annotations

from engine.population.draws import Draws


class Steps:
    """Columns in steps over a first relation. A step's columns see the first relation's and the earlier steps'."""

    def __init__(self, first: str, draws: Draws):
        self.sql, self.draws = first, draws
        self.made: dict[str, str] = {}
        self.waiting: dict[str, str] = {}

    def add(self, **columns: str) -> None:
        """More columns of the step at hand: name -> SQL."""
        self.waiting |= columns

    def step(self) -> None:
        """End the step at hand, with its draws: what follows may read its columns."""
        rolls = "".join(f", {sql} AS {name}" for name, sql in self.draws.taken().items())
        listed = ", ".join(f"{sql} AS {name}" for name, sql in self.waiting.items())
        self.sql = f"SELECT *, {listed} FROM (SELECT *{rolls} FROM ({self.sql}))"
        self.made |= self.waiting
        self.waiting = {}
