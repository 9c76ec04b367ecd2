"""A decision's life: made, read, confirmed or departed from, corrected, found again; once for each Idempotency-Key."""

from __future__ import annotations

import json
import threading
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from api_live import Answer, Live, path_of

from engine.ledger.verify import verify

NUMBER = "11010519491231002X"  # the example of GB 11643-1999 itself: a woman born on 31 December 1949
OTHER = "11010519491231006X"


def body(income: str = "1000.00", **more: Any) -> dict[str, Any]:
    member = {"id": "a", "hukou": "here", "birth_date": "1980-05-01", "monthly_income": income}
    return {"household": {"owns_car": False, "members": [member]}, "on": "2025-08-01", **more}


def decide(live: Live, sent: Any = None, key: str = "", **more: Any) -> Answer:
    headers = {"Idempotency-Key": key} if key else {}
    return live.post("/v1/decisions", "caseworker", sent or body(), headers=headers, **more)


def made(live: Live, *more: Any, **known: Any) -> int:
    answer = decide(live, *more, **known)
    assert answer.status == 201, answer.body
    id: int = answer.json["id"]
    return id


def test_a_decision_says_what_where_and_by_what_rules(small: Live) -> None:
    answer = decide(small)
    found = answer.json
    assert answer.status == 201 and answer.headers["Location"] == f"/v1/decisions/{found['id']}"
    (minimum, elder) = found["decision"]["answers"]
    assert (minimum["policy"], minimum["status"]) == ("minimum", "eligible")
    assert minimum["amounts"][0]["least"] == "650.00"
    assert (elder["policy"], elder["member"], elder["status"]) == ("elder", "a", "ineligible")
    assert found["on"] == "2025-08-01" and found["household_id"].startswith("h_")
    assert found["rulebook"] == small.get("/readyz").json["rulebook"]
    assert "trace" not in minimum and "household" not in found["decision"]


def test_the_day_is_today_in_china_unless_said(small: Live) -> None:
    sent = body()
    del sent["on"]
    before = (datetime.now(UTC) + timedelta(hours=8)).date().isoformat()
    found = decide(small, sent).json
    after = (datetime.now(UTC) + timedelta(hours=8)).date().isoformat()
    assert before <= found["on"] <= after
    assert found["decided_at"].startswith(datetime.now(UTC).date().isoformat()[:8])


def test_reading_a_decision_gives_its_trace_and_reasons_and_is_itself_on_record(small: Live) -> None:
    id = made(small)
    zh = small.get(f"/v1/decisions/{id}", "caseworker").json
    assert any(row[0] == "income_below_standard" for row in zh["decision"]["answers"][0]["trace"])
    assert zh["decision"]["household"]["members"][0]["monthly_income"] == "1000"
    assert "低于" in json.dumps(zh["explanation"], ensure_ascii=False)
    english = small.get(f"/v1/decisions/{id}", "caseworker", headers={"Accept-Language": "en"})
    assert "below" in english.body.decode() and english.headers["Content-Language"] == "en"
    short = small.get(f"/v1/decisions/{id}?trace=false&explain=false", "caseworker").json
    assert "explanation" not in short and "household" not in short["decision"]
    reads = small.get(f"/v1/decisions/{id}?why=audit+2026&reads=true", "auditor").json["reads"]
    assert [(each["kind"], each["why"]) for each in reads][:2] == [("read", "audit 2026"), ("read", reads[1]["why"])]
    assert len(reads) == 4 and {each["case"] for each in reads} == {id}
    listed = small.get(f"/v1/ledger/access?case={id}", "auditor").json["items"]
    assert listed == reads


def test_confirmed_once(small: Live) -> None:
    id = made(small)
    answer = small.post(f"/v1/decisions/{id}/confirmation", "caseworker", {"note": "材料齐全"})
    assert answer.status == 201 and answer.json["kind"] == "confirmation" and answer.json["decision"] == id
    for action, sent in (("confirmation", {}), ("departure", {"reason": "x"})):
        again = small.post(f"/v1/decisions/{id}/{action}", "caseworker", sent)
        assert (again.status, again.json["code"]) == (409, "already-settled")
    (later,) = small.get(f"/v1/decisions/{id}", "caseworker").json["later"]
    assert (later["kind"], later["note"]) == ("confirmation", "材料齐全")


def test_a_person_may_decide_otherwise_and_must_say_why(small: Live) -> None:
    id = made(small)
    path = f"/v1/decisions/{id}/departure"
    assert small.post(path, "caseworker", {}).json["errors"][0]["pointer"] == "/reason"
    assert small.post(path, "caseworker", {"reason": "   "}).json["errors"][0]["code"] == "too-short"
    wrong = {"reason": "入户核查", "instead": [{"policy": "minimum", "status": "ineligible", "member": "a"}]}
    assert small.post(path, "caseworker", wrong).json["errors"][0] == {
        "pointer": "/instead/0", "code": "no-such-decision-part", "message": "该决定没有这项政策或成员",
    }  # fmt: skip
    instead = [{"policy": "minimum", "status": "eligible", "amount": "600.5", "per": "month"}]
    answer = small.post(path, "caseworker", {"reason": "入户核查", "instead": instead})
    assert answer.status == 201, answer.body
    (later,) = small.get(f"/v1/decisions/{id}", "caseworker").json["later"]
    assert later["reason"] == "入户核查" and later["instead"][0]["amount"] == "600.50"


def test_a_correction_is_a_new_decision_that_names_the_old_one(small: Live) -> None:
    id = made(small)
    sent = {**body("1700.00"), "reason": "收入申报有误"}
    answer = small.post(f"/v1/decisions/{id}/correction", "caseworker", sent)
    assert answer.status == 201, answer.body
    new = answer.json
    assert (new["kind"], new["corrects"], new["reason"]) == ("correction", id, "收入申报有误")
    assert new["decision"]["answers"][0]["status"] == "ineligible"
    old = small.get(f"/v1/decisions/{id}", "caseworker").json
    assert old["corrected_by"] == new["id"] and old["household_id"] == new["household_id"]
    assert old["decision"]["answers"][0]["status"] == "eligible"
    for action, sent_ in (("confirmation", {}), ("correction", sent)):
        refused = small.post(f"/v1/decisions/{id}/{action}", "caseworker", sent_)
        assert (refused.status, refused.json["code"]) == (409, "corrected")
        assert refused.json["corrected_by"] == new["id"]
    assert small.post(f"/v1/decisions/{new['id']}/confirmation", "caseworker").status == 201


def test_the_same_key_with_the_same_body_gets_the_same_answer(small: Live) -> None:
    key = str(uuid.uuid4())
    first, second = decide(small, key=key), decide(small, key=key)
    assert first.status == second.status == 201
    assert first.body == second.body and first.headers["Location"] == second.headers["Location"]
    assert "Idempotent-Replayed" not in first.headers and second.headers["Idempotent-Replayed"] == "true"
    quoted = decide(small, key=f'"{key}"')  # as the draft standard writes it
    assert quoted.body == first.body
    other = decide(small, body("1.00"), key=key)
    assert (other.status, other.json["code"]) == (422, "other-body")
    elsewhere = small.post(
        "/v1/decisions", "", body(), token=small.new_key("caseworker"), headers={"Idempotency-Key": key}
    )
    assert elsewhere.json["id"] != first.json["id"]  # a key belongs to who sent it


def test_the_same_key_on_another_address_is_another_request(small: Live) -> None:
    one, two, key = made(small), made(small), str(uuid.uuid4())
    headers = {"Idempotency-Key": key}
    assert small.post(f"/v1/decisions/{one}/confirmation", "caseworker", {}, headers=headers).status == 201
    again = small.post(f"/v1/decisions/{one}/confirmation", "caseworker", {}, headers=headers)
    assert again.status == 201 and again.headers["Idempotent-Replayed"] == "true"
    other = small.post(f"/v1/decisions/{two}/confirmation", "caseworker", {}, headers=headers)
    assert other.json["code"] == "other-body"


@pytest.mark.parametrize("key", ["", " ", "a b", "x" * 129, "\u00e9"])
def test_a_key_of_a_wrong_form_is_refused(small: Live, key: str) -> None:
    answer = small.post("/v1/decisions", "caseworker", body(), headers={"Idempotency-Key": key})
    assert answer.status == 400 and answer.json["errors"][0]["header"] == "Idempotency-Key"


def test_a_refused_request_does_not_use_its_key_up(small: Live) -> None:
    key = str(uuid.uuid4())
    assert decide(small, body("x"), key=key).status == 422
    assert decide(small, key=key).status == 201


def test_the_same_call_many_times_at_once_is_recorded_once(small: Live) -> None:
    key = str(uuid.uuid4())
    answers: list[Answer] = []

    def send() -> None:
        answers.append(decide(small, key=key))

    threads = [threading.Thread(target=send) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    done = [each for each in answers if each.status == 201]
    waiting = [each for each in answers if each.status == 409]
    assert len(done) + len(waiting) == 12 and done
    assert len({each.body for each in done}) == 1
    assert all(each.json["code"] == "in-flight" and each.headers["Retry-After"] for each in waiting)
    id = done[0].json["id"]
    page = small.get("/v1/decisions?limit=200", "caseworker").json["items"]
    assert [each["id"] for each in page].count(id) == 1


def test_a_key_that_another_worker_is_at_work_with_gets_409(small: Live) -> None:
    import hashlib
    import time

    from engine.ledger.entries import Request
    from engine.ledger.inflight import working
    from engine.ledger.volatile import Volatile

    key, raw = str(uuid.uuid4()), json.dumps(body()).encode()
    owner = small.tokens["caseworker"].split("_")[1]
    digest = hashlib.sha256(b"POST /v1/decisions\n" + raw).hexdigest()
    with working(Volatile(small.data / "shared.db"), Request(owner, key, digest), int(time.time() * 1e6)):
        answer = small.post("/v1/decisions", "caseworker", raw=raw, headers={"Idempotency-Key": key})
        assert (answer.status, answer.json["code"], answer.headers["Retry-After"]) == (409, "in-flight", "1")
    assert small.post("/v1/decisions", "caseworker", raw=raw, headers={"Idempotency-Key": key}).status == 201


def test_who_the_people_are_is_stored_apart_and_shown_only_to_who_may(small: Live) -> None:
    identity = {
        "a": {"name": "陈小明", "id_number": NUMBER.lower(), "phone": "13912345678", "address": "长宁区某路 1 号"},
        "household": {"address": "长宁区某路 1 号"},
    }
    sent = body(identity=identity)
    del sent["household"]["members"][0]["birth_date"]
    id = made(small, sent)
    plain = small.get(f"/v1/decisions/{id}", "caseworker")
    assert "identity" not in plain.json and "陈小明" not in plain.body.decode()
    taken = plain.json["decision"]["household"]["members"][0]["birth_date"]
    assert taken == {"value": "1949-12-31", "source": "居民身份证号", "verified": False}
    shown = small.get(f"/v1/decisions/{id}?identity=true", "caseworker").json
    assert shown["identity"]["a"] == {**identity["a"], "id_number": NUMBER}
    assert shown["identity"]["household"] == {"address": "长宁区某路 1 号"}
    assert small.get(f"/v1/decisions/{id}?identity=true&why=x", "auditor").json["scope"] == "identity:read"
    for person in ({"id_number": NUMBER}, {"name": "陈小明"}, {"phone": "+86 139 1234 5678"}):
        found = small.post("/v1/households/find", "auditor", {**person, "why": "投诉核查"}).json
        assert shown["household_id"] in found["households"]
    hits = small.get(f"/v1/decisions?household={shown['household_id']}&why=x", "auditor").json["items"]
    assert [each["id"] for each in hits] == [id]
    reads = small.get("/v1/ledger/access?limit=200", "auditor").body.decode()
    assert NUMBER not in reads and "陈小明" not in reads and '"fields":["id_number"]' in reads


@pytest.mark.parametrize(
    ("birth_date", "agrees"),
    [
        ("1949-12-31", True), (None, True), ({"value": None}, True),
        ({"earliest": "1949-01-01", "latest": "1949-12-31"}, True), ({"latest": "1950-01-01"}, True),
        ({"value": "1949-12-31", "source": "户口簿", "verified": True}, True),
        ("1950-12-31", False), ({"earliest": "1950-01-01"}, False), ({"value": "1950-01-01"}, False),
        ({"value": {"latest": "1940-01-01"}}, False),
    ],
)  # fmt: skip
def test_a_birth_date_that_contradicts_the_identity_number_is_an_error(
    small: Live, birth_date: Any, agrees: bool
) -> None:
    sent = body(identity={"a": {"id_number": NUMBER}})
    sent["household"]["members"][0]["birth_date"] = birth_date
    answer = decide(small, sent)
    if agrees:
        assert answer.status == 201, answer.body
    else:
        (found,) = answer.json["errors"]
        assert (found["pointer"], found["code"]) == ("/household/members/0/birth_date", "differs-from-id-number")
        assert "1949" not in answer.body.decode()


def test_identity_numbers_are_checked(small: Live) -> None:
    sent = body(identity={"a": {"id_number": OTHER}})
    assert decide(small, sent).json["errors"][0]["code"] == "id-number-check"
    twice = body(identity={"a": {"id_number": NUMBER}, "b": {"id_number": NUMBER}})
    twice["household"]["members"].append({"id": "b"})
    assert "id-number-twice" in decide(small, twice).body.decode()
    early = body(identity={"a": {"id_number": NUMBER}}, on="1940-01-01")
    assert "born-later" in decide(small, early).body.decode()
    reserved = body()
    reserved["household"]["members"][0]["id"] = "household"
    assert decide(small, reserved).json["errors"][0]["code"] == "member-id-reserved"


def test_an_erased_household_keeps_its_decision_and_loses_its_people(small: Live) -> None:
    from engine.ledger.append import Writer
    from engine.ledger.entries import erasure
    from engine.ledger.store import Store

    sent = body(identity={"a": {"name": "王五", "phone": "02166667777"}})
    found = decide(small, sent).json
    at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    Writer(Store(small.data / "ledger.db")).append(erasure(found["household_id"], "command-line", "依请求", at))
    shown = small.get(f"/v1/decisions/{found['id']}?identity=true", "caseworker")
    assert shown.status == 200 and shown.json["identity"] is None
    assert small.post("/v1/households/find", "auditor", {"name": "王五", "why": "x"}).json["households"] == []
    more = small.post("/v1/decisions", "caseworker", {**sent, "household_id": found["household_id"]})
    assert (more.status, more.json["code"]) == (410, "erased")
    assert verify(small.data / "ledger.db").ok


def test_a_household_may_be_decided_again_under_its_own_id(small: Live) -> None:
    first = decide(small).json
    second = decide(small, body("900.00", household_id=first["household_id"])).json
    assert second["household_id"] == first["household_id"]
    hits = small.get(f"/v1/decisions?household={first['household_id']}", "caseworker").json["items"]
    assert [each["id"] for each in hits] == [second["id"], first["id"]]
    unknown = decide(small, body(household_id="h_" + "0" * 24))
    assert unknown.json["errors"][0]["code"] == "no-such-household"
    theirs = small.post(
        "/v1/decisions", "", body(household_id=first["household_id"]), token=small.new_key("caseworker")
    )
    assert theirs.json["errors"][0]["code"] == "no-such-household"


def test_decisions_are_found_by_what_they_say(small: Live) -> None:
    token = small.new_key("caseworker")

    def send(**sent: Any) -> int:
        id: int = small.post("/v1/decisions", "", body(**sent), token=token).json["id"]
        return id

    poor, rich, old = send(), send(income="9999.00"), send(on="2024-08-01")

    def hits(query: str) -> list[int]:
        answer = small.get(f"/v1/decisions?{query}", token=token)
        assert answer.status == 200, answer.body
        return [each["id"] for each in answer.json["items"]]

    assert hits("") == [old, rich, poor]
    assert hits("status=eligible&policy=minimum") == [old, poor]
    assert hits("status=ineligible&policy=minimum") == [rich]
    assert hits("on=2024-08-01") == [old] and hits("on_from=2025-01-01") == [rich, poor]
    assert hits("text=%E4%BA%BA%E5%9D%87") == [old, rich, poor]  # 人均: two characters
    assert hits("text=%E7%8B%97%E7%B2%AE") == []
    today = (datetime.now(UTC) + timedelta(hours=8)).date()
    assert hits(f"decided_from={today}&decided_to={today}") == [old, rich, poor]
    assert hits(f"decided_to={today - timedelta(days=1)}") == []
    assert hits(f"rulebook={'0' * 64}") == [] and len(hits(f"rulebook={small.get('/readyz').json['rulebook']}")) == 3
    small.post(f"/v1/decisions/{poor}/departure", "", {"reason": "邻里走访"}, token=token)
    assert len(hits("kind=departure&text=%E9%82%BB%E9%87%8C")) == 1 and len(hits("kind=any")) == 4


def test_pages_follow_one_another_while_others_write(small: Live) -> None:
    token = small.new_key("caseworker")
    ids = [small.post("/v1/decisions", "", body(), token=token).json["id"] for _ in range(7)]
    path, seen, pages = "/v1/decisions?limit=3&status=eligible", [], 0
    while path:
        answer = small.get(path, token=token)
        seen += [each["id"] for each in answer.json["items"]]
        pages += 1
        small.post("/v1/decisions", "", body(), token=token)  # newer than every page: not to be seen
        following = answer.json["next"]
        assert (answer.headers["Link"] or "") == (f'<{following}>; rel="next"' if following else "")
        path = path_of(following) if following else ""
    assert seen == sorted(ids, reverse=True) and pages == 3


def test_how_much_rests_on_what_is_only_declared(small: Live) -> None:
    sent = body()
    sent["household"]["members"][0]["monthly_income"] = {"value": "1000.00", "source": "税务", "verified": True}
    declared = decide(small, sent).json["decision"]["declared"]
    assert declared == {"given": 4, "sourced": 1, "verified": 1}
