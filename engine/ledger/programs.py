"""Rulebooks as they were: those on record, read and compiled again when an old decision is to be looked
at."""

from __future__ import annotations

import threading
from collections import OrderedDict

from engine.decide import Program, compile_rulebook
from engine.language.problems import RulebookError
from engine.language.rulebook import load_texts
from engine.ledger import rulebooks
from engine.ledger.errors import Damaged
from engine.ledger.store import Store

__all__ = ["Programs"]


class Programs:
    """Compiled rulebooks by digest, the last few kept. Safe to share between threads."""

    def __init__(self, store: Store, most: int = 6) -> None:
        """`most`: how many are kept; each takes some megabytes and about a second to make."""
        self._store, self._most = store, most
        self._kept: OrderedDict[str, Program] = OrderedDict()
        self._lock = threading.RLock()

    def get(self, digest: str) -> Program:
        """The program of a rulebook on record.

        Raises NotFound when it is not on record; Damaged when its texts are not as they were, or no longer
        pass the checks of this version (an old rulebook must stay readable: that would be a fault of this
        program).
        """
        with self._lock:
            found = self._kept.get(digest)
            if found is None:
                try:
                    rulebook = load_texts(rulebooks.load(self._store.reader(), digest))
                except RulebookError as error:
                    raise Damaged(
                        f"规则集 {digest} 已不能读出：{error.problems[0].message('zh')}",
                        f"the rulebook {digest} can no longer be read: {error.problems[0].message('en')}",
                    ) from None
                found = compile_rulebook(rulebook)
                self.keep(found)
            self._kept.move_to_end(digest)
            return found

    def keep(self, program: Program) -> None:
        """Have a program ready that was made elsewhere."""
        with self._lock:
            self._kept[program.rulebook.digest] = program
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)
