"""What an auditor takes away: a checkpoint, a proof, and a bundle that stands alone, checked without this service.

No identity is in any of them: names and numbers do not leave the house this way.
"""

from __future__ import annotations

import io
import json
import zipfile
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from flask import Blueprint, Response

from api.cases import looked
from api.problems import Problem
from api.web.reading_case import Read, opened
from api.web.reading_reason import to_reason
from api.web.visit import Visit, page
from engine.decide.explain import explain
from engine.decide.record import in_full
from engine.language import canonical
from engine.ledger import proofs, read, rulebooks
from engine.ledger.checkpoint import Checkpoint, latest, make
from engine.ledger.export import export

__all__ = ["blueprint"]

blueprint = Blueprint("reading-bundle", __name__)

_HOUSE = Path(__file__).resolve().parents[2]


@page(blueprint, "POST", "/reading/checkpoint", scope="ledger:verify", zh="检查点", en="Checkpoint")
def checkpoint(visit: Visit) -> Response:
    """Sign the ledger as it stands, for the auditor to keep elsewhere."""
    home = visit.service.home
    made = make(home.store, home.folder.signing(), visit.service.at())
    looked(visit, "export", visit.say("签发检查点", "a checkpoint"), what={"checkpoint": made.document["number"]})
    return _file(f"checkpoint-{made.document['number']}.json", _json(made.file()), "application/json")


@page(blueprint, "POST", "/reading/<entry:id>/proof", scope="ledger:read", zh="证明", en="Proof")
def proof(visit: Visit, id: int) -> Response:
    """The proof that the decision is in the ledger, up to the newest checkpoint that covers it, with its document."""
    _may_take(visit)
    found = opened(visit, id, "export", {"proof": True})
    if found is None:
        return to_reason(visit)
    vouching = _covering(visit, id)
    made = _proof(visit, id, vouching)
    return _file(f"proof-{id}.json", _json(made), "application/json")


@page(blueprint, "POST", "/reading/<entry:id>/bundle", scope="ledger:read", zh="数据包", en="Bundle")
def bundle(visit: Visit, id: int) -> Response:
    """Everything needed to check one decision, and to make it again, with nothing but Python and this package."""
    _may_take(visit)
    found = opened(visit, id, "export", {"bundle": True})
    if found is None:
        return to_reason(visit)
    later = [each.seq for each in read.about(visit.service.home.store.reader(), id)]
    vouching = _covering(visit, max([id, *later]))
    files = _files(visit, found, later, vouching)
    return _file(f"decision-{id}.zip", _zip(files, found.entry.at), "application/zip")


def _may_take(visit: Visit) -> None:
    if not visit.may("cases:all"):
        raise Problem("not-allowed", scope="cases:all", role=visit.who.role)


def _covering(visit: Visit, seq: int) -> Checkpoint:
    """The newest checkpoint if it covers an entry, else a new one."""
    home = visit.service.home
    newest = latest(home.store.reader())
    if newest is None or newest.size("decisions") < seq:
        newest = make(home.store, home.folder.signing(), visit.service.at())
    return newest


def _proof(visit: Visit, id: int, vouching: Checkpoint) -> dict[str, Any]:
    with visit.service.home.store.snapshot() as connection:
        return proofs.inclusion(connection, id, size=vouching.size("decisions"), body=True)


def _files(visit: Visit, found: Read, later: list[int], vouching: Checkpoint) -> dict[str, bytes]:
    """Name -> content of the bundle, in the order one would read them."""
    id, stored, made = found.entry.seq, dict(found.stored), found.decision
    store = visit.service.home.store
    with store.snapshot() as connection:
        lines = b"".join(export(connection, vouching, seqs=[id, *later]))
        rules = rulebooks.load(connection, stored["rulebook"])
    files = {
        "README.txt": _readme(found, later).encode(),
        "proof.json": _json(_proof(visit, id, vouching)),
        "checkpoint.json": _json(vouching.file()),
        "verify_proof.py": _script(),
        "decision.json": _json(in_full(stored, made)),
        "household.json": _json(stored["household"]),
        "explanation.zh.txt": _sentences(made, "zh"),
        "explanation.en.txt": _sentences(made, "en"),
        "ledger.jsonl": lines,
    }
    return {**files, **{f"rules/{path}": text.encode() for path, text in sorted(rules.items())}}


def _sentences(made: Any, lang: str) -> bytes:
    lines: list[str] = []

    def write(line: Any, depth: int) -> None:
        rests = " ".join(part for part in (line.cite, line.place) if part)
        lines.append(f"{'  ' * depth}{line.mark} {line.text}{f'  [{rests}]' if rests else ''}")
        for part in line.parts:
            write(part, depth + 1)

    for line in explain(made, lang):
        write(line, 0)
        lines.append("")
    return "\n".join(lines).encode()


def _readme(found: Read, later: list[int]) -> str:
    id, stored = found.entry.seq, found.stored
    places = stored["jurisdictions"]
    where = "" if places is None else " " + " ".join(f"--jurisdiction {name}" for name in places)
    again = f"jiuzhu decide household.json --rules rules --on {stored['on']}{where}"
    said = f"；其后的记录 / entries about it: {', '.join(map(str, later))}" if later else ""
    return f"""决定 {id} 的独立数据包 / Decision {id}, to be checked on its own{said}

本包不含姓名、证件号、电话、住址。No name, identity number, phone number or address is in here.

1. 核对：这条记录在签名检查点所含的台账里，内容一字未改。
   Check that the entry is in the ledger that the checkpoint was signed for, unchanged:

       python3 verify_proof.py proof.json checkpoint.json

   请与您自己保存的检查点、事先得到的公钥对照；本包里的检查点只能证明自身完整。
   Compare with a checkpoint you kept and a public key you were given: the one in here only shows that it is whole.

2. 核对规则：proof.json 中 body.rulebook 是规则集的摘要，rules/ 是其全部文件。
   The rules: body.rulebook in proof.json is the digest of the files in rules/.
   规则集 / rulebook: {stored["rulebook"]}

3. 重新认定（安装 jiuzhu {stored["engine"]} 后）/ Decide again, with jiuzhu {stored["engine"]} installed:

       {again}

文件 / Files
   proof.json           记录及其在台账中的证明 / the entry, and the proof that it is in the ledger
   checkpoint.json      签名的检查点 / the signed checkpoint
   verify_proof.py      核对程序，只需 Python / the check; needs nothing but Python
   decision.json        决定全文：每个条件的结果、观察值和要求值、当日数值 / the decision with every outcome and value
   household.json       所依据的情况 / the facts it rests on
   explanation.*.txt    理由 / the reasons in sentences
   ledger.jsonl         记录、其后的记录、规则及各自的证明 / these entries and the rules, each with its proof
   rules/               当时的规则全文 / the rules of its day, whole
"""


def _zip(files: dict[str, bytes], at: str) -> bytes:
    """The archive; the same bytes for the same files."""
    day = datetime.fromisoformat(at)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            info = zipfile.ZipInfo(name, (day.year, day.month, day.day, day.hour, day.minute, day.second))
            info.compress_type, info.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            archive.writestr(info, content)
    return buffer.getvalue()


@cache
def _script() -> bytes:
    """The program that checks a proof: of the work tree, or as it was shipped."""
    places = (_HOUSE / "docs" / "verify_proof.py", _HOUSE / "engine" / "_shipped" / "verify_proof.py")
    return next(place for place in places if place.is_file()).read_bytes()


def _json(value: Any) -> bytes:
    canonical.dumps(value)  # what is not canonical could not be checked elsewhere
    return (json.dumps(value, ensure_ascii=False, indent=1) + "\n").encode()


def _file(name: str, content: bytes, media: str) -> Response:
    found = Response(content, content_type=media)
    found.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    found.headers["Cache-Control"] = "no-store"
    return found
