"""Names, identity numbers, phones, addresses and facts are sent into every corner of every endpoint, in good requests
and in broken ones. None may be found in a log, an error, a metric, or in the ledger's files outside the encryption."""

from __future__ import annotations

import itertools
import json
import socket
import sqlite3
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from api_live import SMALL, Live

from api.app import ENDPOINTS

PLANTED = ("欧阳秘密", "11010519491231002X", "13987654321", "愚园路九百九十九弄", "Geheimnis", "4711.47")
NAME, NUMBER, PHONE, ADDRESS, WORD, MONEY = PLANTED


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    service = Live(tmp_path_factory.mktemp("watched"), SMALL, "--rate", "1000000")
    yield service
    service.stop()


def good() -> dict[str, Any]:
    member = {"id": "a", "hukou": "here", "birth_date": "1949-12-31", "monthly_income": MONEY}
    person = {"name": NAME, "id_number": NUMBER, "phone": PHONE, "address": ADDRESS}
    return {"household": {"owns_car": False, "members": [member]}, "identity": {"a": person}, "on": "2025-08-01"}


def broken() -> Iterator[Any]:
    """Requests with something planted in every place that can be wrong."""
    for planted in PLANTED:
        yield planted
        yield [planted]
        yield {planted: 1}
        for key in ("household", "identity", "on", "jurisdictions", "household_id", "explain"):
            yield {**good(), key: planted}
            yield {**good(), key: [planted]}
            yield {**good(), key: {planted: planted}}
        for fact in ("id", "hukou", "birth_date", "monthly_income", "receiving", "no_such_fact"):
            for value in (planted, [planted], {"value": planted}, {"value": 1, "source": planted * 100}, {planted: 1}):
                sent = good()
                sent["household"]["members"][0][fact] = value
                yield sent
        for field in ("name", "id_number", "phone", "address", "other"):
            for value in (planted * 50, planted + "\u0000", [planted], 1):
                sent = good()
                sent["identity"]["a"][field] = value
                yield sent
        yield {**good(), "identity": {planted: {"name": planted}}}


def found_in(text: str) -> list[str]:
    written = [text, text.encode().decode("unicode_escape", "replace")]
    return [planted for planted in PLANTED if any(each in w for each in {planted, quote(planted)} for w in written)]


@cache
def send_what_is_wrong(watched: Live) -> None:
    seen = 0
    for sent, lang in zip(broken(), itertools.cycle(("zh", "en")), strict=False):
        answer = watched.post("/v1/decisions", "caseworker", sent, headers={"Accept-Language": lang})
        assert answer.status in (201, 400, 410, 422), answer.body
        if answer.status != 201:
            shown = [{k: v for k, v in each.items() if k != "pointer"} for each in answer.json.get("errors", [])]
            rest = {**answer.json, "errors": shown}
            assert not found_in(json.dumps(rest, ensure_ascii=False)), rest
            # a pointer names keys that were sent, for how else to say which; numbers of people are left out even there
            assert NUMBER not in answer.body.decode() and PHONE not in answer.body.decode()
            seen += 1
    assert seen > 300


@cache
def send_it_beside_the_body(watched: Live) -> None:
    for planted in PLANTED:
        text = quote(planted)
        for path in (
            # (a reason is kept in the access log as it was given: readers are told to name nobody in it)
            f"/v1/decisions?why={quote(WORD)}", f"/v1/decisions?text={text}", f"/v1/decisions?{text}=1", f"/{text}",
            f"/v1/policies/{text}", f"/v1/policies?on={text}", f"/v1/decisions/{text}", f"/v1/ledger/proof?log={text}",
        ):  # fmt: skip
            answer = watched.get(path, "caseworker")
            if answer.status >= 400:
                shown = answer.json
                for each in shown.get("errors", []):
                    # which parameter: a name, repeated only where it is a plain word
                    assert each.pop("parameter", WORD) in (WORD, "", "on", "text", "log", "why")
                assert not found_in(json.dumps(shown, ensure_ascii=False)), path
        for header in (
            "X-Request-Id",
            "Idempotency-Key",
            "Authorization",
            "Accept-Language",
            "If-None-Match",
            "User-Agent",
        ):
            watched.post("/v1/decisions", "caseworker", good(), headers={header: text})
        with socket.create_connection(("127.0.0.1", watched.port), timeout=10) as link:
            link.sendall(f"GET /{planted} HTTP/1.1\r\nConnection: close\r\nX-{planted}: {planted}\r\n\r\n".encode())
            assert not found_in(link.makefile("rb").read().decode(errors="replace"))


@cache
def send_it_everywhere(watched: Live) -> None:
    for each in ENDPOINTS:
        for role in ("caseworker", "policy", "auditor", "admin"):
            path = each.path.replace("{id}", "minimum" if "policies" in each.path else "2")
            for sent in ({"reason": WORD, "why": WORD, "name": NAME}, {"files": {"rules/x.yaml": f"{NAME}: {NUMBER}"}}):
                watched.call(each.method, path, role, sent if each.body is not None else None)


def test_errors_repeat_no_value(watched: Live) -> None:
    send_what_is_wrong(watched)


def test_queries_paths_and_headers_leave_no_trace(watched: Live) -> None:
    send_it_beside_the_body(watched)


def test_every_endpoint_keeps_silent(watched: Live) -> None:
    """Whatever each endpoint is sent, for every role."""
    send_it_everywhere(watched)


def test_nothing_planted_is_in_a_log_or_a_metric_or_readable_on_disk(watched: Live) -> None:
    """Looks at all that the tests before left behind; run alone, it sends the same first."""
    for send in (send_what_is_wrong, send_it_beside_the_body, send_it_everywhere):
        send(watched)
    assert watched.post("/v1/decisions", "caseworker", good()).status == 201
    log = watched.logged()
    assert len(log.splitlines()) > 400 and not found_in(log)
    assert not found_in(watched.get("/metrics", "admin").body.decode())
    # the facts of a case are in the ledger, who the people are is there only encrypted
    for path in watched.data.iterdir():
        content = path.read_bytes() if path.is_file() else b""
        for personal in (NAME, NUMBER, PHONE, ADDRESS):
            assert personal.encode() not in content, path.name
    connection = sqlite3.connect(f"file:{watched.data / 'ledger.db'}?mode=ro", uri=True)
    assert connection.execute("SELECT count(*) FROM identity").fetchone()[0] > 0
    connection.close()


def test_what_is_planted_would_be_found(watched: Live, tmp_path: Path) -> None:
    assert found_in(f"x{NAME}x") == [NAME] and found_in(json.dumps({"a": NUMBER})) == [NUMBER]
    assert found_in(quote(ADDRESS)) == [ADDRESS]
