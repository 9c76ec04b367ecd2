"""Ledgers for the tests: written with every kind of entry, at random but the same for the same seed."""

import hashlib
import random
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from engine.ledger import checkpoint, entries, rulebooks
from engine.ledger.access import AccessDraft, access
from engine.ledger.append import Writer
from engine.ledger.entries import DecisionIndex, Draft, PolicyLine, Request
from engine.ledger.identity import Person
from engine.ledger.keyring import Keyring, create_keyring
from engine.ledger.store import Store

AT = "2026-11-21T08:00:00Z"
FILES = {
    "policies.yaml": "title: {zh: 目录, en: catalogue}\n",
    "rules/a.yaml": "policy: a\n" * 100,
    "rules/救助.yaml": "policy: b\n",
}
RULEBOOK = rulebooks.digest_of(FILES)
POLICIES = ("minimum_living_allowance", "low_income_household", "temporary_relief")
STATUSES = ("eligible", "ineligible", "undetermined")
WORDS = ("人均收入低于最低生活保障标准", "家庭财产超过限额", "残疾等级不明", "可申请临时救助", "生活困难")


@dataclass
class Book:
    """A ledger with its keys and its one writer."""

    store: Store
    keyring: Keyring
    signing: Ed25519PrivateKey
    writer: Writer
    folder: Path

    @property
    def path(self) -> Path:
        return self.store.path


def make(folder: Path) -> Book:
    """An empty ledger with a rulebook on record (entry 1)."""
    folder.mkdir(parents=True, exist_ok=True)
    store = Store.create(folder / "ledger.db", AT)
    keyring = create_keyring(folder / "identity.key")
    signing = checkpoint.create_signing_key(folder / "signing.pem")
    book = Book(store, keyring, signing, Writer(store, keyring), folder)
    book.writer.append(rulebooks.rulebook(FILES, RULEBOOK, "admin", AT))
    return book


def index(chance: random.Random, household: str = "h1", **changes: object) -> DecisionIndex:
    lines = tuple(
        PolicyLine(policy, "household", status, 0 if status == "undetermined" else least, least)
        for policy in POLICIES
        for status, least in [(chance.choice(STATUSES), chance.randrange(10**6))]
    )
    values: dict[str, object] = {
        "policies": lines,
        "on": f"2026-0{chance.randrange(1, 10)}-01",
        "rulebook": RULEBOOK,
        "engine": "0.1.0",
        "caseworker": chance.choice(("key-a", "key-b")),
        "household_id": household,
        "explanation": "；".join(chance.sample(WORDS, 3)) * chance.randrange(1, 30),
    }
    return DecisionIndex(**{**values, **changes})  # type: ignore[arg-type]


def body(chance: random.Random) -> dict[str, object]:
    """A decision's document, from a few bytes to some ten thousand: stored plain, packed, and over several
    pages."""
    trace = [
        [f"c{i}", chance.choice(("yes", "no")), chance.randrange(10**9)] for i in range(chance.randrange(800))
    ]
    return {"facts": {"size": chance.randrange(1, 9)}, "trace": trace}


def request(name: str, content: str = "x", owner: str = "key-a") -> Request:
    return Request(owner, name, hashlib.sha256(content.encode()).hexdigest())


def people(number: int) -> tuple[Person, ...]:
    return (
        Person("a", f"张{number}", f"31010519800101{number:04d}", f"138000{number:05d}", f"华阳路{number}号"),
        Person("b", f"李{number}", f"31010520100101{number:04d}"),
    )


def drafts(chance: random.Random, count: int, last: int = 1) -> list[Draft | AccessDraft]:
    """`count` drafts of all kinds, to be appended after decisions-log entry `last` in this order, one by
    one."""
    made: list[Draft | AccessDraft] = []
    decisions: list[int] = []
    named: list[str] = []
    while len(made) < count:
        kind = chance.choices(
            ("decision", "access", "confirmation", "departure", "correction", "erasure"), (10, 6, 2, 1, 1, 1)
        )[0]
        number = len(made)
        if kind == "access":
            case = chance.choice([*decisions, None])
            made.append(access("read", "key-a", "复核", AT, case=case, what={"n": number}))
            continue
        if kind in ("confirmation", "departure", "correction") and not decisions:
            continue
        if kind == "decision":
            household = f"h{number}"
            who = people(number) if chance.random() < 0.6 else ()
            asked = request(f"r{number}") if chance.random() < 0.5 else None
            made.append(
                entries.decision(body(chance), index(chance, household), AT, request=asked, identity=who)
            )
            named += [household] if who else []
            decisions.append(last + 1)
        elif kind == "confirmation":
            made.append(entries.confirmation(chance.choice(decisions), "key-b", AT, note="同意"))
        elif kind == "departure":
            made.append(
                entries.departure(chance.choice(decisions), "key-b", "家访情况不符", AT, instead={"a": 1})
            )
        elif kind == "correction":
            old = chance.choice(decisions)
            made.append(
                entries.correction(old, body(chance), index(chance, f"h{number}"), "key-b", "工资更正", AT)
            )
            decisions.append(last + 1)
        elif named:
            made.append(entries.erasure(named.pop(), "admin", "本人要求", AT))
        else:
            continue
        last += 1
    return made


def fill(book: Book, count: int, seed: int = 1) -> None:
    """Append `count` random records, with a checkpoint on the way and one at the end."""
    chance = random.Random(seed)
    todo = drafts(chance, count)
    for part in (todo[: count // 2], todo[count // 2 :]):
        for outcome in book.writer.append_all(part):
            if isinstance(outcome, Exception):
                raise outcome
        checkpoint.make(book.store, book.signing, AT)
