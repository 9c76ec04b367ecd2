"""Finding entries: by person, household, policy and status, dates, rulebook, engine, caseworker, kind, and
words.

Answers come newest first, in pages by key: the last number of one page is where the next begins, so a page
never repeats or skips an entry however many are appended in between.
"""

import sqlite3
from dataclasses import dataclass, field, fields

from engine.ledger import identity
from engine.ledger.entries import instant
from engine.ledger.errors import KeyMissing, Refused
from engine.ledger.keyring import Keyring
from engine.ledger.search_index import SearchIndex
from engine.ledger.words import match

__all__ = ["Hit", "Page", "Query", "search"]

LARGEST_PAGE = 200


@dataclass(frozen=True, slots=True)
class Query:
    """What to look for; everything given must hold. Days are YYYY-MM-DD and included, times ISO UTC.

    name, id_number, phone: of someone in the household, whole; these are personal and stay out of repr.
    policy, status, subject: one policy line that fits all three. status: eligible, ineligible, undetermined.
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
    words: str | None = None

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
    """Hits, newest first. `before`: what to pass for the next page; None when this is the last."""

    hits: tuple[Hit, ...]
    before: int | None


_EQUAL = ("household", "kind", "rulebook", "engine", "caseworker", "refers")
_RANGES = (("on", ">=", "on_from"), ("on", "<=", "on_to"), ("at", ">=", "at_from"), ("at", "<=", "at_to"))
_LINE = ("policy", "status", "subject")


def search(
    index: SearchIndex,
    query: Query,
    *,
    keyring: Keyring | None = None,
    before: int | None = None,
    limit: int = 50,
) -> Page:
    """One page of what fits. The index is brought up to date first. The caller writes the access log.

    keyring: needed to look for a person. before: only entries with lower numbers. limit: 1 to 200.
    Raises Refused for a bad limit, a bad time, or words without a letter or digit; KeyMissing.
    """
    if not 1 <= limit <= LARGEST_PAGE:
        raise Refused(
            f"每页须为 1 至 {LARGEST_PAGE} 条", f"a page has 1 to {LARGEST_PAGE} entries", "bad-search"
        )
    index.catch_up()
    conditions: list[str] = []
    values: list[object] = []
    households = _households(index, query, keyring)
    if households is not None:
        conditions.append(f"e.household IN ({', '.join('?' * len(households))})")
        values += households
    for column in _EQUAL:
        if (value := getattr(query, column)) is not None:
            conditions.append(f'e."{column}" = ?')
            values.append(value)
    for column, sign, name in _RANGES:
        if (value := getattr(query, name)) is not None:
            conditions.append(f'e."{column}" {sign} ?')
            values.append(instant(value) if column == "at" else value)
    line = [name for name in _LINE if getattr(query, name) is not None]
    if line:
        fits = " AND ".join(f"p.{name} = ?" for name in line)
        conditions.append(f"e.seq IN (SELECT p.seq FROM policy_line p WHERE {fits})")
        values += [getattr(query, name) for name in line]
    if query.words is not None:
        expression = match(query.words)
        if not expression:
            raise Refused("检索词里没有文字", "there is no letter or digit to look for", "bad-search")
        conditions.append("e.seq IN (SELECT rowid FROM words WHERE words MATCH ?)")
        values.append(expression)
    if before is not None:
        conditions.append("e.seq < ?")
        values.append(before)
    return _page(index.connection(), conditions, values, limit)


def _page(connection: sqlite3.Connection, conditions: list[str], values: list[object], limit: int) -> Page:
    columns = ", ".join(f'e."{item.name}"' for item in fields(Hit))
    where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
    rows = connection.execute(
        f"SELECT {columns} FROM entry e {where} ORDER BY e.seq DESC LIMIT ?", (*values, limit + 1)
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
        here = set(identity.find(index.store.reader(), keyring, name, text))
        found = here if found is None else found & here
    return None if found is None else sorted(found)
