"""How often one key may call: a token bucket in a table that all workers share."""

from dataclasses import dataclass

from engine.ledger.volatile import Volatile

__all__ = ["Verdict", "allow", "sweep"]

_UNIT = 60_000_000
"""Parts of a token: with a refill per minute and a clock in microseconds, every level is a whole number."""

# One statement, so that two workers cannot spend the same token. A clock that went back refills nothing.
_TAKE = """
INSERT INTO bucket (name, level, at) VALUES (:name, :full - :cost, :now)
ON CONFLICT (name) DO UPDATE SET
  level = min(:full, level + max(0, :now - at) * :rate) - :cost, at = max(at, :now)
  WHERE min(:full, level + max(0, :now - at) * :rate) >= :cost
RETURNING level
"""


@dataclass(frozen=True, slots=True)
class Verdict:
    """allowed: whether the call may go ahead. remaining: whole calls left now. retry_after: seconds until
    the next one would be allowed, rounded up; 0 when this one is."""

    allowed: bool
    remaining: int
    retry_after: int


def allow(volatile: Volatile, name: str, now: int, *, per_minute: int, burst: int) -> Verdict:
    """Take one call from the bucket `name` (an API key's id).

    now: microseconds on any clock all workers share. per_minute: calls refilled each minute. burst: calls a
    full bucket holds. Both at least 1; raises ValueError otherwise.
    """
    if per_minute < 1 or burst < 1:
        raise ValueError("per_minute and burst are at least 1")
    values = {"name": name, "full": burst * _UNIT, "cost": _UNIT, "now": now, "rate": per_minute}
    connection = volatile.connection()
    row = connection.execute(_TAKE, values).fetchone()
    if row is not None:
        return Verdict(True, row[0] // _UNIT, 0)
    level, at = connection.execute("SELECT level, at FROM bucket WHERE name = ?", (name,)).fetchone()
    lacking = max(0, _UNIT - min(burst * _UNIT, level + max(0, now - at) * per_minute))
    return Verdict(False, 0, max(1, -(-lacking // (per_minute * 1_000_000))))


def sweep(volatile: Volatile, now: int, *, idle: int = 3_600_000_000) -> int:
    """Forget buckets untouched for `idle` microseconds; how many. One that is forgotten is full again, so
    `idle` should be longer than any bucket takes to fill."""
    return volatile.connection().execute("DELETE FROM bucket WHERE at < ?", (now - idle,)).rowcount
