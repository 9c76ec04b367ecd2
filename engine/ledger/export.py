"""A bundle that stands alone: JSON Lines with entries, their proofs, the rules they were decided under, and
a signed checkpoint. docs/ledger.md has the format. No identities: names and numbers do not leave the house
this way.

Bodies are written as they were digested, so whoever reads a line and writes it canonically has the very
bytes.
"""

import hashlib
import json
import sqlite3
from collections.abc import Collection, Iterable, Iterator
from typing import Any

from engine.language import canonical
from engine.ledger import merkle, proofs, read, rulebooks
from engine.ledger.chain import DECISIONS, leaf_hash
from engine.ledger.checkpoint import Checkpoint, read_checkpoint
from engine.ledger.errors import LedgerError, Refused

__all__ = ["check_bundle", "export"]


def export(
    connection: sqlite3.Connection, checkpoint: Checkpoint, *, seqs: Iterable[int] | None = None
) -> Iterator[bytes]:
    """The lines of a bundle, each ending in a newline. `connection`: one snapshot (Store.snapshot).

    checkpoint: what the proofs lead to; entries after it cannot be in. seqs: which entries; None: all it
    covers, with their hashes but without paths, since the whole tree can be rebuilt from them. Raises
    Refused for an entry that the checkpoint does not cover; NotFound.
    """
    size = checkpoint.size(DECISIONS.name)
    whole = seqs is None
    chosen = range(1, size + 1) if seqs is None else sorted(set(seqs))
    head = {"bundle": "jiuzhu-ledger", "format": 1, "whole": whole, **checkpoint.file()}
    yield canonical.dumps(head) + b"\n"
    needed: set[str] = set()
    for seq in chosen:
        if not 1 <= seq <= size:
            raise Refused(
                f"检查点只到第 {size} 号，不含第 {seq} 号",
                f"the checkpoint ends at {size}, before {seq}",
                "not-covered",
            )
        yield _entry(connection, seq, None if whole else size, needed)
    recorded = {rulebooks.seq_of(connection, digest) for digest in needed} - set(chosen)
    for number in sorted(seq for seq in recorded if seq is not None):  # what vouches for the rules' text
        yield _entry(connection, number, size, needed)
    for digest in sorted(needed):
        files = [[path, text] for path, text in sorted(rulebooks.load(connection, digest).items())]
        yield canonical.dumps({"files": files, "rulebook": digest}) + b"\n"


def _entry(connection: sqlite3.Connection, seq: int, size: int | None, needed: set[str]) -> bytes:
    """The line of an entry, with its path in the tree of `size` (None: without); notes the rulebook it needs."""
    body, index = read.documents(connection, seq)
    parts = [b'{"body":', body, b',"header":', proofs.header(connection, DECISIONS, seq)]
    if index is not None:
        parts += [b',"index":', index]
        needed.add(json.loads(index)["rulebook"])
    if size is not None:
        path = merkle.inclusion(merkle.Hashes(connection, DECISIONS), seq - 1, size)
        parts += [b',"path":', canonical.dumps([item.hex() for item in path])]
    return b"".join((*parts, b"}\n"))


def check_bundle(lines: Iterable[bytes], *, trusted: Collection[str] | None = None) -> tuple[int, list[str]]:
    """Check a bundle with nothing but itself (and the public keys one trusts): how many entries it has, and what
    is wrong with it, in English, empty for nothing."""
    reader = iter(lines)
    try:
        head = json.loads(next(reader, b""))
        checkpoint = read_checkpoint(json.dumps({name: head[name] for name in ("checkpoint", "signature")}))
        whole = head["whole"]
    except (ValueError, KeyError, TypeError, LedgerError):
        return 0, ["line 1: not the head of a bundle"]
    wrong = [] if checkpoint.signed_by(trusted) else ["line 1: the checkpoint's signature does not fit"]
    claim = checkpoint.document["logs"][DECISIONS.name]
    check = _Check(None if whole else claim)
    for number, line in enumerate(reader, 2):
        try:
            said = check.line(json.loads(line))
        except (ValueError, KeyError, TypeError):
            said = "cannot be read"
        if said:
            wrong.append(f"line {number}: {said}")
    if whole and (check.spine.size, check.spine.root().hex()) != (claim["size"], claim["root"]):
        wrong.append("the entries are not those the checkpoint covers")
    wrong += [f"the rules {digest} are missing" for digest in sorted(check.needed - check.given)]
    return check.spine.size, wrong


class _Check:
    """A bundle as it is read: the tree so far, and which rules are needed, vouched for and given."""

    def __init__(self, claim: dict[str, Any] | None) -> None:
        self.claim = claim
        self.spine = merkle.Spine()
        self.needed: set[str] = set()
        self.given: set[str] = set()
        self._manifests: dict[str, list[list[str]]] = {}

    def line(self, row: dict[str, Any]) -> str:
        """What is wrong with a line; empty for nothing."""
        if "files" in row:
            self.given.add(row["rulebook"])
            manifest = [[path, hashlib.sha256(text.encode()).hexdigest()] for path, text in row["files"]]
            fits = manifest == self._manifests.get(row["rulebook"])
            return "" if fits else f"the rules {row['rulebook']} are not those on record"
        leaf = leaf_hash(canonical.dumps(row["header"]))
        self.spine.push(leaf)
        if "index" in row:
            self.needed.add(row["index"]["rulebook"])
        if row["header"]["kind"] == "rulebook":
            self._manifests[row["body"]["rulebook"]] = row["body"]["files"]
        return "" if _fits(row, leaf, self.claim) else f"entry {row['header']['seq']} was changed"


def _fits(row: dict[str, Any], leaf: bytes, claim: dict[str, Any] | None) -> bool:
    header = row["header"]
    index = canonical.digest(row["index"]) if "index" in row else None
    if header["log"] != DECISIONS.name or canonical.digest(row["body"]) != header["body"] or index != header["index"]:
        return False
    if claim is None:
        return True
    path = [bytes.fromhex(item) for item in row["path"]]
    return merkle.included(leaf, header["seq"] - 1, claim["size"], path, bytes.fromhex(claim["root"]))
