"""`jiuzhu serve`: the service, with its keys on the first start."""

from __future__ import annotations

import fcntl
import ipaddress
import os
import signal
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console

from engine.commands.common import console, fail, lang_option, print_problems, rules_option
from engine.language.problems import RulebookError
from engine.language.shipped import NoRules, rule_files
from engine.ledger.errors import LedgerError
from engine.ledger.keys import Keys

if TYPE_CHECKING:
    from api.settings import Settings

FIRST_KEYS = (("caseworker", "经办人"), ("auditor", "审计员"))


@click.command(
    epilog="例 / examples:\n\n  jiuzhu serve\n\n  jiuzhu serve --data /srv/jiuzhu --port 8080 --workers 4\n\n"
    "  jiuzhu serve --host 0.0.0.0      需先有密钥 / needs a key first: jiuzhu key create\n\n"
    "  kill -HUP PID                    重新载入规则 / loads the rules anew"
)
@click.option("--data", metavar="DIR", default="var", show_default=True, help="数据目录 / the data folder.")
@click.option("--host", default="127.0.0.1", show_default=True, help="监听地址 / address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="端口；0 为任选 / 0: any.")
@click.option("--workers", type=click.IntRange(1, 64), help="进程数，默认为 CPU 数 / processes; one per CPU.")
@click.option(
    "--threads", type=click.IntRange(1, 512), default=32, show_default=True, help="每个进程的线程数 / per process."
)
@click.option("--rate", type=click.IntRange(1), metavar="N", help="每把密钥每分钟最多 N 次 / calls a key has a minute.")
@click.option("--dev", is_flag=True, help="Flask 的开发服务器，仅供调试 / Flask's own server, for debugging only.")
@rules_option
@lang_option
def serve(
    data: str,
    host: str,
    port: int,
    workers: int | None,
    threads: int,
    rate: int | None,
    dev: bool,
    rules: str | None,
    lang: str,
) -> None:
    """启动服务；首次启动时建立台账并给出密钥。/ Start the service; the first start makes the ledger and keys.

    Exit code 1: the rules have problems, 2: it cannot start as told.
    """
    from api.server import apart
    from api.server import serve as run
    from api.settings import Limits, Settings

    limits = Limits() if rate is None else Limits(per_minute=rate, burst=max(1, rate // 5))
    settings = Settings(data=Path(data), rules=rules, limits=limits)
    held = _alone(settings, lang)
    port = port or _free_port(host)
    code = apart(lambda: _prepare(settings, host, port, lang))
    if code:
        sys.exit(code)
    if dev:
        _develop(settings, host, port)
    else:
        bind = f"{_in_url(host)}:{port}"
        run(settings, bind, workers or os.cpu_count() or 1, threads)
    os.close(held)


def _alone(settings: Settings, lang: str) -> int:
    """Hold the data folder: a second service would take away what the workers of the first share."""
    try:
        settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(settings.data / "serve.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)  # of this process: its death lets go, a worker has no part
    except BlockingIOError:
        fail(f"{settings.data} 已有服务在运行", f"{settings.data} is being served already", lang)
    except OSError as error:
        fail(f"{settings.data}：{error.strerror}", f"{settings.data}: {error.strerror}", lang)
    return handle


def _prepare(settings: Settings, host: str, port: int, lang: str) -> int:
    """Make the data folder, load the rules, see to keys, say where the service is. In a process of its
    own."""
    from api.app import open_service

    out = console()
    for name in ("metrics", "shared.db", "shared.db-wal", "shared.db-shm"):
        (settings.data / name).unlink(missing_ok=True)
    try:
        files = rule_files(settings.rules)
        service = open_service(settings)
        keys = service.home.keys.all()
        if not _is_loopback(host) and all(key.revoked_at is not None for key in keys):
            make = f"jiuzhu key create --role caseworker --data {settings.data}"
            fail(
                f"没有可用的密钥，不能在 {host} 上开放。请先运行：{make}",
                f"there is no key in use, so {host} stays closed. First: {make}",
                lang,
            )
        # the examples are run by `jiuzhu check`, and when rules are loaded anew under a running service
        rules = service.active.activate(files, "start", service.at(), examples=False)
        digest, count = rules.digest[:12], len(rules.program.rulebook.ids())
        out.print(f"救助 Jiuzhu  http://{_in_url(host)}:{port}/", style="bold", highlight=False)
        out.print(f"规则 / rules {digest}：{count} 项政策 / policies", highlight=False)
        if not keys:
            _first_keys(service.home.keys, service.at(), out)
    except RulebookError as error:
        print_problems(error.problems, lang, console(stderr=True))
        n = len(error.problems)
        fail(f"规则有 {n} 个问题，未启动", f"the rules have {n} problem(s); not started", lang, 1)
    except (NoRules, OSError) as error:
        fail(str(error), str(error), lang)
    except LedgerError as error:
        fail(error.zh, error.en, lang)
    return 0


def _first_keys(keys: Keys, at: str, out: Console) -> None:
    out.print("密钥只显示这一次，请妥善保存 / these keys are shown once, keep them:", highlight=False)
    for role, zh in FIRST_KEYS:
        _, token = keys.create(role, at, label="jiuzhu serve")
        out.print(f"  {zh} {role:<11} {token}", highlight=False, soft_wrap=True)
    out.print("更多 / more: jiuzhu key create --role policy|admin", highlight=False)


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _free_port(host: str) -> int:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as found:
        found.bind((host, 0))
        port: int = found.getsockname()[1]
        return port


def _develop(settings: Settings, host: str, port: int) -> None:
    from api.app import create_app
    from api.logs import set_up
    from api.server import apart, reload_rules

    set_up()
    app = create_app(settings)
    signal.signal(signal.SIGHUP, lambda *_: apart(lambda: reload_rules(settings)))
    app.run(host=host, port=port, threaded=True, use_reloader=False)
