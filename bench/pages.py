"""`python -m bench pages`: what the server spends on a page that a caseworker waits for.

    python -m bench pages [--rounds 30] [--no-write]

Writes bench/pages.json and prints a table. The pages are asked of the application in this process, the rules of the
house in force, in turn with a page that only says which rules those are (`/healthz`): what Flask itself takes.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

from flask.testing import FlaskClient
from rich.console import Console
from rich.table import Table

from api.app import create_app
from api.settings import Settings, instant_of
from bench.timing import Subject, load_average, machine, measure
from engine.language.shipped import rule_files

HERE = Path(__file__).parent
FAMILY = "/desk?example=ordinary_family&on=2025-08-01"
Pairs = list[tuple[str, str]]


class _Form(HTMLParser):
    """What a browser would send of a page's inputs and choices as they stand."""

    def __init__(self, html: str):
        super().__init__()
        self.pairs: Pairs = []
        self.choosing = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        name, kind = given.get("name", ""), given.get("type", "text")
        if tag == "select":
            self.choosing = name
        elif tag == "option" and self.choosing and "selected" in given:
            self.pairs.append((self.choosing, given.get("value", "")))
        elif tag == "input" and name and (kind not in ("checkbox", "radio") or "checked" in given):
            self.pairs.append((name, given.get("value", "")))


def main() -> None:
    given = _arguments()
    with tempfile.TemporaryDirectory() as folder:
        subjects = pages(caseworker(Path(folder)))
        before = load_average()
        measure(subjects, given.rounds, 0.2)
    flask = subjects[0]
    rows = {each.key: each.data() | {"times_flask": round(each.ratio(flask) or 0, 1)} for each in subjects}
    table = Table("page", "median ms", "p95 ms", "× Flask alone")
    for each in subjects:
        table.add_row(each.key, f"{each.median / 1e3:.1f}", f"{each.p95 / 1e3:.1f}", str(rows[each.key]["times_flask"]))
    Console().print(table)
    if not given.no_write:
        report = {"date": datetime.now(UTC).date().isoformat(), "machine": machine(), "load_before": before}
        text = json.dumps(report | {"pages": rows}, ensure_ascii=False, indent=1)
        (HERE / "pages.json").write_text(text + "\n", encoding="utf-8")


def caseworker(folder: Path) -> FlaskClient:
    """A client of the application, signed in as a caseworker."""
    app = create_app(Settings(folder))
    service, now = app.extensions["jiuzhu"], instant_of(datetime.now(UTC))
    service.active.activate(rule_files(str(HERE.parent)), "bench", now, examples=False)
    client = app.test_client()
    hidden = [pair for pair in _Form(client.get("/sign-in").text).pairs if pair[0] != "key"]
    key = service.home.keys.create("caseworker", now, label="bench")[1]
    answer = client.post("/sign-in", data=dict([*hidden, ("key", key)]))
    assert answer.status_code == 303, answer.text
    return client


def pages(client: FlaskClient) -> list[Subject]:
    """What is asked for, the least of all first."""
    filled = [pair for pair in _Form(client.get(FAMILY).text).pairs if pair[0] != "lang"]
    changed = {**dict(filled), "chart": "1", "income": "m/a/labour_income"}
    return [
        Subject("nothing (/healthz)", asked(client, "/healthz")),
        Subject("empty desk", asked(client, "/desk")),
        Subject("desk with a family", asked(client, FAMILY)),
        Subject("cases", asked(client, "/cases")),
        Subject("what if, with the curve of an income", sent(client, "/desk/what-if", changed)),
    ]


def asked(client: FlaskClient, address: str) -> Callable[[], None]:
    def get() -> None:
        answer = client.get(address)
        assert answer.status_code == 200, answer.text

    return get


def sent(client: FlaskClient, address: str, fields: dict[str, str]) -> Callable[[], None]:
    def post() -> None:
        answer = client.post(address, data=fields)
        assert answer.status_code == 200 and "<svg" in answer.text, answer.text

    return post


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench pages", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--rounds", type=int, default=30, help="interleaved rounds (default 30)")
    parser.add_argument("--no-write", action="store_true", help="print only; leave pages.json alone")
    return parser.parse_args()


if __name__ == "__main__":
    main()
