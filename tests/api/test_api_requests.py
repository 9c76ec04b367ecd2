"""What is sent is taken exactly as it is or refused: all faults at once, with their places, in either language."""

from __future__ import annotations

import json
import socket
from typing import Any

import pytest
from api_live import Live

MEMBER = {"id": "a", "hukou": "here", "birth_date": "1980-05-01", "monthly_income": "1000.00"}


def evaluate(live: Live, sent: Any = None, **more: Any) -> Any:
    return live.post("/v1/evaluations", "caseworker", sent, **more)


def with_member(**facts: Any) -> dict[str, Any]:
    return {"household": {"owns_car": False, "members": [{**MEMBER, **facts}]}, "on": "2025-08-01"}


def codes(answer: Any) -> dict[str, str]:
    """pointer (or parameter) -> code"""
    return {each.get("pointer", each.get("parameter")): each["code"] for each in answer.json["errors"]}


@pytest.mark.parametrize("money", ["1000.00", "1000", "1000.5", 1000, 1000.5, 1000.05, 0.1])
def test_money_may_be_text_or_a_number_with_two_decimals(small: Live, money: Any) -> None:
    answer = evaluate(small, with_member(monthly_income=money))
    assert answer.status == 200, answer.body
    allowance = answer.json["decision"]["answers"][0]["amounts"][0]
    assert allowance["least"] == allowance["most"] == f"{1650 - float(money):.2f}"


@pytest.mark.parametrize(
    ("fact", "value", "code"),
    [
        ("monthly_income", 1.005, "too-precise"),
        ("monthly_income", "1.005", "too-precise"),
        ("monthly_income", "１０００", "wrong-kind"),
        ("monthly_income", "1,000", "wrong-kind"),
        ("monthly_income", " 1", "wrong-kind"),
        ("monthly_income", True, "wrong-kind"),
        ("monthly_income", [], "wrong-kind"),
        ("monthly_income", -1, "outside-limits"),
        ("monthly_income", "1e3", "wrong-kind"),
        ("monthly_income", 10**30, "wrong-kind"),
        ("birth_date", 19800501, "wrong-kind"),
        ("birth_date", "1980-5-1", "wrong-kind"),
        ("birth_date", "1980-02-30", "wrong-kind"),
        ("birth_date", "1980-05-01T00:00:00Z", "wrong-kind"),
        ("hukou", "Here", "not-a-choice"),
        ("hukou", 1, "not-a-choice"),
        ("monthly_income", {"lowest": 5, "highest": 4}, "ends-swapped"),
        ("monthly_income", {"value": 5, "surce": "x"}, "unknown-part"),
        ("monthly_incme", 5, "unknown-fact"),
        ("owns_car", True, "unknown-fact"),
        ("receiving", ["minimum"], "policy-of-other-level"),
        ("receiving", ["nothing"], "no-such-policy"),
    ],
)
def test_nothing_is_coerced(small: Live, fact: str, value: Any, code: str) -> None:
    answer = evaluate(small, with_member(**{fact: value}))
    assert answer.status == 422
    (found,) = answer.json["errors"]
    assert found["code"] == code and found["pointer"].startswith(f"/household/members/0/{fact}")


@pytest.mark.parametrize("value", ["yes", "true", 1, 0, "off", None])
def test_a_flag_is_true_or_false(small: Live, value: Any) -> None:
    answer = evaluate(small, {**with_member(), "trace": value})
    assert answer.status == 422 and list(codes(answer)) == ["/trace"]


def test_all_faults_of_a_request_are_told_at_once(small: Live) -> None:
    sent = {
        "household": {"owns_car": "no", "members": [{**MEMBER, "hukou": "x", "income": 1}, {"id": "b", "hukou": "y"}]},
        "identity": {
            "b": {"id_number": "110105194912310020", "nme": "x"},
            "c": {"name": "x"},
            "a": {"phone": "0"},
        },
        "on": "2025-13-01",
        "jurisdictions": ["shanghai", "mars"],
        "household_id": "h_1",
        "Explain": True,
    }
    answer = small.post("/v1/decisions", "caseworker", sent)
    assert answer.status == 422
    assert codes(answer) == {
        "/household/owns_car": "wrong-kind",
        "/household/members/0/hukou": "not-a-choice",
        "/household/members/0/income": "unknown-fact",
        "/household/members/1/hukou": "not-a-choice",
        "/identity/b/id_number": "id-number-check",
        "/identity/b/nme": "unknown-key",
        "/identity/c": "no-such-member",
        "/identity/a/phone": "too-short",
        "/on": "wrong-kind",
        "/jurisdictions/1": "no-such-place",
        "/household_id": "wrong-form",
        "/Explain": "unknown-key",
    }
    hints = {each["pointer"]: each.get("hint", "") for each in answer.json["errors"]}
    assert "name" in hints["/identity/b/nme"] and "explain" in hints["/Explain"]


def test_a_problem_is_an_rfc_9457_document_in_the_caller_s_language(small: Live) -> None:
    zh = evaluate(small, with_member(hukou="x"))
    en = evaluate(small, with_member(hukou="x"), headers={"Accept-Language": "en-GB,en;q=0.9"})
    for answer, lang in ((zh, "zh"), (en, "en")):
        document = answer.json
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.headers["Content-Language"] == lang and "Accept-Language" in answer.headers["Vary"]
        assert document["type"] == "/reference#invalid" and document["status"] == answer.status == 422
        assert document["request_id"] == answer.headers["X-Request-Id"]
    assert zh.json["title"] == "请求内容有误" and en.json["title"] == "the request has faults"
    assert "应为下列之一" in zh.json["errors"][0]["message"]
    assert small.get("/reference").body.count(b"id='invalid'") == 1  # what `type` leads to


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", "bad-json"),
        (b"{", "bad-json"),
        (b"nul", "bad-json"),
        (b"NaN", "bad-json"),
        (b'{"household": Infinity}', "bad-json"),
        (b'{"a": 1, "a": 2}', "bad-json"),
        (b'\xff\xfe{"a": 1}', "bad-json"),
        ("{\"on\": \"\ud800\"}".encode("utf-8", "surrogatepass"), "bad-json"),
        (rb'{"on": "\ud800"}', "bad-json"),
        (b"[" * 100_000, "bad-json"),
        (b'{"a":' * 50_000 + b"1" + b"}" * 50_000, "bad-json"),
        (b"[" * 40 + b"]" * 40, "bad-json"),
        (b'{"on": ' + b"9" * 5000 + b"}", "bad-json"),
        (b'{"on": 1e999999999}', "invalid"),
        (b"[]", "invalid"),
        (b"null", "invalid"),
        (b'"text"', "invalid"),
        (b"{} x", "bad-json"),
    ],
)  # fmt: skip
def test_what_is_not_a_request_is_refused_whole(small: Live, raw: bytes, code: str) -> None:
    answer = evaluate(small, raw=raw)
    assert answer.json["code"] == code, answer.body
    assert answer.status in (400, 422)


def test_the_body_must_be_json_and_of_a_size(small: Live) -> None:
    good = json.dumps(with_member()).encode()
    assert evaluate(small, raw=good, headers={"Content-Type": "text/plain"}).json["code"] == "not-json"
    assert evaluate(small, raw=good, headers={"Content-Encoding": "gzip"}).json["code"] == "not-json"
    assert evaluate(small, raw=good, headers={"Content-Type": "application/json; charset=utf-8"}).status == 200
    answer = evaluate(small, raw=b" " * (512 * 1024 + 1))
    assert answer.status == 413 and answer.json["limit"] == 512 * 1024


def test_a_chunked_body_has_the_same_limit(small: Live) -> None:
    with socket.create_connection(("127.0.0.1", small.port), timeout=30) as link:
        head = f"POST /v1/evaluations HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {small.tokens['caseworker']}\r\n"
        link.sendall(f"{head}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
        try:
            for _ in range(20):
                link.sendall(b"10000\r\n" + b" " * 0x10000 + b"\r\n")
        except OSError:
            pass
        assert link.recv(64).startswith(b"HTTP/1.1 413 ")


def test_members_are_bounded(small: Live) -> None:
    members = [{"id": f"m{n}", "hukou": "here"} for n in range(61)]
    answer = evaluate(small, {"household": {"members": members}})
    assert codes(answer) == {"/household/members": "too-many-members"}
    answer = evaluate(small, {"household": {"members": members[:60]}})
    assert answer.status == 200


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\nBad Header\r\n\r\n", b"400"),
        (b"G\x00T / HTTP/1.1\r\n\r\n", b"400"),
        (b"GET / HTTP/9.9\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: odd\r\n\r\n", b"400"),
        (b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\n\r\n", b"414"),
        (b"GET / HTTP/1.1\r\n" + b"".join(b"A%d: b\r\n" % n for n in range(200)) + b"\r\n", b"431"),
    ],
)
def test_what_is_not_http_gets_a_problem_document_too(small: Live, raw: bytes, status: bytes) -> None:
    with socket.create_connection(("127.0.0.1", small.port), timeout=10) as link:
        link.sendall(raw)
        head, _, body = link.makefile("rb").read().partition(b"\r\n\r\n")
    assert head.split()[1] == status, head
    assert b"application/problem+json" in head and json.loads(body)["code"] == "bad-request"


@pytest.mark.parametrize(
    ("path", "parameter", "code"),
    [
        ("/v1/policies?on=2025-8-1", "on", "wrong-kind"),
        ("/v1/policies?on=２０２５-08-01", "on", "wrong-kind"),
        ("/v1/policies?on=0001-01-01", "on", "outside"),
        ("/v1/policies?no=1", "no", "unknown-key"),
        ("/v1/policies?jurisdiction=mars", "jurisdiction", "no-such-place"),
        ("/v1/decisions?limit=0", "limit", "outside"),
        ("/v1/decisions?limit=201", "limit", "outside"),
        ("/v1/decisions?limit=1.0", "limit", "wrong-kind"),
        ("/v1/decisions?limit=٣", "limit", "wrong-kind"),
        ("/v1/decisions?limit=1&limit=2", "limit", "twice"),
        ("/v1/decisions?status=Eligible", "status", "not-one-of"),
        ("/v1/decisions?before=-1", "before", "wrong-kind"),
        ("/v1/decisions?household=x", "household", "wrong-form"),
        ("/v1/decisions?text=%20%20", "text", "too-short"),
        ("/v1/decisions?decided_to=9999-12-31", "decided_to", "outside"),
        ("/v1/decisions?why=31010519800101001X13800000000", "why", "holds-identity"),
    ],
)
def test_a_query_is_read_strictly(small: Live, path: str, parameter: str, code: str) -> None:
    from urllib.parse import quote

    answer = small.get(quote(path, safe="/?=&%"), "caseworker")
    assert answer.status == 400 and answer.json["code"] == "bad-query"
    assert codes(answer) == {parameter: code}


@pytest.mark.parametrize(
    "path",
    ["/v1/decisions/0", "/v1/decisions/01", "/v1/decisions/-1", "/v1/decisions/1.0", "/v1/decisions/" + "9" * 30,
     "/v1/decisions/%D9%A1", "/v1/policies/no_such", "/v1/policies/%00", "/v1/nothing", "/v1/decisions/",
     "/v1/facts/", "/v1/decisions/99999999"],
)  # fmt: skip
def test_what_is_not_there_is_a_404(small: Live, path: str) -> None:
    answer = small.get(path, "caseworker")
    assert answer.status == 404 and answer.json["code"] == "not-found"


def test_another_method_is_a_405_that_says_which(small: Live) -> None:
    for path, allowed in (("/v1/facts", "GET, HEAD, OPTIONS"), ("/v1/evaluations", "OPTIONS, POST")):
        answer = small.call("PUT", path, "caseworker", {})
        assert answer.status == 405 and answer.headers["Allow"] == allowed


def test_every_answer_carries_the_security_headers(small: Live) -> None:
    for path in ("/healthz", "/v1/facts", "/nope", "/reference", "/v1/decisions/99999"):
        headers = small.get(path, "caseworker").headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["Referrer-Policy"] == "no-referrer"
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy and "*" not in policy


def test_a_client_that_stops_in_the_middle_is_let_go(tmp_path_factory: pytest.TempPathFactory, small: Live) -> None:
    """It holds a thread for seconds, not for ever: eight of them would otherwise stop a worker of eight threads."""
    held = []
    for _ in range(20):
        link = socket.create_connection(("127.0.0.1", small.port), timeout=30)
        link.sendall(b"POST /v1/evaluations HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\nContent-Type: appl")
        held.append(link)
    try:
        assert small.get("/healthz").status == 200
    finally:
        for link in held:
            link.close()


def test_identity_numbers_do_not_go_where_they_could_not_be_erased(small: Live) -> None:
    made = small.post("/v1/decisions", "caseworker", with_member())
    assert made.status == 201, made.body
    id = made.json["id"]
    for text in ("见 11010519491231002X", "电话 13800138000", "１３８００１３８０００", "+86 13800138000"):
        answer = small.post(f"/v1/decisions/{id}/departure", "caseworker", {"reason": text})
        assert codes(answer) == {"/reason": "holds-identity"}, text
    assert (
        small.post(f"/v1/decisions/{id}/confirmation", "caseworker", {"note": "110105194912310021 号文"}).status == 201
    )
