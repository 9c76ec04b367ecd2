"""The catalogue over HTTP: what is in force on a day, in both languages, sent once; and the proofs of the ledger."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from api_live import ROOT, Live

CACHED = ("/v1/policies", "/v1/policies/minimum", "/v1/facts", "/v1/parameters", "/openapi.json", "/reference")


@pytest.mark.parametrize("path", CACHED)
def test_what_did_not_change_is_not_sent_again(small: Live, path: str) -> None:
    first = small.get(path, "caseworker")
    tag = first.headers["ETag"]
    assert first.status == 200 and first.body and tag.startswith('"') and "no-cache" in first.headers["Cache-Control"]
    for sent in (tag, f'W/{tag}, "x"', '"x", ' + tag, "*"):
        again = small.get(path, "caseworker", headers={"If-None-Match": sent})
        assert (again.status, again.body) == (304, b"") and again.headers["ETag"] == tag
    assert small.get(path, "caseworker", headers={"If-None-Match": '"x"'}).status == 200
    assert small.call("HEAD", path, "caseworker").headers["ETag"] == tag


def test_another_day_is_another_answer(small: Live) -> None:
    one, two = (small.get(f"/v1/parameters?on={on}", "policy") for on in ("2025-06-30", "2025-07-01"))
    assert one.headers["ETag"] != two.headers["ETag"]

    def standard(answer: Any) -> Any:
        return next(each for each in answer.json["items"] if each["name"] == "standard")["value"]

    assert (standard(one)["value"], standard(two)["value"]) == ("1600", "1650")
    early = small.get("/v1/policies?on=2020-01-01", "policy").json
    assert {each["id"]: each["in_force"] for each in early["items"]} == {"minimum": False, "elder": True}


def test_a_policy_is_shown_in_words_with_its_versions(small: Live) -> None:
    found = small.get("/v1/policies/minimum?on=2025-08-01", "caseworker").json
    shown = found["in_force"]
    assert shown["title"] == {"zh": "最低生活保障", "en": "Minimum living allowance"}
    leaf = next(part for part in shown["when"]["parts"] if part["id"] == "income_below_standard")
    assert leaf["text"]["zh"] == "月人均收入低于保障标准" and leaf["rule"] == "income_per_person < standard"
    assert found["versions"] == [{"from": "2024-07-01", "to": None, "file": "rules/minimum.yaml"}]
    assert small.get("/v1/policies/minimum?on=2020-01-01", "caseworker").json["in_force"] is None


def test_the_facts_say_what_a_form_needs(small: Live) -> None:
    found = small.get("/v1/facts", "caseworker").json
    facts = {each["name"]: each for each in found["items"]}
    assert facts["monthly_income"]["of"] == "member" and facts["monthly_income"]["type"] == "money"
    assert facts["monthly_income"]["highest"] == "1000000000" and not facts["monthly_income"]["derived"]
    assert facts["age"]["derived"] and found["choices"]["hukou"]["here"]["zh"] == "本市户籍"


def test_every_policy_of_the_house_can_be_read(live: Live) -> None:
    items = live.get("/v1/policies", "policy").json["items"]
    assert len(items) > 10
    for each in items:
        assert live.get(f"/v1/policies/{each['id']}", "policy").status == 200


def test_an_evaluation_is_not_recorded(small: Live) -> None:
    sent = {"household": {"members": [{"id": "a"}]}, "trace": True, "explain": True}
    size = small.get("/v1/ledger/head", "auditor").json["logs"]["decisions"]["size"]
    answer = small.post("/v1/evaluations", "policy", sent)
    assert answer.status == 200 and answer.json["decision"]["answers"][0]["trace"] and answer.json["explanation"]
    assert small.get("/v1/ledger/head", "auditor").json["logs"]["decisions"]["size"] == size


def test_other_places_are_asked_for_by_name(small: Live) -> None:
    sent = {"household": {"members": [{"id": "a"}]}, "on": "2025-08-01", "jurisdictions": ["zhejiang"]}
    assert small.post("/v1/evaluations", "policy", sent).json["decision"]["answers"] == []
    assert small.get("/v1/policies?jurisdiction=zhejiang&on=2025-08-01", "policy").json["items"][0]["in_force"] is False


def test_a_proof_is_checked_by_the_script_alone(small: Live, tmp_path: Path) -> None:
    """The script is copied away and run by a Python that sees nothing of the project."""
    from engine.ledger.checkpoint import make
    from engine.ledger.home import Folder

    id = small.post("/v1/decisions", "caseworker", {"household": {"members": [{"id": "a"}]}}).json["id"]
    folder = Folder(small.data)
    older = make(folder.store(), folder.signing(), "2026-11-21T08:00:00Z")
    small.post("/v1/decisions", "caseworker", {"household": {"members": [{"id": "b"}]}})
    newer = make(folder.store(), folder.signing(), "2026-11-21T09:00:00Z")
    script = tmp_path / "verify_proof.py"
    script.write_bytes((ROOT / "docs/verify_proof.py").read_bytes())
    for name, kept in (("older.json", older), ("newer.json", newer)):
        (tmp_path / name).write_text(json.dumps(kept.file()))
    size = newer.size("decisions")

    def check(proof: Any, *files: str) -> int:
        (tmp_path / "proof.json").write_text(json.dumps(proof))
        return subprocess.run(
            [sys.executable, "-I", script, "proof.json", *files], cwd=tmp_path, capture_output=True
        ).returncode  # fmt: skip

    answer = small.get(f"/v1/ledger/proof?entry={id}&size={size}&body=true&why=x", "auditor")
    assert answer.status == 200 and answer.json["body"]["answers"]
    assert check(answer.json, "newer.json") == 0
    changed = json.loads(answer.body)
    changed["body"]["on"] = "2025-01-01"
    assert check(changed, "newer.json") == 1
    steps = small.get(f"/v1/ledger/proof?old={older.size('decisions')}&size={size}", "auditor").json
    assert check(steps, "newer.json", "older.json") == 0


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("", "one-of-these"), ("entry=1&old=1", "one-of-these"), ("entry=99999999", "not-covered"),
        ("entry=1&size=99999999", "not-covered"), ("old=99999999", "not-covered"), ("entry=0", "outside"),
    ],
)  # fmt: skip
def test_a_proof_that_cannot_be_is_refused(small: Live, query: str, code: str) -> None:
    answer = small.get(f"/v1/ledger/proof?{query}", "auditor")
    assert answer.status == 400 and answer.json["errors"][0]["code"] == code


def test_verifying_over_http_names_what_was_changed(small: Live, tmp_path: Path) -> None:
    good = small.post("/v1/ledger/verify", "auditor").json
    assert good["ok"] and good["first_broken"] is None and good["findings"] == []
    head = small.get("/v1/ledger/head", "auditor").json
    assert {name: log["size"] for name, log in head["logs"].items()} == good["sizes"]
    bad = small.post("/v1/ledger/verify", "auditor", {"checkpoints": [{"checkpoint": 1}, 2]})
    assert [each["pointer"] for each in bad.json["errors"]] == ["/checkpoints/0", "/checkpoints/1"]
    false = {
        "checkpoint": {
            "format": 1, "ledger": head["ledger"], "at": "2026-01-01T00:00:00Z", "number": 1, "previous": None,
            "key": "00" * 32,
            "logs": {name: {"size": 1, "root": "00" * 32, "head": "00" * 32} for name in ("decisions", "access")},
        },
        "signature": "00" * 64,
    }  # fmt: skip
    found = small.post("/v1/ledger/verify", "auditor", {"checkpoints": [false]}, headers={"Accept-Language": "en"}).json
    codes = {each["code"] for each in found["findings"]}
    assert not found["ok"] and codes and codes <= {"checkpoint-signature", "checkpoint-mismatch"}
