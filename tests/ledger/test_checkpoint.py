"""Checkpoints kept elsewhere, and proofs checked by the stand-alone script with nothing but the standard
library."""

import copy
import json
import random
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import ledger_sample as sample
import pytest
from ledger_sample import AT, Book

from engine.ledger import checkpoint, entries, proofs, read
from engine.ledger.checkpoint import Checkpoint
from engine.ledger.errors import KeyMissing, NotFound, Refused
from engine.ledger.store import Store
from engine.ledger.verify import verify

SCRIPT = Path(__file__).parents[2] / "docs" / "verify_proof.py"


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Book:
    book = sample.make(tmp_path_factory.mktemp("checkpoint"))
    sample.fill(book, 90)
    for number in range(3):
        book.writer.append_all([entries.confirmation(_a_decision(book), "k", AT)] * (7 * number + 1))
        checkpoint.make(book.store, book.signing, AT)
    return book


def _a_decision(book: Book) -> int:
    (seq,) = book.store.reader().execute("SELECT min(seq) FROM entry WHERE kind = 'decision'").fetchone()
    return int(seq)


@pytest.fixture
def kept(book: Book) -> list[Checkpoint]:
    return [checkpoint.stored(book.store.reader(), number) for number in range(1, 6)]


def test_a_checkpoint_says_what_the_ledger_was(book: Book, kept: list[Checkpoint]) -> None:
    last = kept[-1]
    assert last == checkpoint.latest(book.store.reader())
    head = read.head(book.store.reader())
    assert (last.size("decisions"), last.document["logs"]["decisions"]["head"]) == head
    assert last.document["ledger"] == book.store.id and last.document["number"] == 5
    assert last.document["previous"] == kept[-2].digest.hex() and kept[0].document["previous"] is None
    assert checkpoint.read_checkpoint(json.dumps(last.file())) == last
    report = verify(book.path, checkpoints=kept, trusted={checkpoint.public_key(book.signing)})
    assert report.ok, report.findings
    with pytest.raises(NotFound):
        checkpoint.stored(book.store.reader(), 6)


def test_a_signature_is_by_a_known_key_over_the_whole_document(
    book: Book, kept: list[Checkpoint], tmp_path: Path
) -> None:
    one = kept[0]
    mine = checkpoint.public_key(book.signing)
    assert (
        one.signed_by() and one.signed_by({mine}) and not one.signed_by({"00" * 32}) and not one.signed_by(())
    )
    for change in (
        {"at": "2020-01-01T00:00:00.000000Z"},
        {"ledger": "x"},
        {"number": 9},
        {"key": "00" * 32},
        {"key": "?"},
    ):
        assert not Checkpoint({**one.document, **change}, one.signature).signed_by()
    assert not Checkpoint(one.document, one.signature[::-1]).signed_by()


def test_a_checkpoint_signed_by_a_stranger_is_found_by_whoever_knows_the_key(tmp_path: Path) -> None:
    book = sample.make(tmp_path)
    stranger = checkpoint.create_signing_key(tmp_path / "stranger.pem")
    checkpoint.make(book.store, stranger, AT)
    assert verify(book.path).ok
    found = verify(book.path, trusted={checkpoint.public_key(book.signing)}).findings
    assert [(finding.code, finding.place) for finding in found] == [("checkpoint-signature", "1")]


def test_newest_entries_cut_off_are_found_by_a_checkpoint_kept_elsewhere_only(tmp_path: Path) -> None:
    book = sample.make(tmp_path / "a")
    sample.fill(book, 40)
    old = tmp_path / "old.db"
    with closing(sqlite3.connect(book.path)) as source, closing(sqlite3.connect(old)) as target:
        source.backup(target)
    book.writer.append(entries.confirmation(_a_decision(book), "k", AT))
    kept = checkpoint.make(book.store, book.signing, AT)
    assert verify(old).ok, "the chain alone cannot tell"
    found = verify(old, checkpoints=[kept]).findings
    assert [finding.code for finding in found] == ["checkpoint-beyond"] and "decisions" in found[0].en


def test_a_ledger_written_anew_is_found_by_a_checkpoint_kept_elsewhere_only(tmp_path: Path) -> None:
    book = sample.make(tmp_path / "a")
    sample.fill(book, 40, seed=1)
    kept = checkpoint.make(book.store, book.signing, AT)
    store = Store.create(tmp_path / "anew.db", AT, ledger_id=book.store.id)
    anew = sample.Book(store, book.keyring, book.signing, sample.Writer(store, book.keyring), tmp_path)
    anew.writer.append(sample.rulebooks.rulebook(sample.FILES, sample.RULEBOOK, "admin", AT))
    sample.fill(anew, 60, seed=2)
    assert verify(store.path).ok, "the chain alone cannot tell"
    codes = {finding.code for finding in verify(store.path, checkpoints=[kept]).findings}
    assert codes <= {"checkpoint-mismatch", "checkpoint-beyond"} and "checkpoint-mismatch" in codes
    other = sample.make(tmp_path / "b")
    assert {finding.code for finding in verify(other.path, checkpoints=[kept]).findings} == {"other-ledger"}


NOT_CHECKPOINTS = ["", "[]", "{}", '{"checkpoint": {}, "signature": ""}', "null", "[" * 10_000]


@pytest.mark.parametrize("content", NOT_CHECKPOINTS, ids=range(len(NOT_CHECKPOINTS)))
def test_what_is_not_a_checkpoint_file_is_refused(content: str) -> None:
    with pytest.raises(Refused):
        checkpoint.read_checkpoint(content)


@pytest.mark.parametrize(
    ("path", "value"),
    [("size", -1), ("size", 1.0), ("size", "1"), ("size", True), ("root", "?"), ("head", None)],
)
def test_a_checkpoint_file_with_a_bad_value_is_refused(
    kept: list[Checkpoint], path: str, value: object
) -> None:
    file = copy.deepcopy(kept[0].file())
    file["checkpoint"]["logs"]["decisions"][path] = value
    with pytest.raises(Refused):
        checkpoint.read_checkpoint(json.dumps(file))


def test_a_signing_key_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "signing.pem"
    key = checkpoint.create_signing_key(path)
    assert checkpoint.public_key(checkpoint.load_signing_key(path)) == checkpoint.public_key(key)
    with pytest.raises(KeyMissing):
        checkpoint.create_signing_key(path)
    path.chmod(0o644)
    with pytest.raises(KeyMissing, match="chmod 600"):
        checkpoint.load_signing_key(path)
    path.chmod(0o600)
    path.write_text("-----BEGIN PRIVATE KEY-----\n")
    with pytest.raises(KeyMissing, match="not an Ed25519"):
        checkpoint.load_signing_key(path)


def _run(
    folder: Path, proof: dict[str, Any], *checkpoints: dict[str, Any], flags: tuple[str, ...] = ()
) -> tuple[int, str]:
    names = []
    for number, content in enumerate((proof, *checkpoints)):
        names.append(str(folder / f"{number}.json"))
        Path(names[-1]).write_text(json.dumps(content, ensure_ascii=False, indent=2), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, *flags, str(SCRIPT), *names], capture_output=True, text=True, timeout=60
    )
    return done.returncode, done.stdout + done.stderr


def test_the_script_is_short_and_needs_nothing() -> None:
    lines = SCRIPT.read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 60
    imports = {line.split()[1] for line in lines if line.startswith(("import ", "from "))}
    assert imports == {"hashlib", "json", "pathlib", "sys"}


@pytest.mark.parametrize("log", ["decisions", "access"])
def test_the_script_confirms_inclusion(book: Book, kept: list[Checkpoint], tmp_path: Path, log: str) -> None:
    chance = random.Random(1)
    for one in (kept[0], kept[-1]):
        size = one.size(log)
        for seq in {1, size, chance.randint(1, size)}:
            proof = proofs.inclusion(book.store.reader(), seq, size=size, log=log, body=log == "decisions")
            assert proof["root"] == one.document["logs"][log]["root"]
            status, said = _run(tmp_path, proof, one.file())
            assert status == 0 and "TRUE" in said and checkpoint.public_key(book.signing) in said


def test_the_script_checks_without_cryptography_too(
    book: Book, kept: list[Checkpoint], tmp_path: Path
) -> None:
    """-I -S: no site-packages, so only the standard library."""
    proof = proofs.inclusion(book.store.reader(), 3, size=kept[-1].size("decisions"))
    status, said = _run(tmp_path, proof, kept[-1].file(), flags=("-I", "-S"))
    assert status == 0 and "TRUE" in said and "NOT checked" in said


def test_the_script_confirms_consistency(book: Book, kept: list[Checkpoint], tmp_path: Path) -> None:
    for log in ("decisions", "access"):
        for old, new in [(kept[0], kept[-1]), (kept[2], kept[3]), (kept[-1], kept[-1])]:
            proof = proofs.consistency(book.store.reader(), old.size(log), new=new.size(log), log=log)
            status, said = _run(tmp_path, proof, new.file(), old.file())
            assert status == 0 and "TRUE" in said, said


def test_the_script_confirms_every_small_consistency(book: Book, kept: list[Checkpoint]) -> None:
    """The script's arithmetic over every pair of sizes to 40, run inside this process for speed."""
    code = compile(SCRIPT.read_text(encoding="utf-8"), str(SCRIPT), "exec")
    reader = book.store.reader()

    def run(proof: dict[str, Any], new: int, old: int) -> bool:
        files: dict[str, Any] = {"proof": copy.deepcopy(proof)}
        for name, size in (("new", new), ("old", old)):
            root = proofs.consistency(reader, size, new=size)["new"]["root"]
            document = {**kept[0].document, "logs": {"decisions": {"size": size, "root": root}}}
            files[name] = {"checkpoint": document, "signature": "00"}
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(Path, "read_text", lambda self, encoding: json.dumps(files[self.name]))
            patched.setattr(sys, "argv", ["verify_proof.py", "proof", "new", "old"])
            patched.setitem(sys.modules, "cryptography.hazmat.primitives.asymmetric.ed25519", None)
            with pytest.raises(SystemExit) as caught:
                exec(code, {"__name__": "script", "print": lambda *_: None})
        return not caught.value.code

    for new in range(1, 41):
        for old in range(1, new + 1):
            proof = proofs.consistency(reader, old, new=new)
            assert run(proof, new, old), (old, new)
            assert not run({**proof, "path": [*proof["path"], "00" * 32]}, new, old), (old, new)
            if proof["path"]:
                assert not run({**proof, "path": proof["path"][:-1]}, new, old), (old, new)
                assert not run({**proof, "path": ["00" * 32, *proof["path"][1:]]}, new, old), (old, new)


Change = Callable[[dict[str, Any], dict[str, Any]], object]
FALSE: dict[str, Change] = {
    "another time": lambda proof, _: proof["header"].update(at="2020-01-01T00:00:00.000000Z"),
    "another body": lambda proof, _: proof["body"].update(by="someone"),
    "another body digest": lambda proof, _: proof["header"].update(body="00" * 32),
    "another number": lambda proof, _: proof.update(seq=proof["seq"] - 1),
    "another place": lambda proof, _: (proof.update(seq=5), proof["header"].update(seq=5)),
    "another log": lambda proof, _: proof.update(log="access"),
    "no path": lambda proof, _: proof["path"].clear(),
    "a longer path": lambda proof, _: proof["path"].append("00" * 32),
    "a shorter path": lambda proof, _: proof["path"].pop(),
    "another step": lambda proof, _: proof["path"].__setitem__(0, "00" * 32),
    "another size": lambda proof, _: proof.update(size=proof["size"] + 1),
    "checkpoint's root": lambda _, kept: kept["checkpoint"]["logs"]["decisions"].update(root="00" * 32),
    "checkpoint's time": lambda _, kept: kept["checkpoint"].update(at="2020-01-01T00:00:00.000000Z"),
    "checkpoint's signature": lambda _, kept: kept.update(signature="00" * 64),
}


@pytest.mark.parametrize("name", FALSE)
def test_the_script_denies_what_was_changed(
    book: Book, kept: list[Checkpoint], tmp_path: Path, name: str
) -> None:
    size = kept[-1].size("decisions")
    proof = proofs.inclusion(book.store.reader(), size, size=size, body=True)
    file = copy.deepcopy(kept[-1].file())
    FALSE[name](proof, file)
    status, said = _run(tmp_path, proof, file)
    assert status != 0 and "TRUE" not in said


def test_the_script_denies_a_history_that_was_rewritten(
    book: Book, kept: list[Checkpoint], tmp_path: Path
) -> None:
    old, new = kept[0], kept[-1]
    proof = proofs.consistency(book.store.reader(), old.size("decisions"), new=new.size("decisions"))
    for place in range(len(proof["path"])):
        forged = {**proof, "path": [*proof["path"][:place], "00" * 32, *proof["path"][place + 1 :]]}
        assert _run(tmp_path, forged, new.file(), old.file(), flags=("-I", "-S"))[0] != 0
    rewritten = copy.deepcopy(old.file())
    rewritten["checkpoint"]["logs"]["decisions"]["root"] = "00" * 32
    assert _run(tmp_path, proof, new.file(), rewritten, flags=("-I", "-S"))[0] != 0


def test_proofs_are_given_only_for_what_there_is(book: Book) -> None:
    reader = book.store.reader()
    size, _ = read.head(reader)
    for ask in (
        lambda: proofs.inclusion(reader, size + 1),
        lambda: proofs.inclusion(reader, 0),
        lambda: proofs.inclusion(reader, 5, size=4),
        lambda: proofs.inclusion(reader, 1, size=size + 1),
        lambda: proofs.consistency(reader, 0),
        lambda: proofs.consistency(reader, 5, new=4),
        lambda: proofs.consistency(reader, 1, new=size + 1),
    ):
        with pytest.raises(Refused):
            ask()
    with pytest.raises(NotFound):
        proofs.inclusion(reader, 1, log="nothing")
