"""Which rulebook decides, the same in every worker.

A rulebook is read from disk only when it is activated: at the start, on SIGHUP, or by POST
/v1/rules/reload. If it has no problem it goes into the ledger, and its digest into `active.json`. Workers
look at that file's stamp before each request and, when it is another, take the rulebook from the ledger: so
all decide by the same text, also one that starts later, and nothing that is half-edited on disk decides
anything.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.decide import Program, compile_rulebook
from engine.decide.examples import check_examples
from engine.language.problems import Problem, RulebookError
from engine.language.rulebook import read_texts
from engine.ledger import rulebooks
from engine.ledger.errors import NotFound
from engine.ledger.home import Home
from engine.ledger.phrases import Phrases
from engine.ledger.programs import Programs
from engine.ledger.store import sync_folder

__all__ = ["ActiveRules", "Rules", "check_texts"]


@dataclass(frozen=True, slots=True)
class Rules:
    """A rulebook at work: compiled, with its words for search. `since`: when it was activated; `generation`
    grows."""

    program: Program
    phrases: Phrases
    since: str
    generation: int

    @property
    def digest(self) -> str:
        return self.program.rulebook.digest


def check_texts(files: Mapping[str, str], *, examples: bool = True) -> tuple[Program | None, tuple[Problem, ...]]:
    """The program of rule texts, or every problem they have: of the files, then of the examples in them."""
    rulebook, problems = read_texts(dict(files))
    if rulebook is None or problems:
        return None, problems
    program = compile_rulebook(rulebook)
    found = check_examples(program) if examples else ()
    return (None, found) if found else (program, ())


class ActiveRules:
    """The rulebook in force in this process, kept in step with the other workers'."""

    def __init__(self, home: Home, programs: Programs) -> None:
        self._home, self._programs = home, programs
        self._path: Path = home.folder.active
        self._lock = threading.Lock()
        self._stamp: tuple[int, int] | None = None
        self._rules: Rules | None = None

    def current(self) -> Rules:
        """The rules that decide now. Raises NotFound when none were ever activated."""
        rules = self._rules
        if rules is not None and self._stamp == self._seen():
            return rules
        with self._lock:  # one thread reads the new rules; the others wait, none decides by the old ones
            stamp = self._seen()
            if self._rules is None or stamp != self._stamp:
                self._rules, self._stamp = self._read(), stamp
            return self._rules

    def activate(self, files: Mapping[str, str], by: str, at: str, *, examples: bool = True) -> Rules:
        """Check rule texts, put them on record and let every worker decide by them.

        `examples`: run the examples too, as `jiuzhu check` does; they take longer than all else.
        Raises RulebookError with every problem; the rules before stay in force.
        """
        program, problems = check_texts(files, examples=examples)
        if program is None:
            raise RulebookError(problems)
        digest = program.rulebook.digest
        self._home.writer.append(rulebooks.rulebook(dict(program.rulebook.files), digest, by, at))
        with self._lock:
            self._programs.keep(program)
            before = self._document()
            same = before.get("digest") == digest
            document = {
                "digest": digest,
                "generation": int(before.get("generation", 0)) + (not same),
                "since": before["since"] if same else at,
            }
            _write(self._path, document)
            self._stamp = None
        return self.current()

    def _seen(self) -> tuple[int, int]:
        try:
            stat = os.stat(self._path)
        except OSError:
            return (0, 0)
        return stat.st_mtime_ns, stat.st_ino

    def _document(self) -> dict[str, Any]:
        try:
            found = json.loads(self._path.read_bytes())
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def _read(self) -> Rules:
        document = self._document()
        if "digest" not in document:
            raise NotFound("尚未载入规则", "no rulebook was activated", "no-rulebook")
        program = self._programs.get(document["digest"])
        return Rules(program, Phrases(program.rulebook), document["since"], document["generation"])


def _write(path: Path, document: dict[str, Any]) -> None:
    """The file whole or not at all; two activations at once leave one of the two."""
    building = path.with_name(f"{path.name}.{os.getpid()}.{threading.get_ident()}.new")
    try:
        with open(os.open(building, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "wb") as file:
            file.write(json.dumps(document).encode())
            file.flush()
            os.fsync(file.fileno())
        os.replace(building, path)
        sync_folder(path)
    finally:
        with contextlib.suppress(OSError):
            building.unlink()
