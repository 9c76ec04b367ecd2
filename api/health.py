"""Is it alive, is it ready, how is it doing."""

from __future__ import annotations

from collections.abc import Iterator

from flask import Blueprint, Response

from api import answers
from api.endpoint import Call, answer, endpoint
from api.problems import Problem
from api.watching import watching
from engine import __version__
from engine.ledger import read
from engine.ledger.errors import LedgerError
from engine.watch.room import FILE

blueprint = Blueprint("health", __name__)


@endpoint(
    blueprint, "GET", "/healthz", scope="", zh="进程是否在运行", en="The process is alive", gives=answers.HEALTH,
)  # fmt: skip
def alive(call: Call) -> Response:
    return answer({"status": "ok"})


@endpoint(
    blueprint, "GET", "/readyz", scope="", zh="能否受理请求", en="It can take requests",
    gives=answers.READY, problems=("not-ready",),
)  # fmt: skip
def ready(call: Call) -> Response:
    try:
        rules = call.service.active.current()
        read.head(call.service.home.store.reader())
    except LedgerError:
        raise Problem("not-ready", headers={"Retry-After": "2"}) from None
    return answer({"status": "ready", "rulebook": rules.digest, "engine": __version__})


@endpoint(
    blueprint, "GET", "/metrics", scope="metrics", zh="Prometheus 指标", en="Metrics for Prometheus",
    media="text/plain",
)  # fmt: skip
def metrics(call: Call) -> Response:
    text = call.service.metrics.text(_gauges(call))
    return Response(text, mimetype="text/plain; version=0.0.4", headers={"Cache-Control": "no-store"})


def _gauges(call: Call) -> Iterator[str]:
    yield from _watch(call)
    rules = call.service.active.current()
    connection = call.service.home.store.reader()
    yield "# HELP jiuzhu_ledger_entries entries in a log of the ledger"
    yield "# TYPE jiuzhu_ledger_entries gauge"
    for log in ("decisions", "access"):
        yield f'jiuzhu_ledger_entries{{log="{log}"}} {read.head(connection, log)[0]}'
    yield "# HELP jiuzhu_rules the rulebook in force"
    yield "# TYPE jiuzhu_rules gauge"
    yield f'jiuzhu_rules{{digest="{rules.digest[:12]}",engine="{__version__}"}} 1'
    yield "# HELP jiuzhu_rules_generation how often other rules came into force since the data folder was made"
    yield "# TYPE jiuzhu_rules_generation gauge"
    yield f"jiuzhu_rules_generation {rules.generation}"


def _watch(call: Call) -> Iterator[str]:
    """What the watch's proposals came to, where there is a watch: proposed and not confirmed, missed and made good."""
    if not (call.service.home.folder.path / FILE).exists():
        return
    with watching(call.service) as watch:
        found = watch.store.tally()
    yield "# HELP jiuzhu_watch_total proposals of alerts: looked at, proposed, confirmed, missed, invented …"
    yield "# TYPE jiuzhu_watch_total counter"
    for name, count in found.items():
        yield f'jiuzhu_watch_total{{what="{name}"}} {count}'
