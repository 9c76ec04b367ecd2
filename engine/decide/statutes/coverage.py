"""Clause coverage: for each article that gives a right or a condition, the rules that carry it, or why none does.

A rule carries an entry where it cites that place or a part of it. A citation of more than the entry (a whole article,
where the entry is one paragraph) does not count: it shows that the article was read, not that this part was encoded.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from engine.decide.statutes.articles import Article, articles
from engine.decide.statutes.index import Entry, Law
from engine.language.model import Policy, Rulebook
from engine.language.places import Place
from engine.language.problems import Problems
from engine.language.tree import Citation


@dataclass(frozen=True, slots=True)
class Cited:
    """A place of a law that a rule cites; `by` is a policy or a derived fact."""

    by: str
    law: str
    article: Article
    at: Place


@dataclass(frozen=True, slots=True)
class Row:
    """One article of the index and who carries it: policies first, in catalogue order, then derived facts."""

    entry: Entry
    carried_by: tuple[str, ...]

    @property
    def encoded(self) -> bool:
        return bool(self.carried_by)


def coverage(rulebook: Rulebook, laws: tuple[Law, ...], problems: Problems) -> tuple[Row, ...]:
    """A row for each entry of the index. What does not fit between index and rules is noted in `problems`."""
    cited = tuple(_cited(rulebook))
    rows = []
    for law in laws:
        mine = [each for each in cited if each.law == law.name]
        for entry in law.entries:
            carriers = tuple(dict.fromkeys(each.by for each in mine if each.article.within(entry.article)))
            rows.append(Row(entry, carriers))
            _look_at(rows[-1], problems)
        for each in mine:
            _look_at_citation(each, law, problems)
    return tuple(rows)


def _look_at(row: Row, problems: Problems) -> None:
    entry = row.entry
    if not row.encoded and not entry.reason.zh:
        hint = ("encode it, or say why not: reason: {zh: …, en: …}", "请编为规则，或写明 reason: {zh: …, en: …}")
        problems.add("missing-key", entry.at, hint, what=entry.article.words(), key="reason")
    if row.encoded and entry.reason.zh:
        hint = (f"it is carried by {', '.join(row.carried_by)}", f"已由 {'、'.join(row.carried_by)} 编入")
        problems.add("unknown-key", entry.at, hint, key="reason")


def _look_at_citation(each: Cited, law: Law, problems: Problems) -> None:
    if each.article.article > law.articles:
        text = f"《{law.name}》{each.article.words()}"
        problems.add("out-of-range", each.at, text=text, lowest="第一条", highest=f"第{law.articles}条")
    elif not any(each.article.within(e.article) or e.article.within(each.article) for e in law.entries):
        hint = (f"'{each.by}' cites it: add it to the index", f"“{each.by}”引用了它，请补入索引")
        problems.add("missing-key", law.at, hint, what=f"《{law.name}》", key=each.article.words())


def _cited(rulebook: Rulebook) -> Iterator[Cited]:
    """Every place every rule cites; an article without a law is one of the law its policy or fact cites first."""
    for policy in rulebook.policies:
        yield from _places(policy.id, _citations(policy), policy.cite, policy.at)
    for fact in rulebook.facts.values():
        yield from _places(fact.name, fact.cite, fact.cite, fact.at)


def _places(by: str, cites: tuple[Citation, ...], own: tuple[Citation, ...], at: Place) -> Iterator[Cited]:
    home = next((cite.law for cite in own if cite.law), "")
    for cite in cites:
        law = cite.law or ("" if cite.document else home)
        for article in articles(cite.article) if law else ():
            yield Cited(by, law, article, at)


def _citations(policy: Policy) -> tuple[Citation, ...]:
    """The citations of everything that decides or pays; advice is left out: it carries nothing."""
    found = list(policy.cite)
    trees = [let.condition for let in policy.lets] + [policy.when] + [item.condition for item in policy.gives]
    found += [cite for tree in trees if tree is not None for node in tree.walk() for cite in node.cite]
    found += [cite for item in policy.gives for cite in item.cite]
    found += [cite for exclusion in policy.excludes for cite in exclusion.cite]
    found += list(policy.decision_days.cite) if policy.decision_days else []
    return tuple(found)
