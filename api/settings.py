"""How one service is set up. Read once, at the start; nothing here is personal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

__all__ = ["CHINA", "Limits", "Settings", "day_in_china", "instant_of"]

CHINA = timezone(timedelta(hours=8))  # one zone, no summer time since 1991: an offset says it all


def now() -> datetime:
    """The clock of the service."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Limits:
    """What one request may cost.

    body, rules_body  bytes of a request's body; of one that carries rule files
    depth             levels of lists and objects in it
    digits            characters of one number in it
    body_seconds      from the first byte of a body to its last
    verify_seconds    for verifying the ledger in a request; `jiuzhu ledger verify` has no limit
    page              entries on one page at most
    per_minute, burst calls one key may make
    """

    body: int = 512 * 1024
    rules_body: int = 4 * 1024 * 1024
    depth: int = 16
    digits: int = 40
    body_seconds: float = 10.0
    verify_seconds: float = 60.0
    page: int = 200
    per_minute: int = 3_000
    burst: int = 600


@dataclass(frozen=True, slots=True)
class Settings:
    """Where things are and how they are bounded.

    data   the data folder (engine.ledger.home)
    rules  the folder with policies.yaml; None: as the command line finds it
    clock  gives the time in UTC; tests put their own here
    """

    data: Path
    rules: str | None = None
    limits: Limits = field(default_factory=Limits)
    clock: Callable[[], datetime] = now


def instant_of(moment: datetime) -> str:
    """A time as the ledger writes it: ISO 8601 in UTC, to the microsecond."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def day_in_china(moment: datetime) -> date:
    """The calendar day in China, whose law it is."""
    return moment.astimezone(CHINA).date()
