"""durable-rules behind the adapter: proposals from a child process, with a time limit, thrown away on any error.

When the child dies, hangs or answers nonsense, the looks at hand are proposed whole, as the evaluator alone would do,
so that nothing is lost; the next ones get a new child.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec

from engine.decide.program import Refused, start
from engine.language.types import day_number
from engine.watch.book import Watchbook
from engine.watch.forward import Forward, compile_rules
from engine.watch.propose import EvaluatorAlone, Look, Proposer, Tally

SECONDS = 10.0
MOST_LOOKS = 100  # in one line to the child
RECYCLED_AFTER = 200_000  # looks one child makes; what it may leak goes with it
STRIKES = 20  # children lost in a row, after which the evaluator works alone until the next start


def installed() -> bool:
    """Whether durable-rules is there: it needs a C compiler to be installed, and Python below 3.13."""
    return find_spec("durable_rules_engine") is not None


def proposer_for(book: Watchbook, tally: Tally) -> Proposer:
    """durable-rules where it is installed, else the evaluator alone; `name` says which."""
    return DurableRules(book, tally) if installed() else EvaluatorAlone()


Key = tuple[int, frozenset[str]]  # between which turns of the law, and which rules


@dataclass(slots=True)
class _Part:
    """Looks asked together: of each that durable-rules can say something about, its ruleset and messages."""

    looks: Sequence[Look]
    asked: dict[int, tuple[Key, list[dict[str, int]]]] = field(default_factory=dict)
    child: subprocess.Popen[bytes] | None = None  # whom they were sent to


class DurableRules:
    """Proposals of durable-rules. Not for several threads at once."""

    name = "durable-rules"

    def __init__(self, book: Watchbook, tally: Tally, seconds: float = SECONDS):
        self.book, self.tally, self.seconds = book, tally, seconds
        self.child: subprocess.Popen[bytes] | None = None
        self.sent: set[str] = set()
        self.looks = self.strikes = 0
        self.compiled: dict[Key, Forward] = {}
        self.names: dict[Key, str] = {}

    @property
    def pid(self) -> int | None:
        """The child's process id, while there is one."""
        return self.child.pid if self.child else None

    def propose(self, looks: Sequence[Look]) -> list[frozenset[str]]:
        """While the child is at one part of the looks, the next is got ready."""
        found: list[frozenset[str]] = []
        waiting: _Part | None = None
        for at in range(0, len(looks), MOST_LOOKS):
            part = self._prepare(looks[at : at + MOST_LOOKS])
            if waiting is not None:
                found += self._receive(waiting)
            self._send(part)
            waiting = part
        return found + self._receive(waiting) if waiting is not None else found

    def _prepare(self, looks: Sequence[Look]) -> _Part:
        part = _Part(looks)
        for place, look in enumerate(looks):
            key = (self.book.place(look.day), look.rules)
            forward = self.compiled.get(key)
            if forward is None:
                forward = self.compiled[key] = compile_rules(self.book, look.day, look.rules)
                self.names[key] = str(len(self.names))
            messages = None if look.rules <= forward.always else self._messages(look, forward)
            if messages is not None:
                part.asked[place] = (key, messages)
        return part

    def _messages(self, look: Look, forward: Forward) -> list[dict[str, int]] | None:
        """What is so of the household and of each member, said once; None where the facts cannot be."""
        program, edition = self.book.program, self.book.edition(look.day, look.rules)
        whole, members = start(program, look.household)
        try:
            program.derive.run(whole, members, edition.parameters, day_number(look.day))
        except Refused:
            return None  # the evaluator will say so
        own = {name: int(whole[at]) for name, (level, at) in forward.fields.items() if level == "household"}
        theirs = [(name, at) for name, (level, at) in forward.fields.items() if level == "member"]
        if not theirs:
            return [own]
        rows = dict.fromkeys(tuple(int(row[at]) for _, at in theirs) for row in members)
        return [{**own, **{name: value for (name, _), value in zip(theirs, row, strict=True)}} for row in rows]

    # -- the child --

    def _send(self, part: _Part) -> None:
        if not part.asked or self.strikes >= STRIKES:
            return
        if self.looks > RECYCLED_AFTER:
            self.close()
        self.looks += len(part.asked)
        try:
            child = self._child()
            keys = {key: self.names[key] for key, _ in part.asked.values()}
            rules = {name: self.compiled[key].ruleset for key, name in keys.items() if name not in self.sent}
            self.sent |= rules.keys()
            asked = [(keys[key], messages) for key, messages in part.asked.values()]
            part.child = child
            _write(child, (json.dumps({"rules": rules, "looks": asked}) + "\n").encode(), self._deadline())
        except OSError as error:
            self._lost(error)
            part.child = None

    def _receive(self, part: _Part) -> list[frozenset[str]]:
        """The proposals for a part; every rule to look at, where the child did not answer as it should."""
        fired: list[list[str]] | None = None
        if part.asked and part.child is not None and part.child is self.child:
            try:
                fired = _answers(_read(part.child, self._deadline()), len(part.asked))
                for (key, _), names in zip(part.asked.values(), fired, strict=True):
                    if not set(names) <= self.compiled[key].ruleset.keys():
                        raise ValueError("a rule nobody asked of")
                self.strikes = 0
            except (OSError, ValueError) as error:
                fired = None
                self._lost(error)
        if part.asked and fired is None:
            self.tally.bypassed += len(part.asked)
        replies = iter(fired or ())
        found: list[frozenset[str]] = []
        for place, look in enumerate(part.looks):
            if place not in part.asked or fired is None:
                found.append(look.rules)
                continue
            named = {name.rpartition(".")[0] for name in next(replies)}
            found.append(look.rules & (named | self.compiled[part.asked[place][0]].always))
        return found

    def _lost(self, error: Exception) -> None:
        self.tally.recycled += 1
        self.strikes += 1
        status = self.child.poll() if self.child else None
        self.tally.restarts = [*self.tally.restarts[-9:], f"{type(error).__name__}: {error}; exit {status}"]
        self.close()

    def _deadline(self) -> float:
        return time.monotonic() + self.seconds

    def _child(self) -> subprocess.Popen[bytes]:
        if self.child is None or self.child.poll() is not None:
            self.close()
            self.child = subprocess.Popen(
                [sys.executable, "-m", "engine.watch.child"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                bufsize=0,
                close_fds=True,
            )
            for pipe in (self.child.stdin, self.child.stdout):
                assert pipe is not None
                os.set_blocking(pipe.fileno(), False)
        return self.child

    def close(self) -> None:
        """End the child; the next question starts another."""
        child, self.child = self.child, None
        self.sent, self.looks = set(), 0
        if child is not None:
            child.kill()
            child.wait()
            for pipe in (child.stdin, child.stdout):
                if pipe is not None:
                    pipe.close()


def _write(child: subprocess.Popen[bytes], line: bytes, deadline: float) -> None:
    """Raises OSError where the pipe breaks or the deadline passes."""
    assert child.stdin is not None
    left = memoryview(line)
    while left:
        _, ready, _ = select.select([], [child.stdin], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            raise TimeoutError("the child does not read")
        left = left[os.write(child.stdin.fileno(), left[:65_536]) :]


def _read(child: subprocess.Popen[bytes], deadline: float) -> bytes:
    """One line. Raises OSError where the pipe ends or the deadline passes."""
    assert child.stdout is not None
    parts: list[bytes] = []
    while not parts or not parts[-1].endswith(b"\n"):
        ready, _, _ = select.select([child.stdout], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            raise TimeoutError("no answer in time")
        part = os.read(child.stdout.fileno(), 65_536)
        if not part:
            raise BrokenPipeError("the child is gone")
        parts.append(part)
    return b"".join(parts)


def _answers(line: bytes, many: int) -> list[list[str]]:
    """The names of the rules fired, for each look. Raises ValueError for anything else."""
    found = json.loads(line)
    if not isinstance(found, list) or len(found) != many:
        raise ValueError("a wrong number of answers")
    if not all(isinstance(each, list) and all(isinstance(name, str) for name in each) for each in found):
        raise ValueError("an answer that is no list of rules")
    return found


__all__ = ["DurableRules", "Proposer", "installed", "proposer_for"]
