"""A rulebook on a day, folded into one graph of SQL terms: derived facts first, then every policy in force, in order.

Every policy is decided twice: as it is, and with every `holds` read as `receives`. Where the two agree by their form
they are the same nodes, and nothing is worked out twice; an answer that differs is conditional.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction

from engine.language import ends
from engine.language.checks import expressions_of
from engine.language.ends import Folded, Mask, Num, Truth
from engine.language.model import Fact, Item, Policy, Rulebook
from engine.language.places import Place
from engine.language.rulebook import policies_asked
from engine.language.tree import Expr
from engine.language.types import Base, day_number
from engine.sweep.columns import LEVELS, Columns, Hull, Reader, State
from engine.sweep.dag import Dag, Level, Node, Term
from engine.sweep.figures import whole_parts
from engine.sweep.fold import Amount, SqlFold, World, fen, sayable


@dataclass(frozen=True, slots=True)
class Answer:
    """One policy in force: its truth, the same with `holds` read as `receives`, its items, its conditions."""

    policy: Policy
    truth: Truth
    firm: Truth
    conditional: Term
    amounts: tuple[Amount, ...]
    outcomes: Mapping[str, Truth]


@dataclass(frozen=True, slots=True)
class Named:
    """What a node is called in the SQL, and where it comes from; `always`: also where it is read but once."""

    name: str
    about: str = ""
    always: bool = True


@dataclass(slots=True)
class Compiled:
    """Everything a rulebook says on a day, for a chunk whose columns are in these states."""

    rulebook: Rulebook
    on: date
    columns: Columns
    states: Mapping[str, State]
    dag: Dag
    in_force: Mapping[str, Policy] = field(default_factory=dict)
    answers: tuple[Answer, ...] = ()
    labels: tuple[Answer, ...] = ()  # each in the shape of a policy that gives nothing
    facts: dict[str, Folded] = field(default_factory=dict)
    refused: list[tuple[Fact, Term]] = field(default_factory=list)  # facts that cannot be, where this is true
    names: dict[Node, Named] = field(default_factory=dict)
    not_in_force: tuple[str, ...] = ()
    folds: dict[str, SqlFold] = field(default_factory=dict)  # of derived facts and policies, by name
    world: World = field(init=False)
    reader: Reader = field(init=False)


def compile_sweep(
    rulebook: Rulebook,
    on: date,
    states: Mapping[str, State],
    jurisdictions: frozenset[str] | None = None,
    only: frozenset[str] | None = None,
    labels: frozenset[str] = frozenset(),
) -> Compiled:
    """The graph behind every status and amount (of the policies in `only`, where given), and behind these labels.

    Raises CannotSweep where a rule has no form a table engine can run.
    """
    found = Compiled(rulebook, on, Columns.of(rulebook), states, Dag())
    _Compiler(found, jurisdictions, only, labels).run()
    return found


def asked_by(rulebook: Rulebook, in_force: Mapping[str, Policy], only: frozenset[str]) -> frozenset[str]:
    """Some policies and all that their answers rest on."""
    found: set[str] = set()
    todo = [name for name in only if name in in_force]
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            todo += [other for other in policies_asked(in_force[name]) if other in in_force]
    return frozenset(found)


class _Compiler:
    def __init__(
        self,
        found: Compiled,
        jurisdictions: frozenset[str] | None,
        only: frozenset[str] | None,
        labels: frozenset[str],
    ):
        self.only = only
        self.tags = [tag.policy for tag in found.rulebook.labels if tag.id in labels and tag.policy.in_force(found.on)]
        self.found, self.rulebook, self.dag = found, found.rulebook, found.dag
        self.jurisdictions = jurisdictions
        self.reader = found.reader = Reader(found.dag, found.columns, found.states)
        figures = {name: parameter.on(found.on) for name, parameter in self.rulebook.parameters.items()}
        self.world = found.world = World(
            found.dag, self.rulebook.choices, self.rulebook.parameters, figures, day_number(found.on)
        )
        self.first: dict[str, Truth] = {}
        self.second: dict[str, Truth] = {}
        self.granted: dict[str, Truth] = {}  # in the second reading: what `holds` may rest on beside `receives`

    def run(self) -> None:
        self.asked_facts()
        self.derived_facts()
        in_force = self.rulebook.in_force(self.found.on, self.jurisdictions)
        self.found.in_force = in_force
        self.found.not_in_force = tuple(name for name in self.rulebook.ids() if name not in in_force)
        for name in self.found.not_in_force:
            possible = self.may_qualify(name)
            self.first[name] = self.second[name] = self.granted[name] = Truth(False, possible)
        held = {e.name for p in self.rulebook.policies for x in expressions_of(p) for e in x.walk() if e.op == "holds"}
        wanted = frozenset(in_force)
        if self.only is not None:
            asked = {name for tag in self.tags for name in policies_asked(tag)}
            wanted = asked_by(self.rulebook, in_force, self.only | asked)
        answers = []
        for name in self.rulebook.order:
            if name in wanted:
                with sayable(in_force[name].at):
                    answer = self.policy(in_force[name])
                if self.only is None or name in self.only:
                    answers.append(answer)
                self.granted[name] = Truth(False, False) if name in held else self.second[name]
        self.found.answers = tuple(sorted(answers, key=lambda a: a.policy.order))
        tags = []
        for tag in self.tags:  # after every policy: a label may ask what is decided
            with sayable(tag.at):
                tags.append(self.policy(tag))
        self.found.labels = tuple(tags)

    def may_qualify(self, name: str) -> bool:
        """Whether a policy that is not in force may be had: no after its stated end, unknown before its first text."""
        versions, on = self.rulebook.versions(name), self.found.on
        places = self.jurisdictions or frozenset(j.name for j in self.rulebook.jurisdictions.values() if j.in_force)
        if all(version.jurisdiction not in places for version in versions):
            return True
        if on < versions[0].from_date:
            return not versions[0].new
        return any(version.from_date > on for version in versions)

    # -- facts --

    def asked_facts(self) -> None:
        for fact in self.rulebook.facts.values():
            if not fact.derived and fact.type.base is not Base.TEXT:
                folded = self.found.facts[fact.name] = self.reader.fact(fact)
                self.name_value(fact.name, folded, "")

    def derived_facts(self) -> None:
        for fact in self.rulebook.facts.values():  # each after what it reads
            if not fact.derived:
                continue
            with sayable(fact.at):
                value = self.derived(fact)
            self.found.facts[fact.name] = value
            self.name_value(fact.name, value, _about(fact.label.zh, fact.at))

    def derived(self, fact: Fact) -> Folded:
        fold = self.found.folds[fact.name] = SqlFold(self.world, LEVELS[fact.level], self.found.facts)
        if fact.condition is not None:
            return fold.condition(fact.condition)
        assert fact.expr is not None
        value = fold.value(fact.expr)
        return self.within_limits(fold, fact, value) if isinstance(value, Num) else value

    def within_limits(self, fold: SqlFold, fact: Fact, value: Num) -> Num:
        """Note where the fact cannot be, and draw the ends into the declared limits."""
        assert fact.expr is not None
        worked = fact.expr.type
        least = fact.type.least if worked.least < fact.type.least else None
        most = fact.type.most if worked.most > fact.type.most else None
        if least is not None:
            self.refuse(fact, ends.q_less(fold, value.hi, ends.constant(least).lo))
        if most is not None:
            self.refuse(fact, ends.q_less(fold, ends.constant(most).lo, value.lo))
        return ends.clamp(fold, value, least, most)

    def refuse(self, fact: Fact, cannot: Term) -> None:
        if cannot is not False:
            self.found.refused.append((fact, cannot))

    # -- policies --

    def policy(self, policy: Policy) -> Answer:
        first, truth = self.decide(policy, self.as_it_is)
        _second, firm = self.decide(policy, self.withheld)
        self.first[policy.id], self.second[policy.id] = truth, firm
        self.name_conditions(policy, first.outcomes)
        self.name_value(policy.id, truth, _about(policy.title_on(self.found.on).zh, policy.at))
        self.name_value(f"{policy.id}__firm", firm, "with every holds(…) read as receives(…)")
        self.found.folds[policy.id] = first
        outcomes = dict(first.outcomes)
        amounts = tuple(self.amount(first, policy, item, truth) for item in policy.gives)
        return Answer(policy, truth, firm, self.conditional(first, truth, firm), amounts, outcomes)

    def decide(self, policy: Policy, asked: object) -> tuple[SqlFold, Truth]:
        fold = SqlFold(self.world, LEVELS[policy.level], self.found.facts, asked)  # type: ignore[arg-type]
        for let in policy.lets:
            fold.lets[let.name] = fold.condition(let.condition) if let.condition is not None else fold.value(let.expr)  # type: ignore[arg-type]
            self.name_value(f"{policy.id}__{let.name}", fold.lets[let.name], _about(let.words.zh, let.at))
        return fold, fold.condition(policy.when)

    def as_it_is(self, expr: Expr) -> Truth:
        return self.ask(expr, self.first, self.first)

    def withheld(self, expr: Expr) -> Truth:
        return self.ask(expr, self.second, self.granted)

    def ask(self, expr: Expr, qualifies: dict[str, Truth], granted: dict[str, Truth]) -> Truth:
        if expr.op == "qualifies":
            return qualifies[expr.name]
        receives = self.reader.received(expr.name)
        if expr.op == "receives":
            return receives
        fold = SqlFold(self.world, Level.HOUSEHOLD, {})
        return ends.any_of(fold, [receives, granted[expr.name]])

    def conditional(self, fold: SqlFold, first: Truth, second: Truth) -> Term:
        """Whether a settled answer is another one where nothing is granted yet."""
        yes = False if second.certain is first.certain else fold.both(first.certain, fold.no(second.certain))
        no = False if second.possible is first.possible else fold.both(fold.no(first.possible), second.possible)
        found: Term = fold.either(yes, no)
        return found

    def amount(self, fold: SqlFold, policy: Policy, item: Item, when: Truth) -> Amount:
        given = when
        if item.condition is not None:
            given = ends.all_of(fold, [when, fold.condition(item.condition)])
        least: Term = 0
        most: Term = 0
        if item.amount is not None:
            step = item.round_to if item.round_to is not None else Fraction(1, 100)
            low, high = fen(fold, fold.number(item.amount), step, item.round_mode or "down")
            least = 0 if item.up_to else fold.pick(given.certain, low, 0)
            most = fold.pick(given.possible, high, 0)
        months: tuple[Term, Term] = (12, 12)
        if item.for_months is not None:
            count = fold.number(item.for_months)
            months = whole_parts(fold, count.lo, 1), whole_parts(fold, count.hi, 1)
        self.hint(least, f"{policy.id}__{item.id}__least", _about(item.title.zh, item.at))
        self.hint(most, f"{policy.id}__{item.id}__most", _about(item.title.zh, item.at))
        return Amount(least, most, given.certain, given.possible, months)

    # -- names --

    def name_value(self, name: str, value: Folded, about: str) -> None:
        if isinstance(value, Truth):
            if value.exact:
                self.hint(value.certain, name, about)
            else:
                self.hint(value.certain, f"{name}__surely", about)
                self.hint(value.possible, f"{name}__maybe", about)
        elif isinstance(value, Num):
            if value.exact:
                self.hint(value.lo.n, name, about)
                self.hint(value.lo.d, f"{name}__divisor", about)
            else:
                for end, q in (("least", value.lo), ("most", value.hi)):
                    self.hint(q.n, f"{name}__{end}", about)
                    self.hint(q.d, f"{name}__{end}_divisor", about)
        elif isinstance(value, Mask):
            if isinstance(value.term, Hull):
                for n, term in enumerate(value.term.may):
                    self.hint(term, f"{name}__may_{n}", about)
            else:
                self.hint(value.term.term, f"{name}__code", about)

    def name_conditions(self, policy: Policy, outcomes: Mapping[str, Truth]) -> None:
        """Conditions that carry a name of their own lend it to what is worked out for them."""
        for node in policy.when.walk():
            if node.id in outcomes and node.id.isidentifier():
                truth, name = outcomes[node.id], f"{policy.id}__{node.id}"
                self.hint(truth.certain, name if truth.exact else f"{name}__surely", _about("", node.at), False)
                self.hint(truth.possible, f"{name}__maybe", _about("", node.at), False)

    def hint(self, term: Term, name: str, about: str, always: bool = True) -> None:
        """Call a node by a name, unless it has one."""
        if isinstance(term, Node) and term.op not in ("column", "outer"):
            had = self.found.names.get(term)
            if had is None or (always and not had.always):
                self.found.names[term] = Named(name, about, always)


def _about(words: str, at: Place) -> str:
    return f"{words} {at.file}:{at.line}".strip() if at.file else words
