"""Finding entries: by person, household, policy and status, dates, rulebook, engine, caseworker, kind, and
words.

Answers come newest first, in pages by key: the last number of one page is where the next begins, so a page
never repeats or skips an entry however many are appended in between.
"""

import sqlite3
from dataclasses import dataclass, field, fields, replace

from engine.ledger import identity
from engine.ledger.entries import instant
from engine.ledger.errors import KeyMissing, Refused
from engine.ledger.keyring import Keyring
from engine.ledger.search_index import STATUS_BITS, SearchIndex
from engine.ledger.words import match

__all__ = ["Hit", "Page", "Query", "search"]

LARGEST_PAGE = 200


@dataclass(frozen=True, slots=True)
class Query:
    """What to look for; everything given must hold. Days are YYYY-MM-DD and included, times ISO UTC.

    name, id_number, phone: of someone in the household, whole. These, and words, may be personal and stay out of repr.
    policy, status, subject: one policy line that fits all that is given; a subject goes with a policy.
    status: eligible, ineligible, undetermined; without a policy: of any policy.
    words: each blank-separated part stands in the explanation or the reason, as typed.
    """

    name: str | None = field(default=None, repr=False)
    id_number: str | None = field(default=None, repr=False)
    phone: str | None = field(default=None, repr=False)
    household: str | None = None
    kind: str | None = None
    policy: str | None = None
    status: str | None = None
    subject: str | None = None
    on_from: str | None = None
    on_to: str | None = None
    at_from: str | None = None
    at_to: str | None = None
    rulebook: str | None = None
    engine: str | None = None
    caseworker: str | None = None
    refers: int | None = None
    words: str | None = field(default=None, repr=False)

    def given(self) -> tuple[str, ...]:
        """The names of what is looked for, without the values: what the access log may hold."""
        return tuple(item.name for item in fields(self) if getattr(self, item.name) is not None)


@dataclass(frozen=True, slots=True)
class Hit:
    """An entry found. `on`, `rulebook`, `engine`: decisions and corrections only."""

    seq: int
    hash: str
    kind: str
    at: str
    refers: int | None
    household: str | None
    on: str | None
    rulebook: str | None
    engine: str | None
    caseworker: str | None


@dataclass(frozen=True, slots=True)
class Page:
    """Hits, newest first.

    before: what to pass for the next page; None when this is the last. behind: how many of the newest entries
    are not in the index yet, so not among the hits; 0 unless very many came in since the last search.
    """

    hits: tuple[Hit, ...]
    before: int | None
    behind: int = 0


_EQUAL = ("household", "kind", "rulebook", "engine", "caseworker", "refers")
_RANGES = (("on", ">=", "on_from"), ("on", "<=", "on_to"), ("at", ">=", "at_from"), ("at", "<=", "at_to"))


class _Parts:
    """A statement as it grows: what drives it, what must hold, and the values for both, in order."""

    def __init__(self) -> None:
        self.source, self.key, self.group = "entry e", "e.seq", ""
        self.conditions: list[str] = []
        self.values: list[object] = []

    def add(self, condition: str, *values: object) -> None:
        self.conditions.append(condition)
        self.values += values


def search(
    index: SearchIndex,
    query: Query,
    *,
    keyring: Keyring | None = None,
    before: int | None = None,
    limit: int = 50,
    most: int = 2000,
) -> Page:
    """One page of what fits. The caller writes the access log.

    The index is brought up to date first, by `most` entries at most (a second or two): Page.behind says how many
    are left then. keyring: needed to look for a person. before: only entries with lower numbers. limit: 1 to 200.
    Raises Refused for a bad limit, a bad time, a subject without a policy, or words without a letter or digit;
    KeyMissing.
    """
    if not 1 <= limit <= LARGEST_PAGE:
        raise Refused(f"每页须为 1 至 {LARGEST_PAGE} 条", f"a page has 1 to {LARGEST_PAGE} entries", "bad-search")
    index.catch_up(most)
    parts = _Parts()
    households = _households(index, query, keyring)
    few = households is not None or query.household is not None or query.refers is not None
    _words(parts, query, drive=not few)
    _policy(parts, query, drive=not few and query.words is None)
    if households is not None:
        parts.add(f"e.household IN ({', '.join('?' * len(households))})", *households)
    for column in _EQUAL:
        if (value := getattr(query, column)) is not None:
            parts.add(f'e."{column}" = ?', value)
    for column, sign, name in _RANGES:
        if (value := getattr(query, name)) is not None:
            parts.add(f'e."{column}" {sign} ?', instant(value) if column == "at" else value)
    if before is not None:
        parts.add(f"{parts.key} < ?", before)
    return replace(_page(index.connection(), parts, limit), behind=index.behind())


def _words(parts: _Parts, query: Query, drive: bool) -> None:
    """`drive`: walk the full-text index from its newest entry on, and stop when the page is full; else it is asked
    about each of a few entries."""
    if query.words is None:
        return
    expression = match(query.words)
    if not expression:
        raise Refused("检索词里没有文字", "there is no letter or digit to look for", "bad-search")
    if drive:
        parts.source, parts.key = "words CROSS JOIN entry e ON e.seq = words.rowid", "words.rowid"
        parts.add("words MATCH ?", expression)
    else:
        parts.add("EXISTS (SELECT 1 FROM words WHERE words MATCH ? AND words.rowid = e.seq)", expression)


def _policy(parts: _Parts, query: Query, drive: bool) -> None:
    """`drive`: walk the lines of one policy and status from the newest on."""
    if query.status is not None and query.status not in STATUS_BITS:
        raise Refused(
            f"状态须为 {'、'.join(STATUS_BITS)}", f"the status is one of {', '.join(STATUS_BITS)}", "bad-search"
        )
    if query.policy is None:
        if query.subject is not None:
            raise Refused("按对象查找须同时给出政策", "a subject is looked for with its policy", "bad-search")
        if query.status is not None:
            parts.add("e.statuses & ?", STATUS_BITS[query.status])
        return
    statuses = list(STATUS_BITS) if query.status is None else [query.status]
    line = f"p.policy = ? AND p.status IN ({', '.join('?' * len(statuses))})"
    values: list[object] = [query.policy, *statuses]
    if query.subject is not None:
        line, values = f"{line} AND p.subject = ?", [*values, query.subject]
    if drive and query.status is not None:
        parts.source, parts.key = "policy_line p CROSS JOIN entry e ON e.seq = p.seq", "p.seq"
        parts.group = "GROUP BY p.seq"  # several members may have the same answer
        parts.add(line, *values)
    else:
        parts.add(f"EXISTS (SELECT 1 FROM policy_line p WHERE {line} AND p.seq = e.seq)", *values)


def _page(connection: sqlite3.Connection, parts: _Parts, limit: int) -> Page:
    columns = ", ".join(f'e."{item.name}"' for item in fields(Hit))
    where = f"WHERE {' AND '.join(parts.conditions)}" if parts.conditions else ""
    rows = connection.execute(
        f"SELECT {columns} FROM {parts.source} {where} {parts.group} ORDER BY {parts.key} DESC LIMIT ?",
        (*parts.values, limit + 1),
    ).fetchall()
    hits = tuple(Hit(*row) for row in rows[:limit])
    return Page(hits, hits[-1].seq if len(rows) > limit else None)


def _households(index: SearchIndex, query: Query, keyring: Keyring | None) -> list[str] | None:
    """The households in which everything asked about persons is found; None when nothing is."""
    found: set[str] | None = None
    for name in identity.FIELDS:
        text = getattr(query, name)
        if text is None:
            continue
        if keyring is None:
            raise KeyMissing("没有密钥文件，不能按人查找", "a person cannot be found without the key file")
        here = set(index.find(keyring, name, text))
        found = here if found is None else found & here
    return None if found is None else sorted(found)
