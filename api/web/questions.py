"""What the form asks: only what some open policy still needs, what settles most first, and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from api.web.draft import Draft, Given, Place, field_name
from engine.decide import Decision
from engine.decide.decision import MissingFact
from engine.language.household import Vocabulary
from engine.language.model import Fact
from engine.language.tree import Words
from engine.language.types import Base
from engine.language.words import Wording

__all__ = ["FIRST", "Form", "Group", "Question", "form_of", "hidden", "question_of"]

FIRST = 5
"""How many of the next questions stand at the top."""
ANSWERED = 2
"""How many that were just answered stay above them, so that nothing vanishes under the hand that answers it."""

RECEIVING = Words("正在享受的待遇", "what is already drawn")
_RECEIVING_ASKS = {
    "": Words("家庭现在享受哪些待遇？", "What does the household draw already?"),
    "m": Words("本人现在享受哪些待遇？", "What does this person draw already?"),
}
_DRAWN = Words("已享受的待遇", "Already drawn")
_OTHER = Words("其他", "Other")


@dataclass(frozen=True, slots=True)
class Question:
    """One fact as the form shows it.

    fact     None for `receiving`
    choices  of a choice, a list of choices or `receiving`: (value, words)
    matters  the policies that wait for it; empty where none does
    asked    it was said to be not known
    faults   what is wrong with it, in words
    """

    place: Place
    fact: Fact | None
    given: Given
    choices: tuple[tuple[str, Words], ...] = ()
    matters: tuple[str, ...] = ()
    asked: bool = False
    faults: tuple[str, ...] = ()
    cited: bool = False
    prefix: str = ""

    @property
    def name(self) -> str:
        return self.prefix + field_name(self.place)

    @property
    def id(self) -> str:
        """For `id=` in HTML."""
        return "f-" + self.name.replace("/", "-")

    @property
    def member(self) -> str:
        return self.place[0]

    @property
    def kind(self) -> str:
        """Which control it gets: `pick`, `many`, `number`, `date` or `text`."""
        if self.fact is None or self.fact.type.base is Base.CHOICES:
            return "many"
        base = self.fact.type.base
        if base in (Base.YES_NO, Base.CHOICE):
            return "pick"
        return {Base.DATE: "date", Base.TEXT: "text"}.get(base, "number")

    @property
    def answered(self) -> bool:
        return not self.given.empty

    @property
    def label(self) -> Words:
        return self.fact.label if self.fact else RECEIVING

    @property
    def asks(self) -> Words:
        if self.fact is None:
            return _RECEIVING_ASKS["m" if self.member else ""]
        return self.fact.question if self.fact.question.zh else self.fact.label

    @property
    def help(self) -> Words | None:
        return self.fact.help if self.fact and self.fact.help.zh else None

    @property
    def department(self) -> Words | None:
        return self.fact.department if self.fact and self.fact.department.zh else None

    def unit(self, lang: str) -> str:
        return self.fact.type.unit.words(lang) if self.fact and self.fact.type.numeric else ""


@dataclass(frozen=True, slots=True)
class Group:
    """Questions under one heading of the vocabulary."""

    subject: Words
    questions: tuple[Question, ...]

    @property
    def waiting(self) -> int:
        """How many of them some policy waits for."""
        return sum(bool(each.matters) for each in self.questions)

    @property
    def wrong(self) -> bool:
        return any(each.faults for each in self.questions)


@dataclass(frozen=True, slots=True)
class Form:
    """The form of a draft.

    first    the next questions, the one that settles most at the head
    groups   the other facts of the person looked at: said, or waited for
    hidden   every other field, so that nothing said is lost
    waiting  how many facts are still waited for, by member id ("" the household)
    """

    first: tuple[Question, ...]
    groups: tuple[Group, ...]
    hidden: tuple[tuple[str, str], ...]
    waiting: Mapping[str, int]


def form_of(
    draft: Draft, vocabulary: Vocabulary, decision: Decision | None, faults: Mapping[Place, tuple[str, ...]], lang: str,
    policies: Mapping[str, str],
) -> Form:  # fmt: skip
    """The form for `draft`, given what is decided so far (None: nothing could be) and what is wrong with it.

    `policies`: name -> words, of those that may be drawn.
    """
    missing = {(each.member, each.fact): each for each in (decision.missing if decision else ())}
    maker = _Maker(draft, vocabulary, decision, faults, lang, policies, missing)
    ahead = _ahead(draft, missing, maker, faults)
    first = tuple(maker.question(place) for place in ahead)
    groups = maker.groups(draft.person, set(ahead))
    shown = {*ahead, *(each.place for group in groups for each in group.questions)}
    waiting: dict[str, int] = {}
    for member, _ in missing:
        waiting[member] = waiting.get(member, 0) + 1
    return Form(first, groups, tuple(hidden(draft, vocabulary, shown)), waiting)


def _ahead(
    draft: Draft, missing: Mapping[Place, MissingFact], maker: _Maker, faults: Mapping[Place, tuple[str, ...]]
) -> list[Place]:
    """What stands at the top: what was answered last, then what is open: what settles most first. What stood there
    and still matters stays, and so does what was answered wrongly."""
    before = [place for place in draft.ahead if maker.known(place)]
    answered = [place for place in before if not maker.empty(place)]
    wrong = [place for place in faults if maker.known(place)]
    kept = [place for place in dict.fromkeys((*answered[-ANSWERED:], *wrong))]
    open_ = [place for place, each in missing.items() if not each.asked and maker.empty(place)]
    return kept + [place for n, place in enumerate(open_) if n < FIRST or place in before]


def question_of(draft: Draft, vocabulary: Vocabulary, place: Place, policies: Mapping[str, str]) -> Question:
    """One fact as a question of its own, nothing known of who waits for it."""
    return _Maker(draft, vocabulary, None, {}, "", policies, {}).question(place)


def hidden(draft: Draft, vocabulary: Vocabulary, shown: Iterable[Place]) -> list[tuple[str, str]]:
    """The fields of all facts but those `shown`."""
    seen, found = set(shown), []
    for place, given in draft.given.items():
        if place in seen or given.empty:
            continue
        name = field_name(place)
        found += [(name, value) for value in (given.ticked or ((given.value,) if given.value else ()))]
        extra = (
            ("how", given.how),
            ("high", given.high),
            ("source", given.source),
            ("verified", given.verified and "1"),
        )
        found += [(f"{name}/{part}", str(value)) for part, value in extra if value]
    return found


class _Maker:
    def __init__(
        self,
        draft: Draft,
        vocabulary: Vocabulary,
        decision: Decision | None,
        faults: Mapping[Place, tuple[str, ...]],
        lang: str,
        policies: Mapping[str, str],
        missing: Mapping[Place, MissingFact],
    ):
        self.draft, self.vocabulary, self.faults, self.missing = draft, vocabulary, faults, missing
        self.policies, self.lang = policies, lang
        self.wording = Wording(decision.program.rulebook, lang, decision.on) if decision else None

    def known(self, place: Place) -> bool:
        member, name = place
        return name == "receiving" or name in self.vocabulary.facts["member" if member else "household"]

    def empty(self, place: Place) -> bool:
        return self.draft.given.get(place, Given()).empty

    def question(self, place: Place) -> Question:
        member, name = place
        fact = None if name == "receiving" else self.vocabulary.facts["member" if member else "household"][name]
        waits = self.missing.get(place)
        matters: tuple[str, ...] = ()
        if waits is not None and self.wording is not None:
            names = [policy for policy, _ in (*waits.policies, *waits.amounts)]
            matters = tuple(self.wording.policy(each) for each in dict.fromkeys(names))
        given = self.draft.given.get(place, Given())
        cited = place in self.draft.cited or bool(given.source or given.verified)
        return Question(
            place, fact, given, self.choices(fact, member), matters, bool(waits and waits.asked),
            self.faults.get(place, ()), cited,
        )  # fmt: skip

    def choices(self, fact: Fact | None, member: str) -> tuple[tuple[str, Words], ...]:
        if fact is None:
            level = "member" if member else "household"
            return tuple(
                (name, Words(title, title))
                for name, title in self.policies.items()
                if self.vocabulary.policies.get(name) == level
            )
        if fact.type.base is Base.YES_NO:
            return ("yes", Words("是", "yes")), ("no", Words("否", "no"))
        if fact.type.choices:
            known = self.vocabulary.choices[fact.type.choices]
            return tuple((value, known.words[value]) for value in known.values)
        return ()

    def groups(self, member: str, ahead: set[Place]) -> tuple[Group, ...]:
        """The facts of one person (or the household) that were said or are waited for, by subject."""
        level = self.vocabulary.facts["member" if member else "household"]
        found: dict[Words, list[Question]] = {}
        first = next(iter(level), "")
        for name, fact in level.items():
            place = (member, name)
            always = name == first or fact.type.base is Base.TEXT
            if place in ahead or not (always or place in self.missing or not self.empty(place)):
                continue
            found.setdefault(fact.subject if fact.subject.zh else _OTHER, []).append(self.question(place))
        place = (member, "receiving")
        if place not in ahead and (place in self.missing or not self.empty(place)):
            found.setdefault(_DRAWN, []).append(self.question(place))
        return tuple(Group(subject, tuple(questions)) for subject, questions in found.items())
