"""Reads `docs/statutes.yaml`: which articles give a right or a condition, in our own words, never the statute's."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from engine.decide.statutes.articles import Article, articles
from engine.language.fields import Fields, wrong_shape
from engine.language.places import Place
from engine.language.problems import Problems
from engine.language.source import Scalar, Sequence, read_yaml
from engine.language.tree import NO_WORDS, Words


@dataclass(frozen=True, slots=True)
class Entry:
    """One place of a law that gives a right or a condition; `reason` says why no rule carries it."""

    law: str
    article: Article
    gist: Words
    reason: Words
    at: Place


@dataclass(frozen=True, slots=True)
class Law:
    """One statute of the index: its number of articles, the days of the texts it was read in, its entries."""

    name: str
    en: str
    articles: int
    texts: tuple[date, ...]
    note: Words
    entries: tuple[Entry, ...]
    at: Place


def read_index(text: str, file: str, problems: Problems) -> tuple[Law, ...]:
    """The laws of the index, its faults noted in `problems`."""
    root = read_yaml(text.encode(), file, problems)
    if root is None:
        return ()
    if not isinstance(root, Sequence):
        wrong_shape(problems, root, ("the index of statutes", "法条索引"), ("a list", "列表"))
        return ()
    laws = []
    for node in root.items:
        fields = Fields(node, ("a law", "一部法"), problems, ("law", "en", "articles", "texts", "entries"), ("note",))
        name, count = fields.text("law"), fields.whole("articles") or 0
        texts = tuple(n.value for n in fields.items("texts") if isinstance(n, Scalar) and isinstance(n.value, date))
        note = fields.words("note") if fields.has("note") else NO_WORDS
        entries = _read_entries(fields, name, count, problems)
        laws.append(Law(name, fields.text("en"), count, texts, note, entries, fields.place))
    return tuple(laws)


def _read_entries(fields: Fields, law: str, count: int, problems: Problems) -> tuple[Entry, ...]:
    found: dict[Article, Entry] = {}
    for node in fields.items("entries"):
        each = Fields(node, ("an article", "一条"), problems, ("article", "gist"), ("reason",))
        at, text = each.at("article"), each.text("article")
        places = articles(text)
        if len(places) != 1:
            problems.add(
                "bad-value",
                at,
                text=text,
                wanted="one article such as 第十六条第二款",
                wanted_zh="一个条款，如 第十六条第二款",
            )
            continue
        place = places[0]
        if not 1 <= place.article <= count:
            problems.add("out-of-range", at, text=text, lowest="第一条", highest=f"第{count}条")
        if place in found:
            problems.add("name-taken", at, name=text, where=found[place].at)
        reason = each.words("reason") if each.has("reason") else NO_WORDS
        found[place] = Entry(law, place, each.words("gist"), reason, at)
    return tuple(found.values())
