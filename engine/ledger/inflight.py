"""Which idempotent requests are being worked on, in any worker, so that the same one sent twice is told to
wait."""

from collections.abc import Iterator
from contextlib import contextmanager

from engine.ledger.entries import Request
from engine.ledger.errors import Busy
from engine.ledger.volatile import Volatile
from engine.ledger.write import request_key

__all__ = ["working"]

# Taken when free, or when its holder has had its time: a worker that was killed does not block the key for
# ever.
_CLAIM = """
INSERT INTO working (key, until) VALUES (:key, :until)
ON CONFLICT (key) DO UPDATE SET until = :until WHERE until <= :now
RETURNING 1
"""


@contextmanager
def working(volatile: Volatile, request: Request, now: int, *, seconds: int = 60) -> Iterator[None]:
    """Hold the idempotency key while the block runs. Raises Busy when someone holds it.

    now: microseconds, on the clock all workers share. seconds: after how long a claim lapses.
    This keeps work from being done twice; that nothing is *recorded* twice is up to the ledger itself,
    which sees the key inside its transaction whatever happens here.
    """
    connection, key, until = volatile.connection(), request_key(request), now + seconds * 1_000_000
    if connection.execute(_CLAIM, {"key": key, "until": until, "now": now}).fetchone() is None:
        raise Busy("同一请求正在处理，请稍后再试", "the same request is being worked on; ask again shortly")
    try:
        yield
    finally:
        volatile.connection().execute("DELETE FROM working WHERE key = ? AND until = ?", (key, until))
