"""Why: sentences for caseworker and auditor, made from the rule tree and the table of outcomes when they are read.

Every line has a mark (✓ ✗ ?), a sentence with the observed and the required value, the day a figure is in force from,
the article it rests on and the line of the rule file it was written in.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction
from functools import cache, cached_property, lru_cache
from typing import Any

from engine.decide.amounts import Amount
from engine.decide.decision import ELIGIBLE, INELIGIBLE, UNDETERMINED, Answer, Decision, MissingFact
from engine.decide.kept import Kept
from engine.decide.layout import Layout, Slot
from engine.decide.lines import MARKS, Line
from engine.decide.outcomes import NO, UNKNOWN, YES, Masked, Outcomes, Span, quotient
from engine.decide.run import Run, run
from engine.decide.sentences import Say, Written, opens, telling
from engine.language.model import Fact, Policy, Rulebook
from engine.language.tree import Citation, Condition, Expr
from engine.language.types import Base, Type
from engine.language.words import STATUS, Wording, money_text, number_text, span_text, text_in


@dataclass(frozen=True, slots=True)
class Head:
    """What is said of a policy whatever the household: its name on the day, its citation and its place."""

    title: str
    cite: str
    place: str
    came: dict[str, str]  # status -> its words, with the colon before them


class Said:
    """The words of one rulebook on one day in one language, found once for each condition and expression."""

    def __init__(self, rulebook: Rulebook, lang: str, on: date):
        self.wording, self.lang = Wording(rulebook, lang, on), lang
        self.found: dict[int, tuple[object, str]] = {}  # by the identity of a node, which is kept beside its words
        self.written_: dict[int, tuple[Condition, Written]] = {}
        self.choices = cache(self.wording.choices)
        self.span = lru_cache(maxsize=1 << 14)(self._span)
        self.types: dict[int, Type] = {}
        self.ready: dict[tuple[int, int], tuple[Condition, Layout, Say]] = {}  # by identity, as above
        self.figures: dict[str, str] = {}  # the figures of the day in words, by name
        self.heads: dict[int, tuple[Policy, Head]] = {}
        self.formulas: dict[int, tuple[Expr, tuple[tuple[Expr, str], ...]]] = {}

    def telling(self, node: Condition, layout: Layout, policy: Policy | None) -> Say:
        """How a condition is told whose outcomes stand in rows of this layout."""
        known = self.ready.get((id(node), id(layout)))
        if known is None:
            known = self.ready[id(node), id(layout)] = node, layout, telling(self, node, layout, policy)
        return known[2]

    def head(self, policy: Policy, on: date) -> Head:
        known = self.heads.get(id(policy))
        if known is None:
            colon = text_in(self.lang, "：", ": ")
            came = {status: colon + words[self.lang] for status, words in STATUS.items()}
            made = Head(policy.title_on(on)[self.lang], cited(policy.cite, self.lang), str(policy.at), came)
            known = self.heads[id(policy)] = policy, made
        return known[1]

    def named(self, expr: Expr, policy: Policy) -> tuple[tuple[Expr, str], ...]:
        """The names in a formula that can have a value to show, each once with its words."""
        known = self.formulas.get(id(expr))
        if known is None:
            first: dict[str, Expr] = {}
            for node in expr.walk():
                if node.op in ("let", "parameter", "fact"):
                    first.setdefault(node.name, node)
            found = tuple((node, self.expression(node, policy)) for node in first.values())
            known = self.formulas[id(expr)] = expr, found
        return known[1]

    def _span(
        self, kind: int, low: int, low_d: int, high: int, high_d: int, below: bool, above: bool, digits: int
    ) -> str:
        least, most = Fraction(low, low_d), Fraction(high, high_d)
        return span_text(least, most, self.types[kind], self.lang, below, above, digits)

    def number(self, value: Span, kind: Type, digits: int = 2) -> str:
        """A range in words; the same figures come again and again."""
        self.types[id(kind)] = kind
        low, high = value.least, value.most
        return self.span(
            id(kind), low.numerator, low.denominator, high.numerator, high.denominator,
            value.open_below, value.open_above, digits,
        )  # fmt: skip

    def cited(self, cites: tuple[Citation, ...]) -> str:
        if not cites:
            return ""
        known = self.found.get(id(cites))
        if known is None:
            known = self.found[id(cites)] = cites, cited(cites, self.lang)
        return known[1]

    def expression(self, expr: Expr, policy: Policy | None) -> str:
        known = self.found.get(id(expr))
        if known is None:
            known = self.found[id(expr)] = expr, self.wording.expression(expr, policy)
        return known[1]

    def condition(self, node: Condition, policy: Policy | None) -> str:
        known = self.found.get(id(node))
        if known is None:
            known = self.found[id(node)] = node, self.wording.condition(node, policy)
        return known[1]

    def opened(self, expr: Expr) -> Fact | None:
        """The derived yes-or-no fact a leaf asks about, whose reasons stand below its sentence."""
        fact = self.wording.rulebook.facts[expr.name] if expr.op == "fact" else None
        return fact if fact is not None and fact.condition is not None else None

    def written(self, node: Condition) -> Written:
        known = self.written_.get(id(node))
        if known is None:
            exprs = node.expr.walk() if node.expr else ()
            figures = tuple(dict.fromkeys(e.name for e in exprs if e.op == "parameter"))
            made = Written(cited(node.cite, self.lang), str(node.at), figures, node.says[self.lang])
            known = self.written_[id(node)] = node, made
        return known[1]


_OUTCOMES = {ELIGIBLE: YES, INELIGIBLE: NO, UNDETERMINED: UNKNOWN}


def said(decision: Decision, lang: str) -> Said:
    """The words for the law of the decision's day."""
    langs = _SAID(decision.edition.figures)  # made anew for every day of every rulebook
    if lang not in langs:
        langs[lang] = Said(decision.program.rulebook, lang, decision.on)
    return langs[lang]


def _no_words_yet(figures: object) -> dict[str, Said]:
    return {}


_SAID = Kept(_no_words_yet, 20)
_OPENS = Kept(opens, 2_000)


class Explainer:
    """Makes the sentences of one decision in one language. `reasons_of_facts` opens derived facts below their lines."""

    def __init__(self, decision: Decision, lang: str = "zh", reasons_of_facts: bool = True):
        self.decision, self.lang, self.open_facts = decision, lang, reasons_of_facts
        self.rulebook = decision.program.rulebook
        self.said = said(decision, lang)
        self.wording = self.said.wording
        self.members = decision.run.ids
        self.values: dict[tuple[str, str], str] = {}  # of facts in words, alike
        self.reasons: dict[tuple[str, str], tuple[Line, ...]] = {}  # of derived facts, by fact and member: many ask

    def say(self, zh: str, en: str) -> str:
        return text_in(self.lang, zh, en)

    # -- answers --

    def title(self, policy: Policy) -> str:
        return self.said.head(policy, self.decision.on).title

    def headline(self, answer: Answer, members: list[str] | None = None) -> str:
        """`最低生活保障：符合，每月 1,950.00 元`; `members` are all to whom the same answer was given."""
        head = self.said.head(answer.policy, self.decision.on)
        text = head.title
        if answer.member:
            names = self.say("、", ", ").join(members) if members else answer.member
            text += self.say(f"（成员 {names}）", f" ({names})")
        text += head.came[answer.status]
        if answer.possible and answer.policy.gives:
            paid = [n for n, each in enumerate(answer.amounts) if each.item.per and each.possible and each.most]
            sums = [self.amount_text(answer, n) for n in paid]
            text += self.say("，", ", ") + self.say("；", "; ").join(sums) if sums else ""
        if answer.conditional_on is not None:
            text += self.say("；", "; ") + self.conditional_text(answer)
        return text

    def conditional_text(self, answer: Answer) -> str:
        names = [self.wording.policy(name) for name in answer.conditional_on or ()]
        if not names:
            return self.say("须以其他政策获批为前提", "depends on another grant")
        if answer.status == ELIGIBLE:
            return self.say(f"须先获批：{'、'.join(names)}", f"once granted: {', '.join(names)}")
        return self.say(f"因符合以下政策而不符合：{'、'.join(names)}", f"not eligible because of: {', '.join(names)}")

    def amount_text(self, answer: Answer, place: int) -> str:
        """An amount in words: exact, a range, or "up to"."""
        each = answer.amounts[place]
        per = each.item.per
        if each.item.up_to and self.open_above(answer, place):
            return self.say("由经办机关核定（上限未公布）", "set by the office (no upper limit known)")
        if each.item.up_to:
            return self.say(
                f"由经办机关核定，最高{money_text(each.most, self.lang, per)}",
                f"set by the office, up to {money_text(each.most, self.lang, per)}",
            )
        months = ""
        if each.item.for_months is not None:
            low, high = each.months
            count = str(low) if low == high else f"{low}–{high}"
            months = self.say(f"，共 {count} 个月", f" for {count} months")
        if each.least == each.most:
            return money_text(each.most, self.lang, per) + months
        if self.open_above(answer, place):
            if not each.least:
                return self.say("金额尚不能确定", "amount not known yet") + months
            low_text = money_text(each.least, self.lang, per)
            return self.say(f"不低于{low_text}（上限未知）", f"at least {low_text} (no upper limit known)") + months
        low_text, high_text = money_text(each.least, self.lang), money_text(each.most, self.lang, per)
        return self.say(f"{high_text}以内（最低 {low_text}）", f"between {low_text} and {high_text}") + months

    def answer(self, answer: Answer) -> Line:
        """The whole reason of one answer: the condition tree, then the amounts."""
        policy, head = answer.policy, self.said.head(answer.policy, self.decision.on)
        when = self.told(policy.when, answer)
        parts = list(when.parts) if policy.when.kind == "all" else [when]
        if answer.possible:
            parts += [self.amount(answer, place, each) for place, each in enumerate(answer.amounts)]
        return Line(
            _OUTCOMES[answer.status],
            self.headline(answer),
            tuple(parts),
            policy.id,
            answer.member,
            head.cite,
            head.place,
        )

    def told(self, node: Condition, answer: Answer) -> Line:
        """One condition tree of an answer's policy, in words."""
        say = self.said.telling(node, answer.layout, answer.policy)
        return say(answer.raw[3], self.wide_row(answer), answer.member, self)

    def open_above(self, answer: Answer, place: int) -> bool:
        """Whether the most of an amount rests on an outer limit alone, and so says nothing."""
        each = answer.raw[2][place]
        if each[0] == each[1] or answer.policy.id not in self.moving:
            return False
        return bool(self.wide.first[answer.policy.id][answer.place][2][place][1] != each[1])

    def wide_row(self, answer: Answer) -> tuple[Any, ...] | None:
        """The answer's outcomes with every outer limit moved outwards; None where nothing can move."""
        if answer.policy.id not in self.moving:
            return None
        row: tuple[Any, ...] = self.wide.first[answer.policy.id][answer.place][3]
        return row

    def outcomes(self, answer: Answer) -> Outcomes:
        """The table of one answer, each number with whether its ends are knowledge or only outer limits."""
        found = answer.outcomes
        return Outcomes(found.layout, found.row, found.members, self.wide_row(answer))

    @cached_property
    def moving(self) -> frozenset[str]:
        """The policies in force that rest on something open and came to a range for anybody: in all others nothing can
        move with the outer limits."""
        open_, first = self.decision.household.open, self.decision.run.first
        found: list[str] = []
        for each in self.decision.edition.order:
            if each.flat is None or each.flat & open_:
                ranged = _OPENS(each.ranged.layout)
                for raw in first[each.policy.id]:
                    if ranged(raw[3]) or any([item[0] != item[1] for item in raw[2]]):
                        found.append(each.policy.id)
                        break
        return frozenset(found)

    @cached_property
    def wide(self) -> Run:
        """The run with every outer limit moved outwards, of what may move with them and of all that rests on: mostly
        few policies."""
        decision, edition = self.decision, self.decision.edition
        if "wide" in decision.__dict__:  # somebody asked for all of it
            return decision.wide
        order = tuple(
            f
            for f in edition.order
            if f.policy.id in self.moving or not self.moving.isdisjoint(edition.dependents[f.policy.id])
        )
        return run(decision.program, replace(edition, order=order), decision.household, wide=True)

    def amount(self, answer: Answer, place: int, each: Amount) -> Line:
        item = each.item
        outcome = YES if each.given else UNKNOWN if each.possible else NO
        text = item.title[self.lang]
        parts: list[Line] = []
        if item.per:
            text += self.say("：", ": ") + self.amount_text(answer, place)
        if item.amount is not None and each.possible:
            parts.append(Line("", self.say("算法：", "how: ") + self.calculation(item.amount, answer)))
        if item.condition is not None:
            parts.append(self.told(item.condition, answer))
        if each.least != each.most and not item.up_to and answer.possible:
            waits = self.decision.amount_waits_for(answer, place)
            if waits:
                names = self.say("、", ", ").join(self.fact_of(fact, member) for fact, member in waits[:4])
                parts.append(Line(UNKNOWN, self.say(f"金额取决于：{names}", f"depends on: {names}")))
        return Line(
            outcome, text, tuple(parts), f"gives.{item.id}", answer.member, self.said.cited(item.cite), str(item.at)
        )

    def calculation(self, expr: Expr, answer: Answer) -> str:
        """The formula in words, each intermediate result and figure with its value."""
        text = self.said.expression(expr, answer.policy)
        named = self.said.named(expr, answer.policy)
        values = [f"{words} {shown}" for node, words in named if (shown := self.value_of(node, answer))]
        return text + (self.say("；其中 ", "; ") + self.say("，", ", ").join(values) if values else "")

    def value_of(self, node: Expr, answer: Answer) -> str:
        """The value a name has in this answer, in words; nothing for tables and members' facts."""
        if node.op == "let":
            return self.shown(node, self.outcomes(answer).let(node.name))
        if node.op == "parameter":
            return "" if node.args else self.parameter_text(node)
        fact = self.rulebook.facts[node.name]
        if (fact.level == "member" and not answer.member) or fact.type.base is Base.YES_NO:
            return ""
        key = fact.name, answer.member if fact.level == "member" else ""
        if key not in self.values:
            self.values[key] = self.fact_value(fact, answer.member)
        return self.values[key]

    def parameter_text(self, node: Expr) -> str:
        known = self.said.figures.get(node.name)
        if known is None:
            known = self.said.figures[node.name] = self._parameter_text(node)
        return known

    def _parameter_text(self, node: Expr) -> str:
        value = self.decision.edition.figures[node.name]
        parameter = self.rulebook.parameters[node.name]
        if value is None or value.value is None:
            return self.say("（数值未公布）", "(figure not published)")
        return number_text(value.value, parameter.type, self.lang) + self.since(node.name)

    def since(self, name: str) -> str:
        value = self.decision.edition.figures[name]
        if value is None:
            return ""
        return self.say(f"（{value.from_date.isoformat()} 起）", f" (since {value.from_date.isoformat()})")

    # -- conditions --

    def condition(self, node: Condition, outcomes: Outcomes, policy: Policy | None, member: str) -> Line:
        """A condition tree in words, from its table of outcomes."""
        say = self.said.telling(node, outcomes.layout, policy)
        return say(outcomes.row, outcomes.wide, member, self)

    def leaf(
        self, expr: Expr, word: str, left: Span | Masked | None, right: Span | Masked | None, policy: Policy | None
    ) -> str:
        """The sentence of one comparison or question, with what was observed and what is required."""
        if expr.op in ("<", "<=", ">", ">=", "==", "!=", "in", "not in"):
            first, second = expr.args
            if second.type.base is Base.CHOICES:
                first, second, left, right = second, first, right, left
            observed = self._side(first, left, policy)
            required = self._side(second, right, policy)
            if observed == required:  # rounded alike: say it more exactly
                observed, required = self._side(first, left, policy, 6), self._side(second, right, policy, 6)
            return self.compared(expr, first, second, observed, required, word)
        text = self.said.expression(expr, policy)
        answer = {YES: self.say("是", "yes"), NO: self.say("否", "no"), UNKNOWN: self.say("未知", "not known")}[word]
        return f"{text}" + self.say("：", ": ") + answer

    def compared(self, expr: Expr, first: Expr, second: Expr, observed: str, required: str, word: str) -> str:
        """`observed, below required` where it holds; `observed; required: below …` where it does not or may not."""
        relation = self.wording.relation(expr)
        if first.type.base in (Base.CHOICE, Base.CHOICES) and word == YES and expr.op in ("==", "in"):
            return observed
        if word == YES:
            return self.say(f"{observed}，{relation}{required}", f"{observed}: {relation} {required}")
        return self.say(f"{observed}；要求：{relation}{required}", f"{observed}; required: {relation} {required}")

    def _side(self, expr: Expr, value: Span | Masked | None, policy: Policy | None, digits: int = 2) -> str:
        text = self.said.expression(expr, policy)
        if expr.op == "literal" or value is None:
            return text
        shown = self.shown(expr, value, digits)
        figure = self.decision.edition.figures[expr.name] if expr.op == "parameter" and not expr.args else None
        if figure is not None and not figure.published:
            shown = self.say("未公布", "not published")
        since = self.since(expr.name) if expr.op == "parameter" else ""
        if expr.type.base in (Base.CHOICE, Base.CHOICES):
            return f"{text}" + self.say("：", ": ") + shown
        return f"{text} {shown}{since}"

    def shown(self, expr: Expr, value: Span | Masked | None, digits: int = 2) -> str:
        if isinstance(value, Masked):
            return self.said.choices(expr.type.choices, value.may)
        if isinstance(value, Span):
            return self.said.number(value, expr.type, digits)
        return ""

    def below(self, fact: Fact, member: str) -> tuple[Line, ...]:
        """The reasons of the derived yes-or-no fact a leaf asks about."""
        key = fact.name, member
        known = self.reasons.get(key)
        if known is None:
            known = self.reasons[key] = self._reasons(fact, member) if self.open_facts else ()
        return known

    def _reasons(self, fact: Fact, member: str) -> tuple[Line, ...]:
        assert fact.condition is not None
        found = self.decision.run
        near, layout = _row(found.derived[fact.name], fact, self.members, member), found.derived_layouts[fact.name]
        wide = _row(self.wide.derived[fact.name], fact, self.members, member) if _OPENS(layout)(near) else None
        outcomes = Outcomes(layout, near, self.members, wide)
        line = self.condition(fact.condition, outcomes, None, member)
        return (line,) if line.parts or fact.condition.kind == "leaf" else ()

    # -- facts --

    def fact_value(self, fact: Fact, member: str) -> str:
        """A fact's value in words."""
        slot = self.decision.program.slots.facts[fact.name]
        row = self._facts_in(self.decision.run, fact, member)
        lo, hi = row[slot.at], row[slot.at + 1]
        if fact.type.base is Base.YES_NO:
            return self.say("是", "yes") if lo else self.say("未知", "not known") if hi else self.say("否", "no")
        if fact.type.base in (Base.CHOICE, Base.CHOICES):
            return self.wording.choices(fact.type.choices, hi)
        least, most = _ends_in(row, slot)
        if least == most:
            return self.said.number(Span(least, most), fact.type)
        far_least, far_most = _ends_in(self._facts_in(self.decision.wide, fact, member), slot)
        return self.said.number(Span(least, most, least != far_least, most != far_most), fact.type)

    def _facts_in(self, found: Run, fact: Fact, member: str) -> list[Any]:
        """The row of a run in which a fact stands."""
        return found.members[self.members.index(member)] if fact.level == "member" else found.whole

    def fact_of(self, fact: str, member: str) -> str:
        """`成员 b 的月收入`."""
        name = self.say("正在享受的待遇", "what is already drawn") if fact == "receiving" else self.wording.fact(fact)
        if not member:
            return name
        return self.say(f"成员 {member} 的{name}", f"{name} of {member}")

    def missing(self, each: MissingFact) -> Line:
        """A missing fact, and for which policies it matters."""
        fact = self.rulebook.facts.get(each.fact)
        asks = fact.question[self.lang] if fact else ""
        names = list(dict.fromkeys(self.wording.policy(policy) for policy, _ in (*each.policies, *each.amounts)))
        matters = self.say(f"影响：{'、'.join(names)}", f"matters for: {', '.join(names)}")
        state = self.say("（已答“不清楚”）", " (said: not known)") if each.asked else ""
        return Line(
            UNKNOWN,
            self.fact_of(each.fact, each.member) + state,
            (Line("", matters),),
            each.fact,
            each.member,
            says=asks,
        )

    def caveat(self, code: str, name: str, source: str) -> str:
        """One caveat in words."""
        return {
            "not-verified": self.say(
                f"“{name}”的数值尚未核实（{source}）", f"the figure of '{name}' is not verified ({source})"
            ),
            "not-published": self.say(f"“{name}”的数值未公布", f"the figure of '{name}' is not published here"),
            "stale": self.say(
                f"“{name}”的数值已过通常调整期，可能有新标准", f"the figure of '{name}' is older than its usual cycle"
            ),
            "rule-not-verified": self.say(f"规则依据尚未核实：{name}", f"the rule is not verified: {name}"),
        }[code]


def _ends_in(row: list[Any], slot: Slot) -> tuple[Fraction, Fraction]:
    """The least and the most of a number in its slots."""
    if slot.d is None:
        return quotient(row[slot.at], slot.scale), quotient(row[slot.at + 1], slot.scale)
    low, high = row[slot.d], row[slot.d + 1]
    return quotient(row[slot.at], slot.scale * low), quotient(row[slot.at + 1], slot.scale * high)


def _row(rows: Any, fact: Fact, members: tuple[str, ...], member: str) -> tuple[Any, ...]:
    """A derived fact's trace row: the household's own, or one member's."""
    found: tuple[Any, ...] = rows[members.index(member)] if fact.level == "member" else rows
    return found


def cited(cites: tuple[Citation, ...], lang: str) -> str:
    """Citations as one text."""
    return ("；" if lang == "zh" else "; ").join(cite.words(lang) for cite in cites if cite.words(lang))


def explain(decision: Decision, lang: str = "zh", reasons_of_facts: bool = True) -> list[Line]:
    """Every answer of a decision with its reasons, in catalogue order."""
    explainer = Explainer(decision, lang, reasons_of_facts)
    return [explainer.answer(answer) for answer in decision.answers]


__all__ = ["MARKS", "UNDETERMINED", "Explainer", "Line", "cited", "explain"]
