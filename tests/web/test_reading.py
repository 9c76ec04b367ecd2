"""The reading room as an auditor meets it: a reason first, finding, reading with evidence, replaying, taking away."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browser import Browser, House, Page

from engine.ledger.access import page as reads_of
from engine.ledger.export import check_bundle

ROOT = Path(__file__).parent.parent.parent
WHY = "第四季度审计"


@pytest.fixture(scope="module")
def decided(house: House) -> int:
    """A decision that a caseworker put on record, with a name that must not come out by accident."""
    body = json.loads((ROOT / "docs/examples/request.json").read_text(encoding="utf-8"))
    body["identity"] = {body["household"]["members"][0]["id"]: {"name": "欧阳测试", "phone": "13900001111"}}
    answer = house.app.test_client().post(
        "/v1/decisions", json=body, headers={"Authorization": f"Bearer {house.keys['caseworker']}"}
    )
    assert answer.status_code == 201, answer.get_data(as_text=True)
    return int(answer.get_json()["id"])


@pytest.fixture
def reader(house: House) -> Iterator[Browser]:
    """An auditor who said why."""
    yield with_reason(Browser(house).sign_in("auditor"))


def with_reason(who: Browser, why: str = WHY) -> Browser:
    page = who.get("/reading/reason")
    assert who.send(page, page.form("/reading/reason"), {"why": why}).status == 303
    return who


def looks(house: House, case: int | None = None) -> list[Any]:
    return list(reads_of(house.service.home.store.reader(), case=case, limit=50))


def press(who: Browser, page: Page, action: str, button: tuple[str, str] | None = None, **change: str) -> Any:
    """Press a button; the raw answer, which may be a file."""
    form = next(f for f in page.root.all("form") if f.get("action") == action or f.all("button", formaction=action))
    pairs = [(n, v) for n, v in page.fields(form) if n not in change] + list(change.items()) + ([button] if button else [])
    return who.client.post(action, data=dict(pairs), headers={"Accept": "text/html"})


# -- who may, and why --


def test_a_reason_comes_before_any_case(house: House, decided: int, auditor: Browser) -> None:
    before = len(looks(house))
    for address in ("/reading", f"/reading/{decided}", f"/reading/{decided}/answers/minimum_living_allowance"):
        answer = auditor.get(address)
        assert answer.status == 303 and answer.headers["Location"].startswith("/reading/reason?back=")
    assert len(looks(house)) == before  # nothing was looked at
    page = auditor.get(f"/reading/reason?back=/reading/{decided}")
    for bad in ("", " ", "x", "长" * 201):
        assert auditor.send(page, page.form("/reading/reason"), {"why": bad}).status == 422
    sent = auditor.send(page, page.form("/reading/reason"), {"why": f"  {WHY}  "})
    assert sent.headers["Location"] == f"/reading/{decided}"
    assert auditor.get(f"/reading/{decided}").status == 200


def test_a_reason_holds_for_one_session_alone(house: House, reader: Browser) -> None:
    assert WHY in reader.get("/reading").text
    other = Browser(house).sign_in("auditor")
    assert other.get("/reading").status == 303


def test_only_those_who_may_read_others_cases_come_in(house: House, decided: int) -> None:
    for role in ("caseworker", "policy", "admin"):
        who = Browser(house).sign_in(role)
        for address in ("/reading", f"/reading/{decided}", f"/reading/{decided}/answers/minimum_living_allowance"):
            assert who.get(address).status == 403, (role, address)
        assert "/reading" not in {a.get("href") for a in who.get("/workbench").root.all("a")}
    assert Browser(house).get("/reading").headers["Location"].startswith("/sign-in")


# -- finding --


def test_a_decision_is_found_by_what_is_known_of_it(house: House, decided: int, reader: Browser) -> None:
    service = house.service
    who = house.keys["caseworker"].split("_")[1]  # other tests make further keys of the role
    assert who in {key.id for key in service.home.keys.all() if key.role == "caseworker"}
    digest = service.active.current().digest
    for query in (
        "", "?policy=minimum_living_allowance", "?policy=minimum_living_allowance&status=eligible", "?on_from=2025-08-01&on_to=2025-08-01",
        f"?rulebook={digest}", f"?caseworker={who}", "?text=收入", "?kind=any", "?decided_from=2026-11-22",
    ):  # fmt: skip
        links = {a.get("href") for a in reader.get(f"/reading{query}").root.all("a")}
        assert f"/reading/{decided}" in links, query
    for query in ("?status=undetermined&policy=minimum_living_allowance", "?on_from=2030-01-01", "?text=没有这样的词语"):
        assert f"/reading/{decided}" not in {a.get("href") for a in reader.get(f"/reading{query}").root.all("a")}, query


def test_what_cannot_be_looked_for_is_said_beside_the_form(reader: Browser) -> None:
    for query in ("?on_from=tomorrow", "?status=perhaps", "?household=x", "?before=0", "?caseworker=nobody"):
        page = reader.get(f"/reading{query}")
        assert page.root.all("p", class_="bad") and page.root.one("input", id="text"), query


def test_a_person_is_found_and_stands_in_no_address(house: House, decided: int, reader: Browser) -> None:
    page = reader.get("/reading")
    found = reader.send(page, page.form("/reading/person"), {"name": "欧阳测试"})
    (link,) = [a for a in found.root.one("main").all("a") if a.get("href").startswith("/reading?household=h_")]
    assert f"/reading/{decided}" in {a.get("href") for a in reader.get(link["href"]).root.all("a")}
    assert "没有。" in reader.send(page, page.form("/reading/person"), {"name": "欧阳某"}).text
    assert reader.send(page, page.form("/reading/person"), {"name": "甲", "phone": "13900001111"}).status == 422
    assert looks(house)[0].what == {"fields": ["name"]}


def test_a_search_is_on_record_with_its_reason(house: House, reader: Browser) -> None:
    reader.get("/reading?policy=minimum_living_allowance")
    newest = looks(house)[0]
    assert (newest.kind, newest.why) == ("search", WHY) and newest.what == {"fields": ["kind", "policy"]}


def test_older_pages_go_on_where_the_newer_ended(house: House, reader: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.web.reading.PAGE", 1)
    body = json.loads((ROOT / "docs/examples/request.json").read_text(encoding="utf-8"))
    for _ in range(2):
        assert house.app.test_client().post("/v1/decisions", json=body, headers={"Authorization": f"Bearer {house.keys['caseworker']}"}).status_code == 201
    first = reader.get("/reading?policy=minimum_living_allowance")
    (older,) = first.root.all("a", rel="next")
    second = reader.get(older["href"])
    numbers = [[th.text for th in page.root.one("tbody").all("th")] for page in (first, second)]
    assert len(numbers[0]) == len(numbers[1]) == 1 and int(numbers[1][0]) < int(numbers[0][0])


# -- reading --


def test_a_decision_shows_what_it_rests_on_and_is_on_record(house: House, decided: int, reader: Browser) -> None:
    before = len(looks(house, decided))
    page = reader.get(f"/reading/{decided}")
    assert page.status == 200 and "最低生活保障" in page.text and "1,950.00" in page.text
    entry_hash = next(dd.text for dd in page.root.all("dd", class_="hash") if len(dd.text) == 64)
    assert re.fullmatch("[0-9a-f]{64}", entry_hash)
    now = looks(house, decided)
    assert len(now) == before + 1 and (now[0].kind, now[0].why) == ("read", WHY)
    assert any(WHY in row.text for row in page.root.all("tr"))  # who read it: this look too
    assert "欧阳测试" not in page.html and "13900001111" not in page.html
    assert reader.get("/reading/999999").status == 404
    assert reader.get("/reading/1").status == 404  # an entry, but no decision


def test_reasons_are_a_tree_with_their_evidence(house: House, decided: int, reader: Browser) -> None:
    address = f"/reading/{decided}/answers/minimum_living_allowance"
    page = reader.get(address)
    assert page.root.all("ul", class_="tree") and "《上海市社会救助条例》" in page.text and "2025-07-01" in page.text
    table = page.root.all("table")[-1].text
    assert "income_below_standard" in table and "1,000.00" in table and "1,650.00" in table
    place = next(a for a in page.root.all("a") if "#L" in a.get("href"))
    assert reader.get(place["href"].split("#")[0]).status == 200
    part = reader.get(address, HX_Request="true")
    assert not part.root.all("header") and part.root.all("ul", class_="tree")
    assert looks(house, decided)[0].what == {"policy": "minimum_living_allowance"}
    assert reader.get(f"/reading/{decided}/answers/no_such_policy").status == 404


def test_an_outer_limit_is_no_number(house: House, reader: Browser) -> None:
    body = json.loads((ROOT / "docs/examples/request.json").read_text(encoding="utf-8"))
    del body["household"]["members"][0]["labour_income"]
    head = {"Authorization": f"Bearer {house.keys['caseworker']}"}
    id = house.app.test_client().post("/v1/decisions", json=body, headers=head).get_json()["id"]
    page = reader.get(f"/reading/{id}/answers/minimum_living_allowance")
    row = next(tr.text for tr in page.root.all("tr") if "income_below_standard" in tr.text)
    assert "上限未知" in row and "1,650.00" in row and not re.search(r"[0-9]{3},[0-9]{3}", row)


def test_every_answer_of_a_decision_can_be_opened(decided: int, reader: Browser) -> None:
    page = reader.get(f"/reading/{decided}")
    links = {a["href"] for a in page.root.all("a") if "/answers/" in a.get("href")}
    assert len(links) > 60
    for link in sorted(links)[::12]:
        assert reader.get(link).status == 200, link


def test_what_was_said_later_stands_with_it(house: House, reader: Browser) -> None:
    client, head = house.app.test_client(), {"Authorization": f"Bearer {house.keys['caseworker']}"}
    body = json.loads((ROOT / "docs/examples/request.json").read_text(encoding="utf-8"))
    id = client.post("/v1/decisions", json=body, headers=head).get_json()["id"]
    assert "尚无人确认" in reader.get(f"/reading/{id}").text
    instead = [{"policy": "minimum_living_allowance", "status": "ineligible"}]
    told = client.post(f"/v1/decisions/{id}/departure", json={"reason": "已迁出本市", "instead": instead}, headers=head)
    assert told.status_code == 201, told.get_data(as_text=True)
    page = reader.get(f"/reading/{id}")
    assert "改作他定" in page.text and "已迁出本市" in page.text
    newer = client.post(f"/v1/decisions/{id}/correction", json={**body, "reason": "收入有误"}, headers=head)
    assert newer.status_code == 201, newer.get_data(as_text=True)
    assert f"/reading/{newer.get_json()['id']}" in {a.get("href") for a in reader.get(f"/reading/{id}").root.all("a")}
    assert "收入有误" in reader.get(f"/reading/{newer.get_json()['id']}").text


def test_identities_are_shown_only_to_those_who_may_and_only_when_asked(house: House, decided: int) -> None:
    plain = with_reason(Browser(house).sign_in("auditor"))
    assert "欧阳测试" not in plain.get(f"/reading/{decided}?identity=1").html
    house.keys["seer"] = house.service.home.keys.create(
        "auditor", house.service.at(), scopes=("cases:all", "decisions:read", "identity:read", "access:read")
    )[1]
    seer = with_reason(Browser(house).sign_in("seer"))
    assert "欧阳测试" not in seer.get(f"/reading/{decided}").html
    assert "欧阳测试" in seer.get(f"/reading/{decided}?identity=1").html
    assert looks(house, decided)[0].kind == "identity"


# -- replaying --


def test_a_decision_is_replayed_byte_for_byte(house: House, decided: int, reader: Browser) -> None:
    page = reader.get(f"/reading/{decided}")
    answer = reader.send(page, page.form(f"/reading/{decided}/replay"), button=("against", ""))
    assert answer.status == 200 and "逐字节一致" in answer.text
    assert (looks(house, decided)[0].kind, looks(house, decided)[0].why) == ("replay", WHY)


def test_other_rules_are_held_against_it_with_what_differs(house: House, decided: int, reader: Browser) -> None:
    service = house.service
    files = dict(service.active.current().program.rulebook.files)
    path = "rules/parameters/minimum_living.yaml"
    other = files[path].replace("value: 1650.00", "value: 1500.00")
    assert other != files[path]
    before = service.active.current().digest
    try:
        service.active.activate({**files, path: other}, "test", service.at(), examples=False)
        page = reader.get(f"/reading/{decided}")
        assert "不是现行规则" in page.text
        answer = reader.send(page, page.form(f"/reading/{decided}/replay"), button=("against", "current"))
        assert "最低生活保障标准" in answer.text and "1650" in answer.text and "1500" in answer.text
        assert "1950.00" in answer.text and "1500.00" in answer.text
        own = reader.send(page, page.form(f"/reading/{decided}/replay"), button=("against", ""))
        assert "逐字节一致" in own.text  # its own rules are still on record
        lines = reader.get(f"/workbench/files/{path}?rulebook={before}")
        assert "1650.00" in lines.html and "不是现行规则" in lines.text
    finally:
        service.active.activate(files, "test", service.at(), examples=False)
    page = reader.get(f"/reading/{decided}")
    same = reader.send(page, page.form(f"/reading/{decided}/replay"), button=("against", "current"))
    assert "没有差别" in same.text


# -- the ledger --


def test_the_ledger_is_verified_and_held_against_a_kept_checkpoint(reader: Browser) -> None:
    page = reader.get("/reading/ledger")
    kept = press(reader, page, "/reading/checkpoint")
    assert kept.status_code == 200 and kept.headers["Content-Disposition"].endswith('.json"')
    checkpoint = kept.get_data(as_text=True)
    fine = reader.send(page, page.form("/reading/ledger"))
    assert fine.status == 200 and "台账完整" in fine.text and "没有对照" in fine.text
    held = reader.send(page, page.form("/reading/ledger"), {"checkpoint": checkpoint})
    assert "与所给检查点一致" in held.text
    false = json.loads(checkpoint)
    false["checkpoint"]["logs"]["decisions"]["root"] = "0" * 64
    found = reader.send(page, page.form("/reading/ledger"), {"checkpoint": json.dumps(false)})
    assert "台账有改动" in found.text
    for bad in ("{", "[]", '{"checkpoint": 1.5}', "null"):
        assert reader.send(page, page.form("/reading/ledger"), {"checkpoint": bad}).status == 422, bad


def test_who_looked_at_what_is_listed(house: House, decided: int, reader: Browser) -> None:
    reader.get(f"/reading/{decided}")
    page = reader.get(f"/reading/access?case={decided}")
    assert page.status == 200 and WHY in page.text and page.root.all("tr")
    assert reader.get("/reading/access?case=none").status == 400
    assert Browser(house).sign_in("caseworker").get("/reading/access").status == 403


# -- taking away --


def test_the_bundle_stands_alone(house: House, decided: int, reader: Browser, tmp_path: Path) -> None:
    answer = press(reader, reader.get(f"/reading/{decided}"), f"/reading/{decided}/bundle")
    assert answer.status_code == 200 and answer.mimetype == "application/zip"
    archive = zipfile.ZipFile(io.BytesIO(answer.data))
    archive.extractall(tmp_path)
    done = subprocess.run([sys.executable, "verify_proof.py", "proof.json", "checkpoint.json"], cwd=tmp_path, capture_output=True)
    assert done.returncode == 0 and b"TRUE" in done.stdout, done.stdout
    with (tmp_path / "ledger.jsonl").open("rb") as lines:
        count, wrong = check_bundle(lines)
    assert count >= 2 and wrong == []
    stored = json.loads((tmp_path / "proof.json").read_bytes())["body"]
    again = subprocess.run(
        [sys.executable, "-c", "from engine.cli import main; main()", "decide", "household.json", "--rules", "rules", "--on", stored["on"], "--json"],
        cwd=tmp_path, capture_output=True, env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    assert again.returncode == 0, again.stderr
    made = json.loads(again.stdout)
    assert made["rulebook"] == stored["rulebook"] and made["totals"] == stored["totals"]
    whole = b"".join(archive.read(name) for name in archive.namelist())
    assert "欧阳测试".encode() not in whole and b"13900001111" not in whole
    assert "最低生活保障" in (tmp_path / "explanation.zh.txt").read_text(encoding="utf-8")
    assert looks(house, decided)[0].kind == "export"


def test_a_changed_bundle_is_found_out(decided: int, reader: Browser, tmp_path: Path) -> None:
    answer = press(reader, reader.get(f"/reading/{decided}"), f"/reading/{decided}/bundle")
    zipfile.ZipFile(io.BytesIO(answer.data)).extractall(tmp_path)
    proof = tmp_path / "proof.json"
    proof.write_text(proof.read_text(encoding="utf-8").replace("2025-08-01", "2025-08-02", 1), encoding="utf-8")
    done = subprocess.run([sys.executable, "verify_proof.py", "proof.json", "checkpoint.json"], cwd=tmp_path, capture_output=True)
    assert done.returncode != 0 and b"FALSE" in done.stdout + done.stderr


def test_a_proof_comes_alone(house: House, decided: int, reader: Browser) -> None:
    answer = press(reader, reader.get(f"/reading/{decided}"), f"/reading/{decided}/proof")
    assert answer.status_code == 200 and answer.get_json()["seq"] == decided and "body" in answer.get_json()
    assert looks(house, decided)[0].what == {"proof": True}


def test_nothing_is_taken_without_a_form_of_ours(house: House, decided: int, reader: Browser) -> None:
    for action in (f"/reading/{decided}/bundle", f"/reading/{decided}/proof", f"/reading/{decided}/replay", "/reading/checkpoint", "/reading/ledger", "/reading/person", "/reading/reason"):
        assert reader.post(action, [("_token", "x")]).status == 403, action
    for role in ("caseworker", "policy"):
        who = Browser(house).sign_in(role)
        token = who.get("/workbench").root.all("input", name_="_token")
        page = who.get("/workbench")
        pairs = page.fields(page.form("/sign-out"))
        for action in (f"/reading/{decided}/bundle", f"/reading/{decided}/proof", "/reading/checkpoint", "/reading/ledger", "/reading/person"):
            assert who.post(action, pairs).status == 403, (role, action, token)


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_every_page_is_whole_in_both_languages(decided: int, reader: Browser, lang: str) -> None:
    reader.lang(lang)
    for address in ("/reading", "/reading/reason", "/reading/ledger", "/reading/access", f"/reading/{decided}", f"/reading/{decided}/answers/elder_allowance"):
        page = reader.get(address)
        assert page.status == 200, (address, page.text)
        ids = [node.get("id") for node in page.root.all() if node.get("id")]
        assert len(ids) == len(set(ids)), address
        labels = {label.get("for") for label in page.root.all("label")}
        for field in [*page.root.all("input"), *page.root.all("select"), *page.root.all("textarea")]:
            assert field.get("type") == "hidden" or field.get("id") in labels, (address, field.attributes)
