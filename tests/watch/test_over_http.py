"""The watch over HTTP: events in, orders out, each key its own; and the same at a shell."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from werkzeug.test import TestResponse

from api.app import create_app
from api.settings import Settings, instant_of
from engine.cli import main
from engine.language.shipped import rule_files
from engine.watch.make import year_of_events
from tests.watch.conftest import ROOT
from tests.watch.world import bill, member, register, undo

HIGH = bill("h1", "b1", "2025-02-01", "60000.00")


@dataclass
class Service:
    client: Any
    tokens: dict[str, str]
    ids: dict[str, str]

    def __call__(self, method: str, path: str, who: str, body: Any = None, **headers: str) -> TestResponse:
        headers = {"Authorization": f"Bearer {self.tokens[who]}", **headers}
        return self.client.open(path, method=method, json=body, headers=headers)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    clock = [datetime(2025, 3, 3, 1, 0, tzinfo=UTC)]

    def tick() -> datetime:
        clock[0] += timedelta(milliseconds=1)
        return clock[0]

    app = create_app(Settings(tmp_path_factory.mktemp("service"), clock=tick))
    service = app.extensions["jiuzhu"]
    service.active.activate(rule_files(str(ROOT)), "start", instant_of(tick()), examples=False)
    tokens, ids = {}, {}
    for name, role, scopes in (
        ("li", "caseworker", ()),
        ("wang", "caseworker", ()),
        ("head", "caseworker", ("orders:read", "orders:write", "cases:all")),
        ("feed", "admin", ("events:write",)),
        ("admin", "admin", ()),
        ("auditor", "auditor", ()),
    ):
        key, token = service.home.keys.create(role, instant_of(tick()), label=name, scopes=scopes)
        tokens[name], ids[name] = token, key.id
    yield Service(app.test_client(), tokens, ids)


@pytest.fixture(scope="module")
def service(made: Service) -> Service:
    """One household whose alert is an order of li's."""
    for name in ("li", "wang"):
        sent = {"adviser": made.ids[name], "subdistrict": "华阳路街道" if name == "li" else "新泾镇"}
        assert made("POST", "/v1/advisers", "admin", sent).status_code == 200
    answer = made("POST", "/v1/events", "feed", {"events": [register("h1"), HIGH, {"type": "x"}, HIGH]})
    assert answer.status_code == 200
    assert [each["status"] for each in answer.json["receipts"]] == ["taken", "taken", "refused", "repeated"]
    assert answer.json["raised"] == 1
    assert {each["pointer"] for each in answer.json["receipts"][2]["problems"]} >= {"/type", "/source", "/day"}
    return made


def test_what_was_taken_stays_taken(service: Service) -> None:
    again = service("POST", "/v1/events", "feed", {"events": [HIGH, {**HIGH, "day": "2025-02-02"}]}).json
    assert [each["status"] for each in again["receipts"]] == ["repeated", "refused"]
    assert again["raised"] == 0


def test_each_adviser_has_his_own_orders_and_the_head_all(service: Service) -> None:
    for who, many in (("li", 1), ("wang", 0), ("head", 1), ("auditor", 1)):
        assert len(service("GET", "/v1/orders", who).json["orders"]) == many
    assert service("GET", f"/v1/orders?adviser={service.ids['li']}", "wang").status_code == 403
    assert service("GET", "/v1/orders/1", "wang").json["code"] == "not-your-case"
    assert service("GET", "/v1/orders/9", "li").status_code == 404
    assert service("GET", "/v1/orders/1", "head").status_code == 400, "who looks at another's case says why"
    assert service("GET", "/v1/orders/1?why=x", "head").status_code == 200


def test_an_order_in_both_languages_and_its_look_on_record(service: Service) -> None:
    for lang, title in (("zh", "年度自负医疗费用过高"), ("en", "Heavy self-paid medical costs in a year")):
        answer = service("GET", "/v1/orders/1", "li", **{"Accept-Language": lang})
        found = answer.json["order"]
        assert answer.headers["Content-Language"] == lang and found["title"] == title
        assert found["alerts"][0]["reasons"] and found["to_do"] and found["may_be_entitled_to"]
        assert found["year"] == {"means": "calendar_year", "verified": False}
    looks = service("GET", "/v1/ledger/access", "auditor").json["items"]
    assert any(each["who"] == service.ids["li"] and each["what"] == {"order": 1} for each in looks)
    service("GET", "/v1/orders?state=new", "head")
    (last, *_) = service("GET", "/v1/ledger/access", "auditor").json["items"]
    assert (last["who"], last["kind"], last["what"]) == (service.ids["head"], "search", {"orders": ["state"]})


def test_steps_over_http(service: Service) -> None:
    events = [register("h2"), bill("h2", "b2", "2025-02-01", "60000.00")]
    assert service("POST", "/v1/events", "feed", {"events": events}).json["raised"] == 1
    (number,) = [
        each["order"] for each in service("GET", "/v1/orders", "li").json["orders"] if each["household"] == "h2"
    ]
    steps = f"/v1/orders/{number}/steps"
    assert service("POST", steps, "wang", {"action": "visit"}).status_code == 403
    assert service("POST", steps, "li", {"action": "settle", "reason": "x"}).json["code"] == "not-now"
    assert service("POST", steps, "li", {"action": "assign", "to": service.ids["wang"]}).status_code == 403
    faults = service("POST", steps, "li", {"action": "hand_over", "to": service.ids["wang"]}).json["errors"]
    assert faults[0]["pointer"] == "/reason"
    faults = service("POST", steps, "li", {"action": "hand_over", "to": "nobody", "reason": "x"}).json["errors"]
    assert faults[0]["pointer"] == "/to" and faults[0]["code"] == "no-adviser"
    sent = {"action": "not_needed", "reason": "身份证 11010519491231002X"}
    assert service("POST", steps, "li", sent).status_code == 422, "no identity numbers in what is kept for good"
    answer = service("POST", steps, "li", {"action": "hand_over", "to": service.ids["wang"], "reason": "迁往新泾镇"})
    assert answer.status_code == 201 and answer.json["order"]["adviser"] == service.ids["wang"]
    assert service("GET", f"/v1/orders/{number}", "li").status_code == 403
    said = service("POST", steps, "wang", {"action": "visit"}).json["steps"]
    assert [each["action"] for each in said] == ["open", "assign", "hand_over", "visit"]
    entries = [each["entry"] for each in said]
    assert None not in entries and entries == sorted(entries)
    assert service("POST", "/v1/ledger/verify", "auditor", {}).json["ok"]


def test_a_page_of_orders_and_the_next(service: Service) -> None:
    events = [raw for n in range(5) for raw in (register(f"p{n}"), bill(f"p{n}", f"pb{n}", "2025-02-01", "60000.00"))]
    service("POST", "/v1/events", "feed", {"events": events})
    seen, path = [], "/v1/orders?limit=2&state=assigned"
    while path:
        page = service("GET", path, "head").json
        seen += [each["order"] for each in page["orders"]]
        path = page["next"]
    assert seen == sorted(set(seen), reverse=True) and len(seen) >= 5


@pytest.mark.parametrize(
    "body", [{}, {"events": None}, {"events": {}}, {"events": ["x"] * 1001}, {"event": []}, [], {"events": [], "x": 1}]
)
def test_what_is_no_batch(service: Service, body: Any) -> None:
    assert service("POST", "/v1/events", "feed", body).status_code == 422


@pytest.mark.parametrize(
    "raw", [1, "x", None, [], {"says": []}, {"type": {}}, {"type": "register", "says": {"members": [{"id": {}}]}}]
)
def test_nothing_sent_as_an_event_fails_the_service(service: Service, raw: Any) -> None:
    answer = service("POST", "/v1/events", "feed", {"events": [raw]})
    assert answer.status_code in (200, 422)
    if answer.status_code == 200:
        assert answer.json["receipts"][0]["status"] == "refused"


def test_names_sent_by_mistake_come_back_nowhere(service: Service) -> None:
    raw = {
        **HIGH,
        "source": "张三丰",
        "household": "张三丰",
        "member": "张三丰",
        "says": {"张三丰": "张三丰"},
        "id": "n1",
    }
    answer = service("POST", "/v1/events", "feed", {"events": [raw]})
    told = [each["message"] for each in answer.json["receipts"][0]["problems"]]
    assert "张三丰" not in json.dumps([told, answer.json["receipts"][0]["source"]], ensure_ascii=False)


def test_the_metric_shows_what_proposals_came_to(service: Service) -> None:
    text = service("GET", "/metrics", "admin").get_data(as_text=True)
    assert 'jiuzhu_watch_total{what="confirmed"}' in text and "jiuzhu_events_total" in text


# -- at a shell --


def run(data: Path, *args: str, stdin: str | None = None) -> Result:
    environment = {"JIUZHU_RULES": str(ROOT), "COLUMNS": "110", "JIUZHU_LANG": "en"}
    return CliRunner().invoke(main, [*args, "--data", str(data)], input=stdin, env=environment)


def lines(*raws: Any) -> str:
    return "".join(json.dumps(raw, ensure_ascii=False) + "\n" for raw in raws)


def test_a_day_at_a_shell(tmp_path: Path) -> None:
    feed = lines(register("h1", member("a")), HIGH, {**HIGH, "id": "b2", "type": "bil"}) + "not json\n"
    answer = run(tmp_path, "watch", "--from", "-", "--on", "2025-03-03", "--json", stdin=feed)
    found = json.loads(answer.stdout)
    assert answer.exit_code == 1 and (found["taken"], found["refused"], found["raised"]) == (2, 2, 1)
    assert [(each["line"], each["pointer"]) for each in found["problems"]] == [(3, "/type"), (4, "")]
    assert run(tmp_path, "orders", "adviser", "li", "--subdistrict", "华阳路街道").exit_code == 0
    (order,) = json.loads(run(tmp_path, "orders", "list", "--json").stdout)["orders"]
    assert (order["adviser"], order["state"], order["due"]) == ("li", "assigned", "2025-03-10")
    assert run(tmp_path, "orders", "step", "1", "settle", "--by", "li", "--reason", "x").exit_code == 1
    assert run(tmp_path, "orders", "step", "1", "visit", "--by", "li").exit_code == 0
    shown = run(tmp_path, "orders", "show", "1")
    assert shown.exit_code == 0 and "Heavy self-paid" in shown.stdout and "visited" in shown.stdout
    again = run(tmp_path, "watch", "--from", "-", "--on", "2025-03-04", stdin=lines(undo("h1", "u", "b1")))
    assert again.exit_code == 0 and "withdrawn 1" in again.stdout
    assert run(tmp_path, "watch", "--pass", "2025-06-30", "--on", "2025-06-30").exit_code == 0
    late = json.loads(run(tmp_path, "orders", "list", "--late", "--on", "2025-06-30", "--json").stdout)["orders"]
    assert [each["escalated"] for each in late if each["order"] == 1] == [True]
    assert run(tmp_path, "orders", "show", "7").exit_code == 1
    assert run(tmp_path, "watch", "--from", str(tmp_path / "none.jsonl")).exit_code == 2
    assert run(tmp_path, "ledger", "verify").exit_code == 0


def test_events_made_are_the_same_every_time_and_all_are_taken(tmp_path: Path) -> None:
    made = [
        CliRunner().invoke(main, ["events", "make", "--households", "5", "--year", "2024", "--seed", "4"]) for _ in "ab"
    ]
    assert made[0].exit_code == 0 and made[0].stdout == made[1].stdout
    more = CliRunner().invoke(main, ["events", "make", "--households", "6", "--year", "2024", "--seed", "4"]).stdout
    assert set(made[0].stdout.splitlines()) <= set(more.splitlines()), (
        "one more household changes nothing of the others"
    )
    days = [json.loads(line)["day"] for line in more.splitlines()]
    assert days == sorted(days)
    answer = run(tmp_path, "watch", "--from", "-", "--json", "--alone", stdin=made[0].stdout)
    assert answer.exit_code == 0 and json.loads(answer.stdout)["refused"] == 0
    assert CliRunner().invoke(main, ["events", "make", "--year", "2024"]).exit_code == 2


def test_a_large_city_is_made_a_stretch_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = list(year_of_events(20, 2025, 7))
    monkeypatch.setattr("engine.watch.make.AT_ONCE", 60)
    assert list(year_of_events(20, 2025, 7)) == whole


def test_a_city_that_was_made_before_is_registered_whole(tmp_path: Path) -> None:
    pytest.importorskip("duckdb")
    city = tmp_path / "city"
    made = CliRunner().invoke(main, ["population", "make", "--households", "20", "--seed", "1", "--out", str(city)])
    assert made.exit_code == 0, made.output
    told = CliRunner().invoke(main, ["events", "make", "--population", str(city), "--year", "2025"]).stdout
    assert sum(json.loads(line)["type"] == "register" for line in told.splitlines()) == 20
    answer = run(tmp_path / "data", "watch", "--from", "-", "--json", "--alone", stdin=told)
    found = json.loads(answer.stdout)
    assert answer.exit_code == 0 and found["refused"] == 0 and found["households"] == 20, found["problems"][:3]
