"""Why: sentences for caseworker and auditor, made from the rule tree and the table of outcomes when they are read.

Every line has a mark (✓ ✗ ?), a sentence with the observed and the required value, the day a figure is in force from,
the article it rests on and the line of the rule file it was written in.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from functools import cache, lru_cache
from typing import Any

from engine.decide.amounts import Amount
from engine.decide.decision import ELIGIBLE, UNDETERMINED, Answer, Decision, MissingFact
from engine.decide.kept import Kept
from engine.decide.outcomes import NO, UNKNOWN, YES, Masked, Outcomes, Span
from engine.language.model import Fact, Policy, Rulebook
from engine.language.tree import Citation, Condition, Expr
from engine.language.types import Base, Type
from engine.language.words import STATUS, Wording, money_text, number_text, span_text, text_in

MARKS = {YES: "✓", NO: "✗", UNKNOWN: "?", "": " "}


@dataclass(frozen=True, slots=True)
class Line:
    """One sentence of an explanation, with those it rests on below it."""

    outcome: str  # yes | no | unknown | "" (a heading)
    text: str
    parts: tuple[Line, ...] = ()
    id: str = ""
    member: str = ""
    cite: str = ""
    place: str = ""
    figures: tuple[str, ...] = ()
    says: str = ""

    @property
    def mark(self) -> str:
        return MARKS[self.outcome]

    def data(self) -> dict[str, Any]:
        """As JSON values, empty parts left out."""
        found: dict[str, Any] = {"outcome": self.outcome, "text": self.text}
        for key in ("id", "member", "cite", "place", "says"):
            if getattr(self, key):
                found[key] = getattr(self, key)
        if self.figures:
            found["figures"] = list(self.figures)
        if self.parts:
            found["parts"] = [part.data() for part in self.parts]
        return found

    def walk(self) -> Iterator[Line]:
        yield self
        for part in self.parts:
            yield from part.walk()


@dataclass(frozen=True, slots=True)
class Written:
    """What stands in the rule itself, the same for every household: citation, place, figures read, gloss."""

    cite: str
    place: str
    figures: tuple[str, ...]
    says: str


class Said:
    """The words of one rulebook on one day in one language, found once for each condition and expression."""

    def __init__(self, rulebook: Rulebook, lang: str, on: date):
        self.wording, self.lang = Wording(rulebook, lang, on), lang
        self.found: dict[int, tuple[object, str]] = {}  # by the identity of a node, which is kept beside its words
        self.written_: dict[int, tuple[Condition, Written]] = {}
        self.choices = cache(self.wording.choices)
        self.span = lru_cache(maxsize=1 << 14)(self._span)
        self.types: dict[int, Type] = {}

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

    def written(self, node: Condition) -> Written:
        known = self.written_.get(id(node))
        if known is None:
            exprs = node.expr.walk() if node.expr else ()
            figures = tuple(dict.fromkeys(e.name for e in exprs if e.op == "parameter"))
            made = Written(cited(node.cite, self.lang), str(node.at), figures, node.says[self.lang])
            known = self.written_[id(node)] = node, made
        return known[1]


def said(decision: Decision, lang: str) -> Said:
    """The words for the law of the decision's day."""
    langs = _SAID(decision.edition.figures)  # made anew for every day of every rulebook
    if lang not in langs:
        langs[lang] = Said(decision.program.rulebook, lang, decision.on)
    return langs[lang]


def _no_words_yet(figures: object) -> dict[str, Said]:
    return {}


_SAID = Kept(_no_words_yet, 20)


class Explainer:
    """Makes the sentences of one decision in one language. `reasons_of_facts` opens derived facts below their lines."""

    def __init__(self, decision: Decision, lang: str = "zh", reasons_of_facts: bool = True):
        self.decision, self.lang, self.open_facts = decision, lang, reasons_of_facts
        self.rulebook = decision.program.rulebook
        self.said = said(decision, lang)
        self.wording = self.said.wording
        self.members = tuple(member.id for member in decision.household.members)
        self.reasons: dict[tuple[str, str], Line] = {}  # of derived facts, by fact and member: many conditions ask

    def say(self, zh: str, en: str) -> str:
        return text_in(self.lang, zh, en)

    # -- answers --

    def title(self, policy: Policy) -> str:
        return policy.title_on(self.decision.on)[self.lang]

    def headline(self, answer: Answer, members: list[str] | None = None) -> str:
        """`最低生活保障：符合，每月 1,950.00 元`; `members` are all to whom the same answer was given."""
        names = self.say("、", ", ").join(members or [answer.member])
        who = self.say(f"（成员 {names}）", f" ({names})") if answer.member else ""
        text = f"{self.title(answer.policy)}{who}" + self.say("：", ": ") + STATUS[answer.status][self.lang]
        paid = [n for n, each in enumerate(answer.amounts) if each.item.per and each.possible and each.most]
        sums = [self.amount_text(answer, n) for n in paid]
        if answer.possible and sums:
            text += self.say("，", ", ") + self.say("；", "; ").join(sums)
        if answer.conditional:
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
        if each.item.up_to and self.decision.open_above(answer, place):
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
        if self.decision.open_above(answer, place):
            if not each.least:
                return self.say("金额尚不能确定", "amount not known yet") + months
            low_text = money_text(each.least, self.lang, per)
            return self.say(f"不低于{low_text}（上限未知）", f"at least {low_text} (no upper limit known)") + months
        low_text, high_text = money_text(each.least, self.lang), money_text(each.most, self.lang, per)
        return self.say(f"{high_text}以内（最低 {low_text}）", f"between {low_text} and {high_text}") + months

    def answer(self, answer: Answer) -> Line:
        """The whole reason of one answer: the condition tree, then the amounts."""
        outcomes = self.outcomes(answer)
        when = self.condition(answer.policy.when, outcomes, answer.policy, answer.member)
        parts = list(when.parts) if when.outcome == "" or answer.policy.when.kind in ("all",) else [when]
        if answer.possible:
            parts += [self.amount(answer, place, each) for place, each in enumerate(answer.amounts)]
        return Line(
            {"eligible": YES, "ineligible": NO, "undetermined": UNKNOWN}[answer.status],
            self.headline(answer),
            tuple(parts),
            answer.policy.id,
            answer.member,
            self.said.cited(answer.policy.cite),
            str(answer.policy.at),
        )

    def outcomes(self, answer: Answer) -> Outcomes:
        """The table of one answer, each number with whether its ends are knowledge or only outer limits."""
        found = answer.outcomes
        return Outcomes(found.layout, found.row, found.members, self.decision.wide_raw(answer)[3])

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
            parts.append(self.condition(item.condition, self.outcomes(answer), answer.policy, answer.member))
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
        values: list[str] = []
        seen: set[str] = set()
        for node in expr.walk():
            if node.name in seen or node.op not in ("let", "parameter", "fact"):
                continue
            seen.add(node.name)
            shown = self.value_of(node, answer)
            if shown:
                values.append(f"{self.said.expression(node, answer.policy)} {shown}")
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
        return self.fact_value(fact, answer.member)

    def parameter_text(self, node: Expr) -> str:
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
        written = self.said.written(node)
        cite, place, says = written.cite, written.place, written.says
        if node.kind == "leaf":
            assert node.expr is not None
            outcome = outcomes.get(node.id)
            word = outcome.word
            text = self.leaf(node.expr, word, outcome.left, outcome.right, policy)
            below = self.below(node.expr, member)
            return Line(word, text, below, node.id, member, cite, place, written.figures, says)
        word = outcomes.word(node.id)
        if node.kind in ("any_member", "every_member"):
            parts = []
            for name, inner in outcomes.each(node.id):
                where, body = node.parts
                if inner.word(where.id) == NO:
                    continue
                line = self.condition(body, inner, policy, name)
                parts.append(
                    Line(
                        line.outcome,
                        self.say(f"成员 {name}：{line.text}", f"{name}: {line.text}"),
                        line.parts,
                        line.id,
                        name,
                        line.cite,
                        line.place,
                        line.figures,
                    )
                )
            text = self.said.condition(node, policy)
            return Line(word, text, tuple(parts), node.id, member, cite, place, says=says)
        if node.kind == "not" and node.parts[0].kind == "leaf":
            inner_line = self.condition(node.parts[0], outcomes, policy, member)
            return Line(
                word,
                inner_line.text,
                inner_line.parts,
                node.id,
                member,
                cite or inner_line.cite,
                place,
                inner_line.figures,
                says,
            )
        lines = tuple(self.condition(part, outcomes, policy, member) for part in node.parts)
        return Line(word, says or self.said.condition(node, policy), lines, node.id, member, cite, place)

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

    def below(self, expr: Expr, member: str) -> tuple[Line, ...]:
        """The reasons of the derived yes-or-no fact a leaf asks about."""
        if not self.open_facts or expr.op != "fact":
            return ()
        fact = self.rulebook.facts[expr.name]
        if fact.condition is None:
            return ()
        line = self.fact_reason(fact, member)
        return (line,) if line.parts or fact.condition.kind == "leaf" else ()

    def fact_reason(self, fact: Fact, member: str) -> Line:
        """Why a derived yes-or-no fact is what it is."""
        assert fact.condition is not None
        key = fact.name, member
        if key not in self.reasons:
            self.reasons[key] = self.condition(fact.condition, self._derived(fact, member), None, member)
        return self.reasons[key]

    def _derived(self, fact: Fact, member: str) -> Outcomes:
        near, far = (
            _row(run.derived[fact.name], fact, self.members, member) for run in (self.decision.run, self.decision.wide)
        )
        return Outcomes(self.decision.run.derived_layouts[fact.name], near, self.members, far)

    # -- facts --

    def fact_value(self, fact: Fact, member: str) -> str:
        """A fact's value in words."""
        slot = self.decision.program.slots.facts[fact.name]
        row, wide = (
            run.members[self.members.index(member)] if fact.level == "member" else run.whole
            for run in (self.decision.run, self.decision.wide)
        )
        lo, hi = row[slot.at], row[slot.at + 1]
        if fact.type.base is Base.YES_NO:
            return self.say("是", "yes") if lo else self.say("未知", "not known") if hi else self.say("否", "no")
        if fact.type.base in (Base.CHOICE, Base.CHOICES):
            return self.wording.choices(fact.type.choices, hi)
        d = slice(slot.at, slot.at + 2) if slot.d is None else slice(slot.d, slot.d + 2)
        ends = [
            [
                Fraction(n, slot.scale * (1 if slot.d is None else k))
                for n, k in zip(each[slot.at : slot.at + 2], each[d], strict=True)
            ]
            for each in (row, wide)
        ]
        (least, most), (far_least, far_most) = ends
        return span_text(least, most, fact.type, self.lang, least != far_least, most != far_most)

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
