"""API keys: shown once, stored hashed; expiry, revocation; and the rate limit and in-flight tables workers share."""

import base64
import hashlib
import itertools
import os
import random
import re
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.ledger import inflight, ratelimit
from engine.ledger.entries import Request
from engine.ledger.errors import Busy, NotFound, Refused
from engine.ledger.keys import ROLES, KeyRefused, Keys
from engine.ledger.volatile import Volatile

AT, LATER, LAST = "2026-11-21T08:00:00Z", "2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z"


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    return Keys(tmp_path / "keys.db")


def test_a_key_opens_what_it_was_made_for(keys: Keys) -> None:
    made, token = keys.create("caseworker", AT, scopes={"decide", "read"}, label="张老师", expires_at=LAST)
    assert keys.authenticate(token, LATER) == made
    assert (made.role, made.scopes, made.label) == ("caseworker", frozenset({"decide", "read"}), "张老师")
    assert re.fullmatch(r"jz_[0-9a-f]{12}_[A-Za-z0-9_-]{43}", token) and token[3:15] == made.id
    assert len(base64.urlsafe_b64decode(token[16:] + "=")) == 32
    assert keys.all() == (made,) and Keys(keys.path).authenticate(token, LATER) == made


def test_the_token_is_nowhere_in_the_file(keys: Keys) -> None:
    _, token = keys.create("admin", AT)
    assert stat.S_IMODE(keys.path.stat().st_mode) == 0o600
    stored = b"".join(path.read_bytes() for path in keys.path.parent.iterdir())
    assert token[16:].encode() not in stored and token[16:] not in repr(keys.all())
    assert hashlib.sha256(token.encode()).digest() in stored


def test_no_two_tokens_are_alike(keys: Keys) -> None:
    tokens = {keys.create(role, AT)[1] for role in ROLES for _ in range(5)}
    assert len({token[3:15] for token in tokens}) == len({token[16:] for token in tokens}) == 20


def _other(token: str) -> str:
    return token[:-5] + ("AAAA" if token[-5:-1] != "AAAA" else "BBBB") + token[-1]


REFUSED = [
    (lambda token: "", LATER, "key-malformed"),
    (lambda token: token + "x", LATER, "key-malformed"),
    (lambda token: token + "\n", LATER, "key-malformed"),
    (lambda token: "Bearer " + token, LATER, "key-malformed"),
    (lambda token: token.replace("jz_", "jz_" + "救"), LATER, "key-malformed"),
    (_other, LATER, "key-unknown"),
    (lambda token: "jz_000000000000" + token[15:], LATER, "key-unknown"),
    (lambda token: token, LAST, "key-expired"),
    (lambda token: token, "2030-01-01T00:00:00Z", "key-expired"),
]


@pytest.mark.parametrize("number", range(len(REFUSED)))
def test_what_opens_nothing(keys: Keys, number: int) -> None:
    change, at, code = REFUSED[number]
    _, token = keys.create("auditor", AT, expires_at=LAST)
    assert keys.authenticate(token, "2026-12-31T23:59:59.999999Z").role == "auditor"
    with pytest.raises(KeyRefused) as caught:
        keys.authenticate(change(token), at)
    assert caught.value.code == code and token[16:] not in str(caught.value)


def test_a_revoked_key_stays_revoked(keys: Keys) -> None:
    made, token = keys.create("policy", AT)
    kept, kept_token = keys.create("policy", AT)
    assert keys.revoke(made.id, LATER).revoked_at == "2026-12-01T00:00:00.000000Z"
    assert keys.revoke(made.id, LAST).revoked_at == "2026-12-01T00:00:00.000000Z"
    with pytest.raises(KeyRefused, match="revoked"):
        keys.authenticate(token, AT)
    assert keys.authenticate(kept_token, LAST) == kept
    with pytest.raises(NotFound):
        keys.revoke("000000000000", LATER)


@pytest.mark.parametrize("values", [{"role": "root"}, {"expires_at": AT}, {"expires_at": "tomorrow"}, {"at": "now"}])
def test_what_cannot_be_a_key(keys: Keys, values: dict[str, str]) -> None:
    asked = {"role": "admin", "at": AT, "expires_at": LAST, **values}
    with pytest.raises(Refused):
        keys.create(**asked)  # type: ignore[arg-type]
    assert keys.all() == ()


def test_random_bytes_may_be_passed_in(keys: Keys) -> None:
    chance = random.Random(1)
    _, token = keys.create("admin", AT, random=chance.randbytes)
    again = random.Random(1)
    assert token[3:15] == again.randbytes(6).hex()
    assert base64.urlsafe_b64decode(token[16:] + "=") == again.randbytes(32)


def test_keys_may_cross_a_fork_and_threads(keys: Keys) -> None:
    _, token = keys.create("admin", AT)
    child = os.fork()
    if not child:
        try:
            os._exit(0 if keys.authenticate(token, AT).role == "admin" else 1)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    seen: list[str] = []
    thread = threading.Thread(target=lambda: seen.append(keys.authenticate(token, AT).role))
    thread.start()
    thread.join()
    assert seen == ["admin"]


SECOND = 1_000_000


@pytest.fixture
def volatile(tmp_path: Path) -> Volatile:
    return Volatile(tmp_path / "volatile.db")


def test_a_bucket_empties_and_fills(volatile: Volatile) -> None:
    def call(now: float) -> tuple[bool, int, int]:
        verdict = ratelimit.allow(volatile, "k", int(now * SECOND), per_minute=60, burst=3)
        return verdict.allowed, verdict.remaining, verdict.retry_after

    assert [call(100), call(100), call(100), call(100)] == [(True, 2, 0), (True, 1, 0), (True, 0, 0), (False, 0, 1)]
    assert call(100.5) == (False, 0, 1) and call(101) == (True, 0, 0) and call(101) == (False, 0, 1)
    assert call(90) == (False, 0, 1), "a clock that went back refills nothing"
    assert [call(150)[1], call(90)[1], call(149)[1]] == [2, 1, 0], "nor does it take anything away"
    assert [call(1000)[0] for _ in range(4)] == [True, True, True, False]
    assert ratelimit.allow(volatile, "other", 100 * SECOND, per_minute=60, burst=3).remaining == 2
    slow = [ratelimit.allow(volatile, "slow", 0, per_minute=2, burst=1).retry_after for _ in range(2)]
    assert slow == [0, 30]


@given(
    st.integers(1, 600),
    st.integers(1, 20),
    st.lists(st.integers(0, 5 * SECOND), min_size=1, max_size=60),
)
def test_never_more_calls_than_burst_and_rate_allow(
    tmp_path_factory: pytest.TempPathFactory, per_minute: int, burst: int, steps: list[int]
) -> None:
    volatile = Volatile(tmp_path_factory.getbasetemp() / "limits.db")
    name = str(next(_NAMES))
    times = list(itertools.accumulate(steps, initial=0))
    allowed = [now for now in times if ratelimit.allow(volatile, name, now, per_minute=per_minute, burst=burst).allowed]
    assert allowed[:1] == times[:1]
    for start, end in itertools.combinations(range(len(allowed)), 2):
        count, span = end - start + 1, allowed[end] - allowed[start]
        assert (count - burst) * 60 * SECOND <= span * per_minute


_NAMES = itertools.count()


@pytest.mark.parametrize(("per_minute", "burst"), [(0, 1), (1, 0), (-1, 5)])
def test_a_limit_is_at_least_one(volatile: Volatile, per_minute: int, burst: int) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        ratelimit.allow(volatile, "k", 0, per_minute=per_minute, burst=burst)


def test_a_limit_holds_across_processes(tmp_path: Path) -> None:
    path = tmp_path / "volatile.db"
    code = (
        "from engine.ledger.volatile import Volatile; from engine.ledger.ratelimit import allow\n"
        f"v = Volatile({str(path)!r})\n"
        "print(sum(allow(v, 'k', 1000, per_minute=60, burst=100).allowed for _ in range(80)))"
    )
    running = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) for _ in range(3)]
    assert sum(int(process.communicate(timeout=60)[0]) for process in running) == 100


def test_idle_buckets_are_forgotten(volatile: Volatile) -> None:
    for name, now in (("old", 0), ("new", 4000 * SECOND)):
        ratelimit.allow(volatile, name, now, per_minute=60, burst=2)
    assert ratelimit.sweep(volatile, 4000 * SECOND) == 1
    assert ratelimit.allow(volatile, "new", 4000 * SECOND, per_minute=60, burst=2).remaining == 0


ASKED = Request("o", "k", "0" * 64)


def test_a_request_is_worked_on_once_at_a_time(volatile: Volatile) -> None:
    now = 5 * SECOND
    with inflight.working(volatile, ASKED, now):
        for again in (ASKED, Request("o", "k", "1" * 64)):
            with pytest.raises(Busy), inflight.working(volatile, again, now + 1):
                raise AssertionError("two at once")
        with inflight.working(volatile, Request("other", "k", "0" * 64), now):
            pass
    with inflight.working(volatile, ASKED, now + 2):
        pass
    with pytest.raises(ZeroDivisionError), inflight.working(volatile, ASKED, now + 3):
        raise ZeroDivisionError
    with inflight.working(volatile, ASKED, now + 4):
        pass


def test_a_claim_of_a_worker_that_died_lapses(volatile: Volatile) -> None:
    dead = inflight.working(volatile, ASKED, 0, seconds=60)
    dead.__enter__()
    with pytest.raises(Busy), inflight.working(volatile, ASKED, 59 * SECOND):
        pass
    with inflight.working(volatile, ASKED, 60 * SECOND):
        dead.__exit__(None, None, None)  # it was not dead after all; it must not let go of the other's claim
        with pytest.raises(Busy), inflight.working(volatile, ASKED, 61 * SECOND):
            pass


def test_a_damaged_shared_file_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "volatile.db"
    path.write_bytes(random.Random(1).randbytes(8192))
    assert ratelimit.allow(Volatile(path), "k", 0, per_minute=1, burst=1).allowed
