"""Verifying a ledger: every stored record is covered, and what was changed is named.

entry, access     each against its hash, its neighbours and its documents   (verify_chain)
head, ledger      against the last and the first entry
node              every stored subtree hash against the leaves
checkpoint        its own chain and signature, and its sizes, roots and heads against the logs
identity, household_key, rulebook, rulebook_file   against the digests in the chain
(verify_side) schema            against what this program would make; the file itself by SQLite's integrity
check
"""

import sqlite3
from collections.abc import Callable, Collection, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from engine.ledger import schema
from engine.ledger.chain import LOGS, Log
from engine.ledger.checkpoint import Checkpoint
from engine.ledger.findings import Finding, finding
from engine.ledger.store import connect
from engine.ledger.verify_chain import Chain, missing, walk
from engine.ledger.verify_checkpoints import Claim, check, claims
from engine.ledger.verify_side import identities, rulebooks

__all__ = ["Report", "verify"]


@dataclass(frozen=True, slots=True)
class Report:
    """What verifying found. `findings`: in the order of the decisions log, then the access log, then the
    rest; at most as many as were asked for. `sizes`, `heads`: by log name, heads in hex."""

    findings: tuple[Finding, ...]
    sizes: dict[str, int]
    heads: dict[str, str]

    @property
    def ok(self) -> bool:
        return not self.findings

    @property
    def first_broken(self) -> int | None:
        """The lowest number among the decisions-log entries that a finding names."""
        return min(
            (f.entry for f in self.findings if f.log == "decisions" and f.entry is not None), default=None
        )


def verify(
    path: str | Path,
    *,
    checkpoints: Collection[Checkpoint] = (),
    trusted: Collection[str] | None = None,
    limit: int = 100,
    progress: Callable[[str, int], None] = lambda log, done: None,
) -> Report:
    """Verify the ledger at `path` on one snapshot, while others may write.

    checkpoints: those kept elsewhere; without one, nobody can tell that the newest entries were cut off, or
    that the whole ledger was written anew. trusted: public keys (hex) that checkpoints must be signed by;
    None: any.
    limit: stop after so many findings. progress: called with a log's name and the number of entries walked.
    Raises NotFound when there is no file. A damaged file is a finding, not an exception.
    """
    with closing(connect(path, readonly=True)) as connection:
        connection.text_factory = lambda content: content.decode(errors="backslashreplace")
        chains = {name: Chain() for name in LOGS}
        findings: dict[Finding, None] = {}
        for part in _parts(connection, chains, checkpoints, trusted, progress):
            try:
                for found in part:
                    findings[found] = None
                    if len(findings) >= limit:
                        return _report(chains, findings)
            except sqlite3.DatabaseError as error:
                findings[finding("file-damaged", detail=error)] = None
        return _report(chains, findings)


def _parts(
    connection: sqlite3.Connection,
    chains: dict[str, Chain],
    kept: Collection[Checkpoint],
    trusted: Collection[str] | None,
    progress: Callable[[str, int], None],
) -> Iterator[Iterator[Finding]]:
    """The checks, each to be run to its end before the next is asked for: later ones read what earlier ones
    left."""
    start = _Start()
    yield _start(connection, start, kept)
    for log in LOGS.values():
        yield _log(connection, log, start, chains[log.name], progress)
    yield _nodes(connection, chains)
    yield check(connection, start.claims, chains, start.ledger[0], trusted)
    yield identities(connection)
    yield rulebooks(connection)
    yield _schema(connection)
    yield _file(connection)


@dataclass
class _Start:
    """What is read first: the ledger's id and creation time, and the checkpoints to hold the logs against."""

    ledger: tuple[str, str] = ("", "")
    claims: list[Claim] = field(default_factory=list)


def _start(connection: sqlite3.Connection, start: _Start, kept: Collection[Checkpoint]) -> Iterator[Finding]:
    connection.execute("BEGIN")  # one snapshot for all that follows
    start.claims = [Claim(None, checkpoint) for checkpoint in kept]
    rows = connection.execute("SELECT one, id, created_at FROM ledger").fetchall()
    if [one for one, *_ in rows] != [1]:
        yield finding("ledger-changed", 1, log="decisions")
    if rows:
        start.ledger = rows[0][1:]
    start.claims = claims(connection, kept)


def _log(
    connection: sqlite3.Connection,
    log: Log,
    start: _Start,
    chain: Chain,
    progress: Callable[[str, int], None],
) -> Iterator[Finding]:
    sizes = {size for claim in start.claims if (size := claim.size(log.name)) is not None}
    yield from walk(connection, log, start.ledger, sizes, chain, lambda done: progress(log.name, done))
    row = connection.execute("SELECT size, hash FROM head WHERE log = ?", (log.name,)).fetchone()
    if row == (chain.size, chain.hash):
        return
    if row is None or type(row[0]) is not int or row[1] == chain.hash or row[0] == chain.size:
        yield finding("head-changed", log.name, detail=chain.size)
    elif row[0] > chain.size:
        yield missing(log, chain.size + 1, row[0])
    else:
        yield finding("extra", row[0] + 1, log=log.name)


def _nodes(connection: sqlite3.Connection, chains: dict[str, Chain]) -> Iterator[Finding]:
    meant = {(log, *key): hash for log, chain in chains.items() for key, hash in chain.nodes.items()}
    for log, level, place, hash in connection.execute(
        "SELECT log, level, place, hash FROM node ORDER BY 1, 2, 3"
    ):
        expected = meant.pop((log, level, place), None)
        unknown = expected is None and log in chains and not chains[log].whole  # behind a missing entry
        if hash != expected and not unknown:
            yield finding("node-changed", f"{log}/{level}/{place}")
    for key in sorted(meant):
        yield finding("node-changed", "/".join(map(str, key)))


def _schema(connection: sqlite3.Connection) -> Iterator[Finding]:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    if (version, application) != (schema.VERSION, schema.APPLICATION_ID):
        yield finding("schema-changed", detail=f"version {version}, application {application}")
    for kind, name, _ in sorted(schema.objects(connection) ^ schema.expected()):
        yield finding("schema-changed", name, detail=f"{kind} {name}")
    logs = {log for (log,) in connection.execute("SELECT log FROM head")}
    for log in sorted(logs ^ {*LOGS, "checkpoints"}, key=str):
        yield finding("head-changed", log, detail="?")


def _file(connection: sqlite3.Connection) -> Iterator[Finding]:
    for (line,) in connection.execute("PRAGMA integrity_check(20)").fetchall():
        if line != "ok":
            yield finding("file-damaged", detail=line)


def _report(chains: dict[str, Chain], findings: Collection[Finding]) -> Report:
    sizes = {name: chain.size for name, chain in chains.items()}
    heads = {name: chain.hash.hex() for name, chain in chains.items()}
    return Report(tuple(findings), sizes, heads)
