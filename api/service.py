"""What a worker holds open, and shares among its threads."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime

from flask import current_app

from api.active import ActiveRules
from api.metrics import Metrics
from api.settings import Settings, day_in_china, instant_of
from api.turns import Turns
from engine.ledger.home import Home
from engine.ledger.programs import Programs

__all__ = ["Service", "service"]


@dataclass(frozen=True, slots=True)
class Service:
    """The data folder, the rules in force and the counters of one application."""

    settings: Settings
    home: Home
    programs: Programs
    active: ActiveRules
    metrics: Metrics
    turns: Turns = field(default_factory=Turns)

    def now(self) -> datetime:
        return self.settings.clock()

    def at(self) -> str:
        """The time, as the ledger writes it."""
        return instant_of(self.now())

    def today(self) -> date:
        """The calendar day in China: what `on` is where it is left out."""
        return day_in_china(self.now())


def service() -> Service:
    """The service behind the request at hand."""
    found: Service = current_app.extensions["jiuzhu"]
    return found
