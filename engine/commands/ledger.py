"""`jiuzhu ledger`: what proves the record, and what keeps it."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from engine.commands.common import console, fail, json_option, lang_option, print_json
from engine.commands.keys import clock, data_option, instant
from engine.ledger import proofs, read
from engine.ledger.access import access
from engine.ledger.append import Writer
from engine.ledger.backup import backup as copy_to
from engine.ledger.backup import restore as copy_back
from engine.ledger.checkpoint import Checkpoint, latest, make, public_key, read_checkpoint
from engine.ledger.entries import erasure
from engine.ledger.errors import LedgerError, NotFound
from engine.ledger.export import export as bundle
from engine.ledger.home import Folder
from engine.ledger.search_index import SearchIndex
from engine.ledger.store import Store
from engine.ledger.verify import Report
from engine.ledger.verify import verify as verify_ledger

OPERATOR = "command-line"
"""How the command line signs the access log: whoever runs it has the files in hand."""


@click.group(
    epilog="例 / examples:\n\n  jiuzhu ledger verify\n\n  jiuzhu ledger checkpoint --out checkpoint.json\n\n"
    "  jiuzhu ledger prove 17 > proof.json\n\n  jiuzhu ledger backup /safe/ledger-2026-11-21.db"
)
def ledger() -> None:
    """台账：核验、导出、证明、检查点、备份、恢复、删除身份。/ Verify, export, prove, checkpoint, back up,
    restore, erase."""


@ledger.command(
    epilog="例 / examples:\n\n  jiuzhu ledger verify\n\n"
    "  jiuzhu ledger verify --checkpoint kept/checkpoint.json --trusted KEY"
)
@click.option(
    "--checkpoint",
    "files",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False),
    help="另存的检查点 / one kept elsewhere.",
)
@click.option("--trusted", multiple=True, metavar="HEX", help="签名者公钥 / public key it must be signed by.")
@click.option(
    "--limit", type=click.IntRange(1), default=100, show_default=True, help="最多报告几处 / findings at most."
)
@data_option
@lang_option
@json_option
def verify(files: tuple[str, ...], trusted: tuple[str, ...], limit: int, data: str, lang: str, as_json: bool) -> None:
    """核验整个台账，指出第一处被改动的记录。/ Verify the whole ledger and name what was changed.

    Exit code 0: whole, 1: something was changed, 2: it cannot be verified.
    """
    folder = Folder(Path(data))
    if not folder.ledger.exists():
        fail(f"{data} 里没有台账", f"there is no ledger in {data}", lang)
    kept = [_checkpoint(name, lang) for name in files]
    sizes = _sizes(folder)
    shown = console(stderr=True)
    bar = Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
        console=shown, transient=True, disable=as_json or not shown.is_terminal,
    )  # fmt: skip
    with bar:
        tasks = {name: bar.add_task(name, total=size or None) for name, size in sizes.items()}

        def progress(log: str, done: int) -> None:
            bar.update(tasks[log], completed=done)

        try:
            report = verify_ledger(
                folder.ledger, checkpoints=kept, trusted=trusted or None, limit=limit, progress=progress
            )
        except LedgerError as error:
            fail(error.zh, error.en, lang)
    _report(report, lang, as_json, bool(kept))
    sys.exit(0 if report.ok else 1)


def _report(report: Report, lang: str, as_json: bool, against: bool) -> None:
    zh = lang == "zh"
    if as_json:
        print_json(
            {
                "ok": report.ok,
                "first_broken": report.first_broken,
                "sizes": report.sizes,
                "heads": report.heads,
                "findings": [
                    {"code": f.code, "log": f.log, "place": f.place, "message": {"zh": f.zh, "en": f.en}}
                    for f in report.findings
                ],
            }
        )
        return
    out = console()
    table = Table("日志" if zh else "log", "记录数" if zh else "entries", "末端哈希" if zh else "head", box=None)
    for name, size in report.sizes.items():
        table.add_row(name, f"{size:,}", report.heads[name])
    out.print(table)
    for found in report.findings:
        out.print(f"✗ {found.zh if zh else found.en}  [{found.code}]", style="red", markup=False, soft_wrap=True)
    if not report.ok:
        out.print(f"发现 {len(report.findings)} 处" if zh else f"{len(report.findings)} finding(s)", style="bold red")
        return
    out.print("✓ 完整，未发现改动" if zh else "✓ whole; nothing was changed", style="green")
    if not against:
        note = (
            "未对照另存的检查点：末尾被截去、整本重写无法察觉",
            "no checkpoint kept elsewhere was given: entries cut off the end, or a ledger written anew, would not show",
        )
        out.print(note[not zh], style="dim")


@ledger.command(
    epilog="例 / examples:\n\n  jiuzhu ledger export > whole.jsonl\n\n"
    "  jiuzhu ledger export --entry 17 --entry 21 --why 复核 > two.jsonl"
)
@click.option("--entry", "entries", multiple=True, type=click.IntRange(1), help="只导出这些记录 / these entries only.")
@click.option("--why", default="jiuzhu ledger export", help="理由，写入查阅日志 / for the access log.")
@data_option
@lang_option
def export(entries: tuple[int, ...], why: str, data: str, lang: str) -> None:
    """导出可独立核对的数据包（JSON Lines，不含身份信息）。/ A bundle that stands alone, without
    identities."""
    folder, store = _open(data, lang)
    try:
        checkpoint = _covering(folder, store, entries)
        what = {"entries": list(entries) or "all", "checkpoint": checkpoint.document["number"]}
        Writer(store).append(access("export", OPERATOR, why, instant(clock()), what=what))
        with store.snapshot() as connection:
            for line in bundle(connection, checkpoint, seqs=entries or None):
                sys.stdout.buffer.write(line)
    except LedgerError as error:
        fail(error.zh, error.en, lang)
    except BrokenPipeError:
        sys.exit(0)


def _covering(folder: Folder, store: Store, entries: Sequence[int]) -> Checkpoint:
    """The newest checkpoint if it covers what is asked for, else a new one."""
    newest = latest(store.reader())
    size, _ = read.head(store.reader())
    needed = max(entries, default=size)
    if newest is None or newest.size("decisions") < min(needed, size):
        newest = make(store, folder.signing(), instant(clock()))
    return newest


@ledger.command(
    epilog="例 / examples:\n\n  jiuzhu ledger prove 17 > proof.json\n\n"
    "  jiuzhu ledger prove --old 1000 > consistency.json\n\n"
    "  python docs/verify_proof.py proof.json checkpoint.json"
)
@click.argument("entry", type=click.IntRange(1), required=False)
@click.option("--old", type=click.IntRange(1), help="证明前 N 条未变 / that the first N are unchanged.")
@click.option("--size", type=click.IntRange(1), help="相对前多少条；默认最近的检查点 / of the first so many.")
@click.option("--log", type=click.Choice(["decisions", "access"]), default="decisions", show_default=True)
@click.option("--body", is_flag=True, help="附上决定全文 / with the document itself.")
@click.option("--why", default="jiuzhu ledger prove", help="理由，写入查阅日志 / for the access log.")
@data_option
@lang_option
def prove(
    entry: int | None, old: int | None, size: int | None, log: str, body: bool, why: str, data: str, lang: str
) -> None:
    """证明第 ENTRY 号记录在册，或前若干条未变（RFC 9162）。/ Prove that an entry is in the log, or the
    first are unchanged.

    The proof leads to the root of the newest checkpoint; one is made if it does not reach that far.
    """
    if (entry is None) == (old is None):
        fail("请给出 ENTRY 或 --old 之一", "give either ENTRY or --old", lang)
    folder, store = _open(data, lang)
    try:
        newest = latest(store.reader())
        wanted = entry or old or 1
        if size is None:
            if newest is None or newest.size(log) < wanted:
                newest = make(store, folder.signing(), instant(clock()))
            size = newest.size(log)
        if body and entry is not None:
            Writer(store).append(access("export", OPERATOR, why, instant(clock()), case=entry, what={"proof": True}))
        with store.snapshot() as connection:
            if entry is not None:
                found = proofs.inclusion(connection, entry, size=size, log=log, body=body)
            else:
                found = proofs.consistency(connection, wanted, new=size, log=log)
    except LedgerError as error:
        fail(error.zh, error.en, lang)
    print_json(found)


@ledger.command(epilog="例 / examples:\n\n  jiuzhu ledger checkpoint --out checkpoint.json")
@click.option("--out", type=click.Path(dir_okay=False), help="写到这个文件 / write it there; default: standard output.")
@data_option
@lang_option
def checkpoint(out: str | None, data: str, lang: str) -> None:
    """签一份检查点，请交审计员另行保存。/ Sign a checkpoint for an auditor to keep elsewhere."""
    folder, store = _open(data, lang)
    try:
        signing = folder.signing()
        made = make(store, signing, instant(clock()))
    except LedgerError as error:
        fail(error.zh, error.en, lang)
    if out is None:
        print_json(made.file())
    else:
        try:
            Path(out).write_text(json.dumps(made.file(), indent=2) + "\n")
        except OSError as error:
            fail(f"{out}：{error.strerror}", f"{out}: {error.strerror}", lang)
    say = console(stderr=True)
    sizes = made.document["logs"]["decisions"]["size"]
    say.print(
        f"第 {made.document['number']} 号检查点，{sizes:,} 条记录；公钥 {public_key(signing)}"
        if lang == "zh"
        else f"checkpoint {made.document['number']}, {sizes:,} entries; public key {public_key(signing)}",
        markup=False, soft_wrap=True,
    )  # fmt: skip


@ledger.command(epilog="例 / examples:\n\n  jiuzhu ledger backup /safe/ledger-2026-11-21.db")
@click.argument("target", type=click.Path(dir_okay=False))
@data_option
@lang_option
@json_option
def backup(target: str, data: str, lang: str, as_json: bool) -> None:
    """在服务运行时备份台账并核验副本；密钥文件另行保存。/ Copy the ledger while it is in use, and verify
    the copy.

    The key files (identity.key, signing.key) are not in the copy: keep them elsewhere.
    """
    _, store = _open(data, lang)
    try:
        report = copy_to(store, target)
    except LedgerError as error:
        fail(error.zh, error.en, lang, 1)
    _report(report, lang, as_json, True)


@ledger.command(epilog="例 / examples:\n\n  jiuzhu ledger restore /safe/ledger-2026-11-21.db --data var-new")
@click.argument("copy", type=click.Path(exists=True, dir_okay=False))
@click.option(
    "--checkpoint",
    "files",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False),
    help="另存的检查点 / one kept elsewhere.",
)
@data_option
@lang_option
@json_option
def restore(copy: str, files: tuple[str, ...], data: str, lang: str, as_json: bool) -> None:
    """把备份恢复为 --data 中的台账；先核验。/ Put a copy in place as the ledger in --data, after verifying
    it.

    Put identity.key and signing.key back beside it. Refuses where a ledger is already.
    """
    folder = Folder(Path(data))
    folder.path.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        report = copy_back(copy, folder.ledger, checkpoints=[_checkpoint(name, lang) for name in files])
    except LedgerError as error:
        fail(error.zh, error.en, lang, 1)
    _report(report, lang, as_json, bool(files))


@ledger.command(epilog="例 / examples:\n\n  jiuzhu ledger erase h_0123456789abcdef01234567 --reason 依本人请求")
@click.argument("household")
@click.option("--reason", required=True, help="理由；不可删改 / why; kept for good.")
@click.confirmation_option(prompt="身份信息删除后不能恢复，继续？ / It cannot be undone. Go on?")
@data_option
@lang_option
def erase(household: str, reason: str, data: str, lang: str) -> None:
    """删除一户的身份信息；决定保留，台账仍可核验。/ Destroy a household's identity; its decisions stay.

    个人信息保护法第四十七条。Exit code 1: there is no such identity.
    """
    _, store = _open(data, lang)
    writer = Writer(store)
    try:
        receipt = writer.append(erasure(household, OPERATOR, reason, instant(clock())))
    except LedgerError as error:
        fail(error.zh, error.en, lang, 1)
    scrubbed = writer.scrub()
    try:
        scrubbed = SearchIndex(store).forget(household) and scrubbed
    except LedgerError as error:  # from the erasure on its tokens find nothing anyway
        console(stderr=True).print(error.en if lang == "en" else error.zh, style="yellow")
    if not scrubbed:
        note = ("有长时间读取在进行，写前日志稍后清空", "a long-running reader is in the way; the log is emptied later")
        console(stderr=True).print(note[lang == "en"], style="yellow")
    click.echo(f"第 {receipt.seq} 号记录：已删除" if lang == "zh" else f"entry {receipt.seq}: erased")


def _open(data: str, lang: str) -> tuple[Folder, Store]:
    folder = Folder(Path(data))
    try:
        return folder, folder.store()
    except NotFound as error:
        fail(error.zh, error.en, lang)
    except LedgerError as error:
        fail(error.zh, error.en, lang, 1)


def _checkpoint(name: str, lang: str) -> Checkpoint:
    try:
        return read_checkpoint(Path(name).read_bytes())
    except OSError as error:
        fail(f"{name}：{error.strerror}", f"{name}: {error.strerror}", lang)
    except LedgerError as error:
        fail(f"{name}：{error.zh}", f"{name}: {error.en}", lang)


def _sizes(folder: Folder) -> dict[str, int]:
    """How long the logs say they are, for the bars; what is damaged is for `verify` to say."""
    found: dict[str, Any] = {"decisions": 0, "access": 0}
    try:
        connection = folder.store().reader()
        for name in found:
            found[name] = read.head(connection, name)[0]
    except Exception:
        return {"decisions": 0, "access": 0}
    return found
