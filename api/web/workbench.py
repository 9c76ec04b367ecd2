"""The policies as they stand: the catalogue, each in words with its figures, texts and examples, and the files."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from itertools import pairwise

from flask import Blueprint, Response
from markupsafe import Markup

from api import schemas
from api.active import Rules
from api.problems import Problem
from api.web.asked import asked
from api.web.shown import Shown
from api.web.visit import Visit, page
from api.web.workbench_chart import chart_of
from api.web.workbench_text import listing, prose
from engine.decide.edited import LARGEST
from engine.decide.examples import Trial
from engine.decide.pages.conditions import conditions, items, results
from engine.decide.pages.examples import expected
from engine.decide.pages.figures import history, meanings, questions
from engine.decide.pages.links import citations, exclusions, links
from engine.decide.pages.procedure import notes, procedure
from engine.decide.pages.reader import KINDS, SUBJECTS, Reader
from engine.language.checks import expressions_of, parameters_read
from engine.language.model import Parameter, Policy, Rulebook
from engine.language.problems import Problems
from engine.language.rulebook import CATALOGUE

blueprint = Blueprint("workbench", __name__)

FILTERS = ("q", "group", "kind", "for", "department", "status")
_QUERY = 100  # characters of a search


@dataclass(frozen=True, slots=True)
class Listed:
    """A line of the catalogue."""

    policy: Policy
    title: str
    group: str
    place: str
    kind: str
    subject: str
    department: str
    in_force: bool
    off: bool  # a place whose rules are read only when asked for
    since: date
    texts: int
    examples: int


@page(blueprint, "GET", "/workbench", scope="catalogue", zh="政策目录", en="Policies")
def catalogue(visit: Visit) -> Response:
    given = {name: visit.query.get(name, "")[:_QUERY].strip() for name in FILTERS}
    rules, on = _on(visit)
    book = rules.program.rulebook
    everything = _listed(book, visit.lang, on)
    shown = [each for each in everything if _fits(each, given)]
    departments = tuple(dict.fromkeys(each.department for each in everything))
    groups = {name: group.title[visit.lang] for name, group in book.groups.items()}
    by_group = {name: found for name in groups if (found := [each for each in shown if each.policy.group == name])}
    return visit.page(
        "workbench/catalogue.html",
        given=given, on=on, groups=groups, departments=departments, kinds=KINDS, by_group=by_group,
        shown=len(shown), count=len(everything), book=book, rules=rules,
    )  # fmt: skip


def _listed(book: Rulebook, lang: str, on: date) -> list[Listed]:
    in_force = {policy.id: policy for policy in book.policies if policy.in_force(on)}
    found = []
    for name in book.ids():
        texts = book.versions(name)
        policy = in_force.get(name) or next((p for p in texts if p.from_date > on), texts[-1])
        place = book.jurisdictions[policy.jurisdiction]
        found.append(
            Listed(
                policy, policy.title_on(on)[lang], book.groups[policy.group].title[lang], place.title[lang],
                short(KINDS[policy.kind][lang]), short(SUBJECTS[policy.level][lang]), policy.department[lang],
                name in in_force, not place.in_force, policy.from_date, len(texts),
                sum(len(text.examples) for text in texts),
            )
        )  # fmt: skip
    return found


def short(words: str) -> str:
    """`待遇` of `待遇（发放资金）`, `benefit` of `benefit: money`."""
    return re.split(r"[（:,]", words)[0]


def _fits(each: Listed, given: dict[str, str]) -> bool:
    policy = each.policy
    if given["group"] not in ("", policy.group) or given["kind"] not in ("", policy.kind):
        return False
    if given["for"] not in ("", policy.level) or given["department"] not in ("", each.department):
        return False
    if given["status"] and (given["status"] == "in_force") != each.in_force:
        return False
    names = [policy.title, *(words for _, words in policy.called)]
    text = " ".join([policy.id, each.title, *(f"{words.zh} {words.en}" for words in names)]).lower()
    return all(word in text for word in given["q"].lower().split())


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a policy's page."""

    id: str
    title: str
    body: Markup


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure the policy rests on: what it is called, its chart, its history as a table."""

    name: str
    label: str
    chart: Markup | None
    table: Markup
    note: str
    place: str


@page(blueprint, "GET", "/workbench/policies/<name:id>", scope="catalogue", zh="政策", en="Policy")
def policy(visit: Visit, id: str) -> Response:
    rules, on = _on(visit)
    book = rules.program.rulebook
    texts = book.versions(id)
    if not texts:
        raise Problem("not-found")
    now = next((each for each in texts if each.in_force(on)), None) or next(
        (each for each in texts if each.from_date > on), texts[-1]
    )
    sections, figures = _kept(_Book(book), id, now.from_date, visit.lang, visit.service.today())
    return visit.page(
        "workbench/policy.html",
        policy=now, texts=texts, on=on, book=book, title_now=now.title_on(on)[visit.lang], in_force=now.in_force(on),
        sections=sections, figures=figures, kinds=KINDS, subjects=SUBJECTS, outcomes=_expected(book, now, visit.lang),
        source=book.files[now.at.file], listing=listing, following=list(pairwise(texts)),
    )  # fmt: skip


class _Book:
    """A rulebook as a key: its digest stands for it."""

    def __init__(self, rulebook: Rulebook) -> None:
        self.rulebook = rulebook

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Book) and other.rulebook.digest == self.rulebook.digest

    def __hash__(self) -> int:
        return hash(self.rulebook.digest)


@lru_cache(maxsize=400)
def _kept(book: _Book, id: str, start: date, lang: str, today: date) -> tuple[tuple[Section, ...], tuple[Figure, ...]]:
    """All that one text of a policy says, in words; kept, since it stands as long as the rulebook."""
    return _made(book.rulebook, id, start, lang, today)


def _made(
    book: Rulebook, id: str, start: date, lang: str, today: date
) -> tuple[tuple[Section, ...], tuple[Figure, ...]]:
    texts = book.versions(id)
    now = next(each for each in texts if each.from_date == start)
    reader = Reader(book, lang, None if now is texts[-1] else now.to_date)
    say = reader.say
    only = (now,)
    parts = (
        ("conditions", say("条件", "Conditions"), conditions(reader, now.when, now)),
        ("gives", say("给什么", "What it gives"), items(reader, now)),
        ("results", say("中间结果", "Intermediate results"), results(reader, now)),
        ("meanings", say("词语的含义", "What the words mean"), meanings(reader, only)),
        ("links", say("与其他政策的联系", "Links to other policies"), links(reader, texts)),
        ("exclusions", say("不得同时享受", "Not together with"), exclusions(reader, texts)),
        ("procedure", say("办理", "How to apply"), procedure(reader, now)),
        ("notes", say("提示", "Advice"), notes(reader, now)),
        ("questions", say("要了解的情况", "What must be known"), questions(reader, only)),
        ("citations", say("依据", "Sources of law"), citations(reader, now)),
    )
    sections = tuple(Section(name, title, prose([lines], title)) for name, title, lines in parts if lines)
    read = parameters_read(book, expressions_of(now))
    named = sorted((book.parameters[name] for name in read), key=lambda each: each.order)
    return sections, tuple(figure(reader, each, today) for each in named)


def figure(reader: Reader, parameter: Parameter, today: date) -> Figure:
    label = parameter.label[reader.lang]
    return Figure(
        parameter.name, label, chart_of(parameter, reader.wording, reader.lang, today),
        prose([history(reader, parameter)], label), parameter.note, f"{parameter.at.file}#L{parameter.at.line}",
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Expected:
    """An example as the page lists it: what it shows and what it must come to."""

    number: int
    says: str
    on: date
    result: str
    line: int


def _expected(book: Rulebook, policy: Policy, lang: str) -> list[Expected]:
    reader = Reader(book, lang)
    return [
        Expected(n, each.says[lang], each.on, expected(reader, policy, each.expect, each.also), each.at.line)
        for n, each in enumerate(policy.examples, 1)
    ]


@page(
    blueprint,
    "GET",
    "/workbench/policies/<name:id>/examples/<entry:number>",
    scope="catalogue",
    zh="例子",
    en="Example",
)
def example(visit: Visit, id: str, number: int) -> Response:
    """One example, decided now: its household, and the reasons of the answers to its policy."""
    rules, _ = _on(visit)
    book = rules.program.rulebook
    start = visit.query.get("text", "")
    texts = [each for each in book.versions(id) if start in ("", each.from_date.isoformat())]
    if not texts or number > len(texts[-1].examples):
        raise Problem("not-found")
    chosen = texts[-1]
    wanted = chosen.examples[number - 1]
    noted = Problems()
    decision = Trial(rules.program, chosen, noted).decision(wanted)
    if decision is None:
        raise Problem("not-found")
    shown = Shown(decision, visit.lang)
    rows = [
        (shown.explainer.answer(answer), shown.row(id, answer.member))
        for answer in decision.answers
        if answer.policy is chosen
    ]
    return visit.page(
        "workbench/example.html",
        policy=chosen, number=number, example=wanted, rows=rows, shown=shown,
        result=expected(Reader(book, visit.lang), chosen, wanted.expect, wanted.also),
        facts=facts_of(wanted.household, book, visit.lang),
    )  # fmt: skip


def facts_of(raw: dict[str, object], book: Rulebook, lang: str) -> list[tuple[str, str]]:
    """What an example says of its household, beyond the named one: (what, value)."""
    found: list[tuple[str, str]] = []
    if "like" in raw:
        found.append(("按示例家庭" if lang == "zh" else "like the household", str(raw["like"])))
    if raw.get("without"):
        found.append(("去掉成员" if lang == "zh" else "without members", ", ".join(map(str, _list(raw["without"])))))
    household = raw.get("household")
    if isinstance(household, dict):
        found += [(_label(book, name, lang), _value(value)) for name, value in household.items() if name != "members"]
        for member in household.get("members", []):
            found += [
                (f"{member.get('id')} · {_label(book, name, lang)}", _value(value))
                for name, value in member.items() if name != "id"
            ]  # fmt: skip
    return found


def _label(book: Rulebook, name: str, lang: str) -> str:
    if name == "receiving":
        return "正在享受的待遇" if lang == "zh" else "draws already"
    return book.facts[name].label[lang] if name in book.facts else name


def _list(value: object) -> Iterable[object]:
    return value if isinstance(value, list) else [value]


def _value(value: object) -> str:
    if value is None:
        return "?"
    if isinstance(value, dict):
        return " … ".join(f"{key} {_value(each)}" for key, each in value.items())
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "–"
    return {True: "✓", False: "✗"}.get(value, str(value)) if isinstance(value, bool) else str(value)


@page(blueprint, "GET", "/workbench/files/<path:file>", scope="catalogue", zh="规则文件", en="Rule file")
def source(visit: Visit, file: str) -> Response:
    """A file of the rulebook, as it stands: of today's, or of the one a decision was made by (`rulebook=`)."""
    digest = visit.query.get("rulebook", "")
    service = visit.service
    rules, _ = _on(visit)
    known = digest in ("", rules.digest)
    if not known and not (len(digest) == 64 and set(digest) <= set("0123456789abcdef")):
        raise Problem("not-found")
    book = rules.program.rulebook if known else service.programs.get(digest).rulebook
    if file not in book.files:
        raise Problem("not-found")
    text = book.files[file]
    return visit.page(
        "workbench/file.html",
        file=file, listing=listing(text), lines=len(text.splitlines()), digest=book.digest, current=known,
        editable=known and visit.may("rules:check") and len(text.encode()) <= LARGEST,
        files=[name for name in (CATALOGUE, *(f for f in book.files if f != CATALOGUE))],
    )  # fmt: skip


def _on(visit: Visit) -> tuple[Rules, date]:
    """The rules in force and the day the page is for."""
    day = visit.query.get("on", "")
    query, visit.query = visit.query, {"on": day}
    on = asked(visit, schemas.ON_QUERY).get("on")
    visit.query = query
    return visit.service.active.current(), on or visit.service.today()
