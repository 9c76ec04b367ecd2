"""`jiuzhu key`: who may call the service."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from engine.commands.common import console, fail, json_option, lang_option, print_json
from engine.ledger.errors import LedgerError
from engine.ledger.home import Folder
from engine.ledger.keys import ROLES, ApiKey, Keys


def data_option(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option("--data", metavar="DIR", default="var", show_default=True, help="数据目录 / the data folder.")(
        command
    )


def clock() -> datetime:
    """The clock of these commands."""
    return datetime.now(UTC)


def instant(moment: datetime) -> str:
    """A time as the ledger writes it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@click.group(
    epilog="例 / examples:\n\n  jiuzhu key create --role caseworker --label 华阳路 --days 365\n\n  jiuzhu key list"
)
def key() -> None:
    """密钥：生成、列出、吊销。/ API keys: create, list, revoke."""


@key.command(
    epilog="例 / examples:\n\n  jiuzhu key create --role caseworker --label 华阳路街道 --days 365\n\n"
    "  jiuzhu key create --role admin --scope metrics --label prometheus"
)
@click.option("--role", type=click.Choice(ROLES), required=True, help="角色 / the role.")
@click.option("--scope", "scopes", multiple=True, metavar="SCOPE", help="只给这些权限，可多次 / these scopes only.")
@click.option("--label", default="", help="归谁所用，不要写姓名 / whose it is; no personal names.")
@click.option("--days", type=click.IntRange(1, 3660), help="有效天数，默认不过期 / days it lives; default: for ever.")
@data_option
@lang_option
@json_option
def create(
    role: str, scopes: tuple[str, ...], label: str, days: int | None, data: str, lang: str, as_json: bool
) -> None:
    """生成一把密钥；只显示这一次。/ Make a key; it is shown this once."""
    from api.auth import MAY_HOLD, allowed_scopes

    wrong = allowed_scopes(role, scopes)
    if wrong:
        may = ", ".join(sorted(MAY_HOLD[role]))
        bad = ", ".join(sorted(wrong))
        fail(f"{role} 不能有权限 {bad}；可选：{may}", f"a {role} key may not hold {bad}; it may hold: {may}", lang)
    now = clock()
    expires = None if days is None else instant(now + timedelta(days=days))
    try:
        made, token = _keys(data).create(role, instant(now), scopes=scopes, label=label, expires_at=expires)
    except LedgerError as error:
        fail(error.zh, error.en, lang)
    if as_json:
        print_json({**_row(made, instant(now)), "key": token})
        return
    say = console(stderr=True)
    say.print("只显示这一次，请妥善保存：" if lang == "zh" else "shown this once, keep it:", markup=False)
    click.echo(token)


@key.command(name="list")
@data_option
@lang_option
@json_option
def list_(data: str, lang: str, as_json: bool) -> None:
    """列出全部密钥（不含密钥本身）。/ Every key, without its secret."""
    keys = _keys(data).all() if Folder(Path(data)).keys.exists() else ()
    now = instant(clock())
    if as_json:
        print_json([_row(each, now) for each in keys])
        return
    heads = ("编号", "角色", "权限", "归属", "生成", "到期", "状态")
    if lang == "en":
        heads = ("id", "role", "scopes", "label", "created", "expires", "state")
    table = Table(*heads, box=None, header_style="bold")
    words = {"live": ("有效", "live"), "expired": ("过期", "expired"), "revoked": ("已吊销", "revoked")}
    for each in keys:
        row = _row(each, now)
        state = words[row["state"]][lang == "en"]
        scopes = ", ".join(row["scopes"]) or ("按角色" if lang == "zh" else "of the role")
        table.add_row(
            each.id, each.role, scopes, each.label, each.created_at[:10], (each.expires_at or "–")[:10], state
        )
    console().print(table)


@key.command()
@click.argument("id")
@data_option
@lang_option
@json_option
def revoke(id: str, data: str, lang: str, as_json: bool) -> None:
    """吊销密钥 ID，立即生效，不可恢复。/ Revoke key ID, at once and for good."""
    if not Folder(Path(data)).keys.exists():
        fail(f"{data} 里没有密钥", f"there are no keys in {data}", lang)
    try:
        gone = _keys(data).revoke(id, instant(clock()))
    except LedgerError as error:
        fail(error.zh, error.en, lang, 1)
    if as_json:
        print_json(_row(gone, instant(clock())))
    else:
        console().print(f"已吊销 {gone.id}" if lang == "zh" else f"revoked {gone.id}", markup=False)


def _keys(data: str) -> Keys:
    folder = Folder(Path(data))
    folder.path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return Keys(folder.keys)


def _row(found: ApiKey, now: str) -> dict[str, Any]:
    expired = found.expires_at is not None and found.expires_at <= now
    return {
        "id": found.id,
        "role": found.role,
        "scopes": sorted(found.scopes),
        "label": found.label,
        "created_at": found.created_at,
        "expires_at": found.expires_at,
        "state": "revoked" if found.revoked_at else "expired" if expired else "live",
    }
