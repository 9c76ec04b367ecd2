"""Turns: one at a time, in the order they came, whatever happens to one of them."""

from __future__ import annotations

import threading

import pytest

from api.turns import Turns


def started(turns: Turns, many: int, work: object) -> list[threading.Thread]:
    """Threads that stand in line in their order, behind whoever holds the turn."""
    threads = []
    for number in range(many):
        thread = threading.Thread(target=work, args=(number,))  # type: ignore[arg-type]
        thread.start()
        while len(turns._line) <= number:
            assert thread.is_alive()
        threads.append(thread)
    return threads


def test_one_at_a_time_in_the_order_they_came() -> None:
    turns, order, inside = Turns(), [], []

    def work(number: int) -> None:
        with turns.turn():
            inside.append(number)
            assert len(inside) == 1
            order.append(number)
            inside.clear()

    with turns.turn():
        threads = started(turns, 20, work)
        assert not order
    for thread in threads:
        thread.join()
    assert order == list(range(20))


def test_who_fails_passes_the_turn_on() -> None:
    turns, order = Turns(), []

    def work(number: int) -> None:
        with pytest.raises(ZeroDivisionError), turns.turn():
            order.append(number)
            raise ZeroDivisionError

    with turns.turn():
        threads = started(turns, 3, work)
    for thread in threads:
        thread.join()
    with turns.turn():
        assert order == [0, 1, 2]


def test_who_steps_aside_lets_the_next_one_in_and_comes_after_the_last() -> None:
    turns, order = Turns(), []

    def work(number: int) -> None:
        with turns.turn():
            order.append(number)

    with turns.turn():
        threads = started(turns, 2, work)
        with turns.aside():
            for thread in threads:
                thread.join()
        order.append(2)
    assert order == [0, 1, 2]


def test_who_is_stopped_in_line_leaves_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where its turn came while it was being stopped: the next one has it then."""
    turns = Turns()
    right = threading.Lock

    class Stopping:
        """A lock whose owner is stopped when it waits; `passed` says whether the turn was given to it before."""

        def __init__(self, passed: bool) -> None:
            self.passed, self.asked = passed, 0

        def acquire(self) -> None:
            self.asked += 1
            if self.asked == 2:
                if self.passed:
                    turns._pass_on()
                raise KeyboardInterrupt

        def release(self) -> None: ...

    for passed in (False, True):
        with monkeypatch.context() as patch:
            turns._taken = True
            patch.setattr(threading, "Lock", lambda passed=passed: Stopping(passed))
            with pytest.raises(KeyboardInterrupt), turns.turn():
                pass
        assert threading.Lock is right and not turns._line
        if not passed:
            turns._pass_on()
        assert not turns._taken
