"""A bundle that stands alone: JSON Lines with entries, their proofs, the rules they were decided under, and
a signed checkpoint. docs/ledger.md has the format. No identities: names and numbers do not leave the house
this way.

Bodies are written as they were digested, so whoever reads a line and writes it canonically has the very
bytes.
"""

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
    source = merkle.Hashes(connection, DECISIONS)
    needed: set[str] = set()
    for seq in chosen:
        if not 1 <= seq <= size:
            raise Refused(
                f"检查点只到第 {size} 号，不含第 {seq} 号",
                f"the checkpoint ends at {size}, before {seq}",
                "not-covered",
            )
        body, index = read.documents(connection, seq)
        parts = [b'{"body":', body, b',"header":', proofs.header(connection, DECISIONS, seq)]
        if index is not None:
            parts += [b',"index":', index]
            needed.add(json.loads(index)["rulebook"])
        if not whole:
            path = [item.hex() for item in merkle.inclusion(source, seq - 1, size)]
            parts += [b',"path":', canonical.dumps(path)]
        yield b"".join((*parts, b"}\n"))
    yield from _rules(connection, needed)


def _rules(connection: sqlite3.Connection, needed: Collection[str]) -> Iterator[bytes]:
    for digest in sorted(needed):
        files = [[path, text] for path, text in sorted(rulebooks.load(connection, digest).items())]
        yield canonical.dumps({"files": files, "rulebook": digest}) + b"\n"


def check_bundle(lines: Iterable[bytes], *, trusted: Collection[str] | None = None) -> tuple[int, list[str]]:
    """Check a bundle with nothing but itself (and the public keys one trusts): how many entries it has, and
    what is wrong with it, in English, empty for nothing."""
    wrong: list[str] = []
    reader = iter(lines)
    try:
        head = json.loads(next(reader, b""))
        checkpoint = read_checkpoint(json.dumps({name: head[name] for name in ("checkpoint", "signature")}))
        whole = head["whole"]
    except (ValueError, KeyError, TypeError, LedgerError):
        return 0, ["line 1: not the head of a bundle"]
    if not checkpoint.signed_by(trusted):
        wrong.append("line 1: the checkpoint's signature does not fit")
    claim = checkpoint.document["logs"][DECISIONS.name]
    spine, count = merkle.Spine(), 0
    for number, line in enumerate(reader, 2):
        try:
            row = json.loads(line)
            if "header" not in row:
                continue
            count += 1
            leaf = leaf_hash(canonical.dumps(row["header"]))
            spine.push(leaf)
            if not _fits(row, leaf, None if whole else claim):
                wrong.append(f"line {number}: entry {row['header']['seq']} was changed")
        except (ValueError, KeyError, TypeError):
            wrong.append(f"line {number}: cannot be read")
    if whole and (spine.size, spine.root().hex()) != (claim["size"], claim["root"]):
        wrong.append("the entries are not those the checkpoint covers")
    return count, wrong


def _fits(row: dict[str, Any], leaf: bytes, claim: dict[str, Any] | None) -> bool:
    header = row["header"]
    index = canonical.digest(row["index"]) if "index" in row else None
    if (
        header["log"] != DECISIONS.name
        or canonical.digest(row["body"]) != header["body"]
        or index != header["index"]
    ):
        return False
    if claim is None:
        return True
    path = [bytes.fromhex(item) for item in row["path"]]
    return merkle.included(leaf, header["seq"] - 1, claim["size"], path, bytes.fromhex(claim["root"]))
