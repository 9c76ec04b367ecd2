"""The commands beside the service: keys, ledger, replay. Exit codes: 0 fine, 1 something was found, 2 wrong use."""

from __future__ import annotations

import json
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import click
import pytest
from api_live import SMALL
from click.testing import CliRunner, Result

from api.app import create_app
from api.settings import Settings
from engine.commands.keys import key
from engine.commands.ledger import ledger
from engine.commands.replay import replay_command
from engine.commands.serve import serve
from engine.language.shipped import rule_files
from engine.ledger.export import check_bundle

SENT = {
    "household": {
        "owns_car": False,
        "members": [{"id": "a", "hukou": "here", "birth_date": "1980-05-01", "monthly_income": "1000.00"}],
    },
    "identity": {"a": {"name": "钱七"}},
    "on": "2025-08-01",
}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder with three decisions under the small rulebook (entries 2, 3 and 4)."""
    settings = Settings(data=tmp_path / "var", rules=str(SMALL))
    app = create_app(settings)
    service = app.extensions["jiuzhu"]
    service.active.activate(rule_files(str(SMALL)), "start", service.at(), examples=False)
    _, token = service.home.keys.create("caseworker", service.at())
    client = app.test_client()
    for _ in range(3):
        answer = client.post("/v1/decisions", json=SENT, headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 201
    service.home.writer.close()
    return tmp_path / "var"


def run(command: click.Command, *arguments: object, **more: Any) -> Result:
    return CliRunner().invoke(command, [str(each) for each in arguments], env={"JIUZHU_LANG": "en"}, **more)


def test_keys_are_made_listed_and_revoked(tmp_path: Path) -> None:
    made = run(key, "create", "--role", "auditor", "--label", "审计处", "--days", 30, "--data", tmp_path)
    assert made.exit_code == 0 and made.stdout.startswith("jz_") and "keep it" in made.stderr
    id = made.stdout.split("_")[1]
    row = json.loads(run(key, "list", "--json", "--data", tmp_path).stdout)[0]
    assert (row["id"], row["role"], row["label"], row["state"]) == (id, "auditor", "审计处", "live")
    assert made.stdout.split("_")[2].strip() not in run(key, "list", "--data", tmp_path).stdout
    for _ in range(2):
        gone = run(key, "revoke", id, "--data", tmp_path)
        assert gone.exit_code == 0 and id in gone.stdout
    assert "revoked" in run(key, "list", "--data", tmp_path).stdout
    assert run(key, "revoke", "000000000000", "--data", tmp_path).exit_code == 1
    wrong = run(key, "create", "--role", "policy", "--scope", "decisions:write", "--data", tmp_path)
    assert wrong.exit_code == 2 and "may not hold decisions:write" in wrong.stderr
    assert run(key, "create", "--role", "king", "--data", tmp_path).exit_code == 2
    assert (tmp_path / "keys.db").stat().st_mode & 0o077 == 0


def test_a_ledger_that_was_changed_is_named_and_ends_with_1(data: Path) -> None:
    good = run(ledger, "verify", "--data", data)
    assert good.exit_code == 0 and "nothing was changed" in good.stdout
    connection = sqlite3.connect(data / "ledger.db")
    connection.execute("DROP TRIGGER entry_no_update")
    connection.execute("UPDATE entry SET at = '2020-01-01T00:00:00.000000Z' WHERE seq = 3")
    connection.commit()
    connection.close()
    bad = run(ledger, "verify", "--data", data)
    assert bad.exit_code == 1 and "entry 3 was changed" in bad.stdout
    found = json.loads(run(ledger, "verify", "--json", "--data", data).stdout)
    assert not found["ok"] and found["first_broken"] == 3
    assert run(ledger, "verify", "--data", data / "nowhere").exit_code == 2


def test_checkpoints_proofs_and_bundles_leave_the_house(data: Path, tmp_path: Path) -> None:
    kept = tmp_path / "checkpoint.json"
    assert run(ledger, "checkpoint", "--out", kept, "--data", data).exit_code == 0
    assert run(ledger, "verify", "--checkpoint", kept, "--data", data).exit_code == 0
    assert run(ledger, "verify", "--checkpoint", kept, "--trusted", "00" * 32, "--data", data).exit_code == 1
    proof = json.loads(run(ledger, "prove", 3, "--body", "--data", data).stdout)
    assert (proof["seq"], proof["size"], proof["body"]["on"]) == (3, 4, "2025-08-01")
    assert json.loads(run(ledger, "prove", "--old", 2, "--data", data).stdout)["proof"] == "consistency"
    assert run(ledger, "prove", "--data", data).exit_code == 2
    assert run(ledger, "prove", 3, "--old", 2, "--data", data).exit_code == 2
    assert run(ledger, "prove", 999, "--data", data).exit_code == 2
    for arguments, count in (((), 4), (("--entry", 3), 2)):
        bundle = run(ledger, "export", *arguments, "--data", data)
        assert bundle.exit_code == 0 and "钱七" not in bundle.stdout
        assert check_bundle(bundle.stdout.encode().splitlines(keepends=True)) == (count, [])
    assert run(ledger, "export", "--entry", 999, "--data", data).exit_code == 2


def test_a_backup_is_put_back_somewhere_else(data: Path, tmp_path: Path) -> None:
    copy, new = tmp_path / "copy.db", tmp_path / "new"
    assert run(ledger, "backup", copy, "--data", data).exit_code == 0
    assert run(ledger, "backup", copy, "--data", data).exit_code == 1  # never over what is there
    assert run(ledger, "restore", copy, "--data", new).exit_code == 0
    assert run(ledger, "restore", copy, "--data", new).exit_code == 1
    for name in ("identity.key",):
        shutil.copy(data / name, new / name)
    assert run(ledger, "verify", "--data", new).exit_code == 0
    assert run(replay_command, "--all", "--data", new).exit_code == 0


def test_a_household_is_erased(data: Path) -> None:
    from engine.ledger.home import Folder
    from engine.ledger.read import entry
    from engine.ledger.search_index import SearchIndex

    household = entry(Folder(data).store().reader(), 2).household

    def tokens() -> int:
        """How many hashed names and numbers of the household the search file holds."""
        found = SearchIndex(Folder(data).store()).connection()
        (many,) = found.execute("SELECT count(*) FROM person WHERE household = ?", (household,)).fetchone()
        return int(many)

    SearchIndex(Folder(data).store()).catch_up()
    assert tokens() > 0
    refused = run(ledger, "erase", household, "--reason", "依本人请求", "--data", data, input="n\n")
    assert refused.exit_code == 1
    done = run(ledger, "erase", household, "--reason", "依本人请求", "--yes", "--data", data)
    assert done.exit_code == 0 and "erased" in done.stdout and tokens() == 0
    assert run(ledger, "erase", household, "--reason", "依本人请求", "--yes", "--data", data).exit_code == 1
    assert run(ledger, "verify", "--data", data).exit_code == 0


def test_replay_by_the_rules_of_the_day_and_against_others(data: Path, tmp_path: Path) -> None:
    one = run(replay_command, 2, "--data", data)
    assert one.exit_code == 0 and "byte for byte" in one.stdout
    whole = run(replay_command, "--all", "--data", data)
    assert whole.exit_code == 0 and "3 decision(s), 3 the same" in whole.stdout
    rules = tmp_path / "rules"
    shutil.copytree(SMALL, rules)
    figures = rules / "rules/parameters.yaml"
    figures.write_text(figures.read_text().replace("1650.00", "1700.00"))
    changed = run(replay_command, 2, "--against", rules, "--data", data)
    assert changed.exit_code == 1
    assert "650.00 → eligible 700.00" in changed.stdout and "standard: 1650 (2025-07-01) → 1700" in changed.stdout
    found = json.loads(run(replay_command, 2, "--against", rules, "--json", "--data", data).stdout)
    (change,) = found["changes"]
    assert change["policy"] == "minimum" and change["figures"][0]["figure"] == "standard"
    every = json.loads(run(replay_command, "--all", "--against", rules, "--json", "--data", data).stdout)
    assert (every["decisions"], every["same"], len(every["differ"])) == (3, 0, 3)
    assert run(replay_command, 2, "--against", SMALL, "--data", data).exit_code == 0


def test_a_fact_the_other_rules_do_not_know_is_left_out_and_named(data: Path, tmp_path: Path) -> None:
    rules = tmp_path / "rules"
    shutil.copytree(SMALL, rules)
    for name in ("facts.yaml", "minimum.yaml"):
        path = rules / "rules" / name
        path.write_text(path.read_text().replace("owns_car", "has_car"))
    found = json.loads(run(replay_command, 2, "--against", rules, "--json", "--data", data).stdout)
    assert found["left_out"] == ["/owns_car"]
    assert [(each["policy"], each["now"]["status"]) for each in found["changes"]] == [("minimum", "undetermined")]
    (change,) = found["changes"]
    assert any(each["now"]["outcome"] == "unknown" for each in change["conditions"])


def test_replay_used_wrongly(data: Path, tmp_path: Path) -> None:
    assert run(replay_command, "--data", data).exit_code == 2
    assert run(replay_command, 2, "--all", "--data", data).exit_code == 2
    assert run(replay_command, 1, "--data", data).exit_code == 1  # the rulebook's own entry
    assert run(replay_command, 99, "--data", data).exit_code == 1
    assert run(replay_command, 2, "--against", tmp_path, "--data", data).exit_code == 2
    assert run(replay_command, 2, "--data", tmp_path / "nowhere").exit_code == 2


def test_looks_from_the_command_line_are_on_record_too(data: Path) -> None:
    from engine.ledger.access import page
    from engine.ledger.home import Folder

    run(replay_command, 2, "--why", "年度抽查", "--data", data)
    run(ledger, "export", "--entry", 3, "--data", data)
    looks = page(Folder(data).store().reader())
    assert [(each.kind, each.who, each.case) for each in looks] == [
        ("export", "command-line", None), ("replay", "command-line", 2),
    ]  # fmt: skip
    assert looks[1].why == "年度抽查"


@pytest.mark.parametrize(
    "command", [serve, key, ledger, replay_command, *key.commands.values(), *ledger.commands.values()]
)
def test_help_is_in_both_languages_with_examples(command: click.Command) -> None:
    text = CliRunner().invoke(command, ["--help"]).stdout
    assert any("\u4e00" <= letter <= "\u9fff" for letter in text) and any(word in text for word in ("/ ", "key"))
    if not isinstance(command, click.Group) and command.name not in ("list", "revoke"):
        assert "examples:" in text and "jiuzhu " in text
