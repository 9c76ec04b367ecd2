"""A decision as a person reads it: totals, policies by status with the people they are for, and, for those opened, the
reasons with values, figures, articles, papers, where to apply. Sentences are made only for what is opened."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from functools import cached_property

from engine.decide import Decision
from engine.decide.best import Combination
from engine.decide.decision import ELIGIBLE, INELIGIBLE, UNDETERMINED, Answer
from engine.decide.decisive import decisive, likeness
from engine.decide.explain import Explainer, Line
from engine.decide.labels import Carried, carried
from engine.language.model import Policy
from engine.language.words import STATUS, money_text, number_text

__all__ = ["STATUSES", "Figure", "Option", "Reasons", "Row", "Shown"]

STATUSES = (ELIGIBLE, UNDETERMINED, INELIGIBLE)
_WORD = {ELIGIBLE: "yes", UNDETERMINED: "unknown", INELIGIBLE: "no"}
_PERIODS = ("month", "fortnight", "week", "year", "once")  # the order in which a household counts
_WAITS = 3  # facts an open amount names before it says "and n more"


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure of law that an answer read: its value on the day, since when, from where, and whether that was seen."""

    label: str
    value: str
    since: str
    source: str
    verified: bool


@dataclass(frozen=True, slots=True)
class Reasons:
    """Everything behind a row.

    lines  what decides, once for all for whom it is the same: (their names, the sentences)
    full   every condition, likewise
    """

    lines: tuple[tuple[tuple[str, ...], tuple[Line, ...]], ...]
    full: tuple[tuple[tuple[str, ...], tuple[Line, ...]], ...]
    figures: tuple[Figure, ...]
    articles: tuple[str, ...]
    documents: tuple[str, ...]
    where: str
    channel: str
    department: str
    days: str
    review: str
    first: tuple[str, ...]
    excludes: tuple[str, ...]
    notes: tuple[str, ...]
    caveats: tuple[str, ...]
    place: str


@dataclass(frozen=True, slots=True)
class Row:
    """One policy for all who got the same answer. `subjects` are member ids ("" the household), `members` their names
    as they are shown."""

    key: str
    policy: str
    title: str
    kind: str
    status: str
    word: str  # yes | unknown | no: the class and mark of the status
    says: str
    subjects: tuple[str, ...]
    members: tuple[str, ...]
    amounts: tuple[str, ...]
    depends: str
    condition: str
    receives: bool
    reasons: Reasons | None

    @property
    def mark(self) -> str:
        return {"yes": "✓", "no": "✗", "unknown": "?"}[self.word]


@dataclass(frozen=True, slots=True)
class Option:
    """One lawful choice among policies that exclude one another."""

    names: tuple[str, ...]
    worth: str
    best: bool
    gives_up: tuple[str, ...]


class Shown:
    """One decision in one language. `opened` are keys of rows whose reasons are wanted; `name` names a member."""

    def __init__(
        self, decision: Decision, lang: str, opened: Collection[str] = (), name: Callable[[str], str] | None = None
    ):
        self.decision, self.lang, self.opened = decision, lang, frozenset(opened)
        self.explainer = Explainer(decision, lang)
        self.name = name or (lambda member: self.say(f"成员 {member}", f"member {member}"))

    def say(self, zh: str, en: str) -> str:
        return zh if self.lang == "zh" else en

    def listed(self, texts: Iterable[str]) -> str:
        return self.say("、", ", ").join(texts)

    # -- totals --

    @cached_property
    def totals(self) -> tuple[tuple[str, str, bool], ...]:
        """(period, text, whether it is settled): what may lawfully be drawn together. An amount whose upper end nobody
        knows is left out of the sum and counted beside it."""
        found = []
        for per, (least, most) in sorted(self.decision.totals.items(), key=lambda each: _PERIODS.index(each[0])):
            open_ = self._open(per)
            if any(tied for _, _, tied in open_):  # it may or may not count: nothing can be taken out of the sum
                text = self.say(
                    f"{money_text(least, self.lang, per)}起，上限尚不能确定",
                    f"from {money_text(least, self.lang, per)}; how much more is not known yet",
                )
            else:
                text = self.span(least, most - sum(most_ - least_ for least_, most_, _ in open_), per)
                if open_:
                    text += self.say(
                        f"，另有 {len(open_)} 项金额尚不能确定",
                        f", and {len(open_)} more whose amount is not known yet",
                    )
            found.append((per, text, least == most))
        return tuple(found)

    def span(self, least: int, most: int, per: str) -> str:
        """`每月 0.00 至 1,950.00 元`, `between 0.00 and 1,950.00 yuan a month`."""
        high = money_text(most, self.lang, per)
        if least == most:
            return high
        low = money_text(least, self.lang, per if self.lang == "zh" else "")
        if self.lang == "zh":
            return f"{low.removesuffix(' 元')} 至 {money_text(most, self.lang)}"
        return f"between {low.removesuffix(' yuan')} and {high}"

    @cached_property
    def waits(self) -> str:
        """What the totals depend on, in words; empty where they are settled."""
        if all(settled for _, _, settled in self.totals):
            return ""
        return self._facts([(m.fact, m.member) for m in self.decision.missing if m.most or m.amounts])

    def _open(self, per: str) -> list[tuple[int, int, bool]]:
        """(least, most, whether exclusions touch it) of every amount in the totals whose most is an outer limit."""
        tied = {(name, each.member) for each in self.decision.combinations for name in each.group.policies}
        return [
            (each.least, each.most, bool({(answer.policy.id, answer.member), (answer.policy.id, "")} & tied))
            for answer in self.decision.answers
            for place, each in enumerate(answer.amounts)
            if each.item.per == per and each.possible and each.item.paid_to == "household"
            and self.decision.open_above(answer, place)
        ]  # fmt: skip

    # -- rows --

    @cached_property
    def rows(self) -> dict[str, tuple[Row, ...]]:
        """Status -> its rows, in catalogue order."""
        alike: dict[object, list[Answer]] = {}
        for answer in self.decision.answers:
            amounts = tuple((a.least, a.most, a.given, a.possible, a.months) for a in answer.amounts)
            key = (answer.policy.id, answer.status, answer.conditional_on, amounts, answer.receives == "yes")
            alike.setdefault(key, []).append(answer)
        found: dict[str, list[Row]] = {status: [] for status in STATUSES}
        for answers in alike.values():
            found[answers[0].status].append(self._row(answers))
        return {status: tuple(rows) for status, rows in found.items()}

    def row(self, policy: str, member: str = "") -> Row:
        """One policy's row for one subject, its reasons open. Raises KeyError."""
        answer = self.decision.answer(policy, member)
        return self._row([answer], True)

    def _row(self, answers: list[Answer], opened: bool = False) -> Row:
        answer = answers[0]
        key = f"{answer.policy.id}.{answer.member}"
        members = tuple(self.name(each.member) for each in answers if each.member)
        if len(members) == len(self.decision.household.members) > 2:
            members = (self.say(f"全体 {len(members)} 人", f"all {len(members)}"),)
        return Row(
            key, answer.policy.id, self.explainer.title(answer.policy), answer.policy.kind, answer.status,
            _WORD[answer.status], STATUS[answer.status][self.lang], tuple(each.member for each in answers), members,
            self._amounts(answer),
            self._depends(answers), self.explainer.conditional_text(answer) if answer.conditional else "",
            answer.receives == "yes", self.reasons(answers) if opened or key in self.opened else None,
        )  # fmt: skip

    def _amounts(self, answer: Answer) -> tuple[str, ...]:
        """What is given: sums (each with its name where there are several), and help in kind by its name."""
        if not answer.possible:
            return ()
        given = [n for n, each in enumerate(answer.amounts) if each.possible and (each.most or not each.item.per)]
        several = sum(bool(answer.amounts[n].item.per) for n in given) > 1
        found = []
        for place in given:
            each, title = answer.amounts[place], answer.amounts[place].item.title[self.lang]
            if not each.item.per:
                found.append(title)
                continue
            if each.least != each.most and not self._vague(answer, place):
                text = self.span(each.least, each.most, each.item.per)
            else:
                text = self.explainer.amount_text(answer, place)
            found.append(self.say(f"{title}：{text}", f"{title}: {text}") if several else text)
        return tuple(dict.fromkeys(found))

    def _vague(self, answer: Answer, place: int) -> bool:
        """Whether an amount is more than two ends: set by an office, for some months, or open above."""
        item = answer.policy.gives[place]
        return item.up_to or item.for_months is not None or self.decision.open_above(answer, place)

    def _depends(self, answers: list[Answer]) -> str:
        """What open answers wait for, in words: for their status or for an amount, what settles most first."""
        found = {place for each in answers for place in self._waiting.get((each.policy.id, each.member), ())}
        return self._facts([(m.fact, m.member) for m in (self.decision.missing[place] for place in sorted(found))])

    @cached_property
    def _waiting(self) -> dict[tuple[str, str], list[int]]:
        """(policy, member) -> the places in `missing` of what it waits for."""
        found: dict[tuple[str, str], list[int]] = {}
        for place, each in enumerate(self.decision.missing):
            for key in (*each.policies, *each.amounts):
                found.setdefault(key, []).append(place)
        return found

    def _facts(self, wanted: list[tuple[str, str]]) -> str:
        names = [self.fact_of(fact, member) for fact, member in wanted[:_WAITS]]
        more = len(wanted) - len(names)
        if more > 0:
            return self.listed(names) + self.say(f"等 {len(wanted)} 项", f" and {more} more")
        return self.listed(names)

    def fact_of(self, fact: str, member: str) -> str:
        """`成员 b 的月收入`, members by the names the page gives them."""
        label = self.explainer.fact_of(fact, "")
        if not member:
            return label
        name = self.name(member)
        return self.say(f"{name}{' ' if name[-1:].isascii() else ''}的{label}", f"{label} of {name}")

    # -- reasons --

    def reasons(self, answers: list[Answer]) -> Reasons:
        """All that stands behind the answers to one policy: a tree of sentences for each person."""
        answer, policy = answers[0], answers[0].policy
        lines = [self.explainer.answer(each) for each in answers]
        short = [decisive(line, each, self.decision.program) for line, each in zip(lines, answers, strict=True)]
        every = [part for line in lines for part in line.walk()]
        names = dict.fromkeys(name for part in every for name in part.figures)
        amounts = [item.amount for item in policy.gives if item.amount is not None]
        names |= dict.fromkeys(e.name for expr in amounts for e in expr.walk() if e.op == "parameter")
        caveats = dict.fromkeys(
            self.explainer.caveat(c.code, c.words[self.lang], c.source)
            for each in answers for c in self.decision.caveats(each)
        )  # fmt: skip
        days = policy.decision_days
        wording = self.explainer.wording
        return Reasons(
            self._together(short, answers),
            self._together(lines, answers),
            tuple(self.figure(name) for name in names),
            tuple(dict.fromkeys(part.cite for part in every if part.cite)),
            self.documents(answer),
            policy.where[self.lang],
            policy.channel[self.lang],
            policy.department[self.lang],
            ""
            if days is None
            else self.say(
                f"{days.days} 个{'工作日' if days.working else '日'}内",
                f"within {days.days} {'working days' if days.working else 'days'}",
            ),
            policy.review[self.lang],
            tuple(wording.policy(each) for each in answer.conditional_on or ()),
            tuple(wording.policy(each) for each in self.excluded(policy)),
            self.notes(answer),
            tuple(caveats),
            str(policy.at),
        )

    def _together(
        self, lines: list[Line], answers: list[Answer]
    ) -> tuple[tuple[tuple[str, ...], tuple[Line, ...]], ...]:
        """The sentences of several people, once where they are the same."""
        alike: dict[object, tuple[list[str], Line]] = {}
        for line, answer in zip(lines, answers, strict=True):
            names, _ = alike.setdefault(likeness(line, answer), ([], line))
            if answer.member and len(answers) > 1:
                names.append(self.name(answer.member))
        return tuple((tuple(names), line.parts) for names, line in alike.values())

    def figure(self, name: str) -> Figure:
        parameter, value = self.decision.program.rulebook.parameters[name], self.decision.edition.figures[name]
        if value is None:
            shown = self.say("当日尚无数值", "no figure yet on the day")
        elif value.rows:
            shown = self.say("见表", "a table")
        elif value.value is None:
            shown = self.say("未公布", "not published")
        else:
            shown = number_text(value.value, parameter.type, self.lang)
        return Figure(
            parameter.label[self.lang], shown, value.from_date.isoformat() if value else "",
            value.source if value else "", bool(value and value.verified),
        )  # fmt: skip

    def documents(self, answer: Answer) -> tuple[str, ...]:
        """The papers to bring for this answer."""
        return tuple(
            each.words[self.lang]
            for each in answer.policy.documents
            if each.condition is None or answer.outcomes.get(each.condition.id).possible
        )

    def notes(self, answer: Answer) -> tuple[str, ...]:
        """Advice that holds for this answer."""
        return tuple(
            note.says[self.lang]
            for note in answer.policy.notes
            if (not note.condition.parts and note.condition.kind == "all")
            or answer.outcomes.get(note.condition.id).certain
        )

    def excluded(self, policy: Policy) -> tuple[str, ...]:
        """Policies that may not be drawn together with this one, whichever of the two says so."""
        own = [each.policy for each in policy.excludes]
        others = [
            each.policy.id for each in self.decision.edition.order
            if any(exclusion.policy == policy.id for exclusion in each.policy.excludes)
        ]  # fmt: skip
        return tuple(dict.fromkeys((*own, *others)))

    # -- beyond single policies --

    @cached_property
    def combinations(self) -> tuple[tuple[str, tuple[Option, ...], bool], ...]:
        """(whose, the choices, whether the best is settled), where policies exclude one another."""
        return tuple(
            (self.name(each.member) if each.member else "", self._options(each), each.best is not None)
            for each in self.decision.combinations
        )

    def _options(self, each: Combination) -> tuple[Option, ...]:
        found = []
        for place, option in enumerate(each.options):
            low = money_text(option.least, self.lang)
            if (each.group.policies[0], each.member, option.policies) in self.decision.open_options:
                worth = self.say(f"不低于 {low}", f"at least {low}")
            elif option.least != option.most:
                high = money_text(option.most, self.lang)
                worth = self.say(f"{low} 至 {high}", f"between {low} and {high}")
            else:
                worth = low
            names, gives_up = (
                tuple(self.explainer.wording.policy(name) for name in some)
                for some in (option.policies, option.gives_up)
            )
            found.append(Option(names, worth, place == each.best, gives_up))
        return tuple(found)

    @cached_property
    def steps(self) -> tuple[str, ...]:
        """What to apply for first: a policy others hang on stands before them."""
        answers = self.decision.answers
        firm = {a.policy.id for a in answers if a.status == ELIGIBLE}
        chains = {name for a in answers if a.status == ELIGIBLE for name in a.conditional_on or ()}
        waiting = {a.policy.id for a in answers if a.status == ELIGIBLE and a.conditional_on}
        order = self.decision.program.rulebook.order
        return tuple(self.explainer.wording.policy(n) for n in order if n in firm and n in chains | waiting)

    @cached_property
    def labels(self) -> tuple[tuple[str, tuple[str, ...], bool], ...]:
        """(label, whose, whether it is certain) of every label the household carries or may carry."""
        found: dict[tuple[str, str], list[Carried]] = {}
        for each in carried(self.decision):
            if each.word != "no":
                found.setdefault((each.word, each.label.id), []).append(each)
        sure_first = sorted(found.items(), key=lambda item: item[0][0] != "yes")
        return tuple(
            (group[0].label.title[self.lang], tuple(self.name(o.member) for o in group if o.member), word == "yes")
            for (word, _), group in sure_first
        )

    @cached_property
    def not_in_force(self) -> tuple[str, ...]:
        return tuple(self.explainer.wording.policy(name) for name in self.decision.not_in_force)
