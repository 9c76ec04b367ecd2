"""The checked tree written out as Python: one function for the derived facts, one for each policy version.

The source is kept on the program for whoever wants to read it. A function reads slots of plain lists, works out both
ends of every value in straight-line code, looks at every branch, and returns the answer with its trace row.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from fractions import Fraction

from engine.decide.layout import (
    GRANTED,
    QUALIFIES,
    RECEIVES,
    Entry,
    Fixed,
    Layout,
    MaskAt,
    NumberAt,
    Ref,
    Slot,
    Slots,
)
from engine.decide.remembered import Reads
from engine.language import ends
from engine.language.ends import Folded, Mask, Num, Q, Several, Term, Truth
from engine.language.fold import Fold
from engine.language.model import ChoiceSet, Fact, Item, Parameter, Policy, Rulebook
from engine.language.tree import Condition, Expr
from engine.language.types import Base


@dataclass(frozen=True, slots=True)
class Generated:
    """The text of one function, and where its outcomes stand."""

    name: str
    source: str
    layout: Layout
    reads: Reads


@dataclass(slots=True)
class _Scope:
    """A block of code: the function itself, or the body of a loop over members."""

    member: str | None  # the variable that holds the current member's list
    lines: list[str] = field(default_factory=list)
    reads: dict[tuple[str, int], str] = field(default_factory=dict)


class _Row:
    """The terms of one trace row, each once, and the layout that finds them again."""

    def __init__(self) -> None:
        self.terms: list[str] = []
        self.at: dict[str, int] = {}
        self.layout = Layout()

    def ref(self, term: Term) -> Ref:
        if isinstance(term, int):
            return Fixed(term)
        text = str(term)
        if text not in self.at:
            self.at[text] = len(self.terms)
            self.terms.append(text)
        return self.at[text]

    def number(self, x: Num) -> NumberAt:
        return NumberAt(self.ref(x.lo.n), x.lo.k, self.ref(x.lo.d), self.ref(x.hi.n), x.hi.k, self.ref(x.hi.d))

    def value(self, x: Folded) -> NumberAt | MaskAt | None:
        if isinstance(x, Num):
            return self.number(x)
        if isinstance(x, Mask):
            ref = self.ref(x.term)
            return MaskAt(ref, ref)
        if isinstance(x, Several):
            return MaskAt(self.ref(x.may), self.ref(x.must))
        return None

    def text(self) -> str:
        return "(" + "".join(f"{term}, " for term in self.terms) + ")"


class PythonFold(Fold):
    """Writes Python. Terms are ints, bools or the text of an expression over local names."""

    def __init__(
        self,
        slots: Slots,
        choices: dict[str, ChoiceSet],
        parameters: dict[str, Parameter],
        index: dict[str, int],
        known: frozenset[str],
        flat: bool = False,
    ):
        self.flat = flat  # everything read is settled: each value is one term, the second end is never computed
        self.slots, self.choices, self.parameters, self.index, self.known = slots, choices, parameters, index, known
        self.scopes: list[_Scope] = [_Scope(None)]
        self.head: list[str] = []
        self.head_reads: dict[tuple[str, int], str] = {}
        self.own: set[int] = set()  # slots read of the member that is decided for
        self.each: set[int] = set()  # slots read of every member
        self.loops = False  # it goes through the members
        self.count = 0
        self.lets: dict[str, Folded] = {}
        self.done: dict[int, Folded] = {}
        self.uses_tables = False
        self.reads_late = False  # facts are still being worked out: read each where it is used, not at the head

    # -- writing --

    def fresh(self, letter: str = "v") -> str:
        self.count += 1
        return f"{letter}{self.count}"

    def line(self, text: str) -> None:
        self.scopes[-1].lines.append(text)

    def infix(self, op: str, left: Term, right: Term) -> Term:
        return f"({left} {op} {right})"

    def negation(self, term: Term) -> Term:
        return f"(not {term})"

    def choose(self, test: Term, yes: Term, no: Term) -> Term:
        return f"({yes} if {test} else {no})"

    def keep(self, term: Term) -> Term:
        if isinstance(term, int) or term.isidentifier():
            return term
        name = self.fresh()
        self.line(f"{name} = {term}")
        return name

    # -- reading --

    def value(self, expr: Expr) -> Folded:
        if id(expr) not in self.done:
            self.done[id(expr)] = super().value(expr)
        return self.done[id(expr)]

    def read(self, level: str, at: int) -> str:
        """A local name for a slot, read once per block."""
        if level == "household" and self.reads_late:
            scope = self.scopes[-1]
            if (level, at) not in scope.reads:
                scope.reads[level, at] = self.fresh("h")
                scope.lines.append(f"{scope.reads[level, at]} = h[{at}]")
            return scope.reads[level, at]
        if level == "household":
            if (level, at) not in self.head_reads:
                self.head_reads[level, at] = f"h{at}"
                self.head.append(f"h{at} = h[{at}]")
            return self.head_reads[level, at]
        scope = next(s for s in reversed(self.scopes) if s.member is not None)
        if (level, at) not in scope.reads:
            name = f"{scope.member}_{at}"
            (self.own if scope is self.scopes[0] else self.each).add(at)
            scope.reads[level, at] = name
            scope.lines.append(f"{name} = {scope.member}[{at}]")
        return scope.reads[level, at]

    def fact(self, expr: Expr) -> Folded:
        slot = self.slots.facts[expr.name]
        lo = self.read(slot.level, slot.at)
        hi = lo if self.flat else self.read(slot.level, slot.at + 1)
        if expr.type.base is Base.YES_NO:
            return Truth(lo, hi)
        if expr.type.base is Base.CHOICE:
            return Mask(lo)
        if expr.type.base is Base.CHOICES:
            return Several(lo, hi)
        if slot.d is None:
            return one(Q(lo, slot.scale)) if self.flat else Num(Q(lo, slot.scale), Q(hi, slot.scale))
        if self.flat:
            return one(Q(lo, slot.scale, self.read(slot.level, slot.d)))
        return Num(
            Q(lo, slot.scale, self.read(slot.level, slot.d)), Q(hi, slot.scale, self.read(slot.level, slot.d + 1))
        )

    def parameter(self, expr: Expr, keys: list[Folded]) -> Num:
        parameter, at = self.parameters[expr.name], self.index[expr.name]
        k = parameter.type.scale
        if not keys:
            lo = self.read_parameter(at)
            q = Q(lo, k)
            return one(q) if self.flat or expr.name in self.known else Num(q, Q(self.read_parameter(at + 1), k))
        self.uses_tables = True
        args = ["u"]
        for key, value in zip(parameter.keys, keys, strict=True):
            if isinstance(value, Mask):
                args.append(str(value.term))
            else:
                args += [str(self.parts(value.lo, key.type.scale)), str(self.parts(value.hi, key.type.scale))]
        call = f"P[{at}]({', '.join(args)})"
        if self.flat:
            return one(Q(self.keep(f"{call}[0]"), k))
        lo, hi = self.fresh(), self.fresh()
        self.line(f"{lo}, {hi} = {call}")
        return Num(Q(lo, k), Q(hi, k))

    def parts(self, q: Q, scale: int) -> Term:
        """The whole parts of a number, at `scale` parts to one: enough to find its band."""
        shared = math.gcd(q.k, scale)
        return self.floor(self.mul(q.n, scale // shared), self.mul(q.d, q.k // shared))

    def read_parameter(self, at: int) -> str:
        if ("P", at) not in self.head_reads:
            self.head_reads["P", at] = f"given{at}"
            self.head.append(f"given{at} = P[{at}]")
        return self.head_reads["P", at]

    def marginal(self, x: Num, schedule: Expr) -> Num:
        at, k = self.index[schedule.name], self.parameters[schedule.name].type.scale
        self.uses_tables = True
        found: list[Q] = []
        for end, q in (("lo", x.lo), ("hi", x.hi)):
            if found and x.exact and self.flat:
                return one(found[0])
            n = self.keep(f"P[{at}].marginal_{end}(u, {q.n}, {self.mul(q.d, q.k)})")
            found.append(Q(n, q.k * 100 * k, q.d))
        return Num(*found)

    def let(self, expr: Expr) -> Folded:
        return self.lets[expr.name]

    def today(self) -> Num:
        return one(Q("on"))

    def policy(self, expr: Expr) -> Truth:
        def pair(word: str) -> Truth:
            slot = self.slots.policies[word, expr.name]
            certain = self.read(slot.level, slot.at)
            return Truth(certain, certain if self.flat else self.read(slot.level, slot.at + 1))

        if expr.op == "receives":
            return pair(RECEIVES)
        if expr.op == "qualifies":
            return pair(QUALIFIES)
        return ends.any_of(self, [pair(RECEIVES), pair(GRANTED)])

    # -- choices: sets of bits --

    def choice(self, name: str, values: tuple[str, ...]) -> Mask:
        return Mask(sum(self.choices[name].bit(value) for value in values))

    def choice_in(self, x: Mask, name: str, values: tuple[str, ...]) -> Truth:
        inside = sum(self.choices[name].bit(value) for value in set(values))
        if isinstance(x.term, int):
            return Truth(bool(x.term & inside), bool(x.term & inside))
        outside = self.choices[name].every & ~inside
        possible = self.keep(f"({x.term} & {inside} != 0)")
        return Truth(possible if self.flat else self.keep(f"({x.term} & {outside} == 0)"), possible)

    def choice_same(self, x: Mask, y: Mask) -> Truth:
        a, b = x.term, y.term
        possible = self.keep(f"({a} & {b} != 0)")
        return Truth(possible if self.flat else self.keep(f"({a} == {b} and {a} & ({a} - 1) == 0)"), possible)

    def several_has(self, x: Several, name: str, value: str) -> Truth:
        bit = self.choices[name].bit(value)
        possible = self.keep(f"({x.may} & {bit} != 0)")
        return Truth(possible if self.flat else self.keep(f"({x.must} & {bit} != 0)"), possible)

    def if_choice(self, test: Truth, x: Mask, y: Mask) -> Mask:
        if test.exact:
            return Mask(self.keep(self.pick(test.certain, x.term, y.term)))
        both = f"({x.term} | {y.term})"
        return Mask(self.keep(self.pick(test.certain, x.term, self.pick(test.possible, both, y.term))))

    # -- members --

    def enter(self) -> str:
        self.loops = True
        member = self.fresh("m")
        self.scopes.append(_Scope(member))
        return member

    def leave(self) -> None:
        scope = self.scopes.pop()
        self.line(f"for {scope.member} in ms:")
        self.scopes[-1].lines += [f"    {text}" for text in scope.lines]

    def members(self, expr: Expr) -> Folded:
        return getattr(self, f"_{expr.op}")(expr)

    def _accumulate(self, names: Iterable[str], start: Term) -> None:
        for name in names:
            self.line(f"{name} = {start}")

    def _any_member(self, expr: Expr) -> Truth:
        return self._over_members(lambda: self._met(expr), "or", False)

    def _every_member(self, expr: Expr) -> Truth:
        def met() -> Truth:
            outside = ends.negated(self, self.truth(expr.args[1]))
            return ends.any_of(self, [outside, self.truth(expr.args[0])])

        return self._over_members(met, "and", True)

    def _met(self, expr: Expr) -> Truth:
        return ends.all_of(self, [self.truth(expr.args[1]), self.truth(expr.args[0])])

    def _over_members(self, met: Callable[[], Truth], word: str, start: bool) -> Truth:
        """Whether some (`or`) or every (`and`) member meets what `met` writes inside the loop."""
        certain, possible = self.fresh("c"), self.fresh("p")
        self._accumulate((certain,) if self.flat else (certain, possible), start)
        self.enter()
        found = met()
        self.line(f"{certain} = {certain} {word} {found.certain}")
        if not self.flat:
            self.line(f"{possible} = {possible} {word} {found.possible}")
        self.leave()
        return Truth(certain, certain if self.flat else possible)

    def _count_members(self, expr: Expr) -> Num:
        least, most = self.fresh("n"), self.fresh("n")
        self._accumulate((least,) if self.flat else (least, most), 0)
        self.enter()
        met = self._met(expr)
        self.line(f"{least} += {self.pick(met.certain, 1, 0)}")
        if not self.flat:
            self.line(f"{most} += {self.pick(met.possible, 1, 0)}")
        self.leave()
        return one(Q(least)) if self.flat else Num(Q(least), Q(most))

    def _sum_members(self, expr: Expr) -> Num:
        least, most = self.fresh("n"), self.fresh("n")
        self._accumulate((least,) if self.flat else (least, most), 0)
        before = len(self.scopes[-1].lines)
        self.enter()
        where, x = self.truth(expr.args[1]), self.number(expr.args[0])
        zero = ends.constant(Fraction(0)).lo

        def counted(q: Q, hull: Callable[..., Q]) -> Q:
            unsure = zero if where.exact else ends.q_pick(self, where.possible, hull(self, q, zero), zero)
            return ends.q_pick(self, where.certain, q, unsure)

        parts = [(least, counted(x.lo, ends.q_least))]
        if not self.flat:
            parts.append((most, counted(x.hi, ends.q_most)))
        found = []
        for total, q in parts:
            if isinstance(q.d, int):
                self.line(f"{total} += {q.n}")
                found.append(Q(total, q.k))
            else:  # quotients are added over a common denominator
                d = self.fresh("d")
                self.scopes[-2].lines.insert(before, f"{d} = 1")
                self.line(f"{total}, {d} = {total} * {q.d} + {q.n} * {d}, {d} * {q.d}")
                found.append(Q(total, q.k, d))
        self.leave()
        return Num(found[0], found[-1])

    def _extreme(self, expr: Expr, least: bool) -> Num:
        """The least or greatest over those who surely and those who possibly belong; over nobody, `otherwise`."""
        nobody = self.number(expr.args[2])
        sure, any_ = self.fresh("s"), self.fresh("s")
        near, far = [self.fresh("e") for _ in range(3)], [self.fresh("e") for _ in range(3)]
        # near: the end every possible member can pull; far: the end only sure members settle
        self._accumulate((sure, any_), False)
        far_all = [self.fresh("e") for _ in range(2)]
        for names in (near, far, far_all):
            self.line(f"{names[0]}, {names[1]} = 0, 1")
        self.enter()
        where, x = self.truth(expr.args[1]), self.number(expr.args[0])
        pull, settle = (x.lo, x.hi) if least else (x.hi, x.lo)
        op, back = ("<", ">") if least else (">", "<")

        def take(names: list[str], q: Q, test: Term, seen: str, sign: str) -> None:
            better = f"(not {seen} or {q.n} * {names[1]} {sign} {names[0]} * {q.d})"
            self.line(f"if {test} and {better}: {names[0]}, {names[1]} = {q.n}, {q.d}")

        take(near, pull, where.possible, any_, op)
        take(far_all, settle, where.possible, any_, back)
        take(far, settle, where.certain, sure, op)
        self.line(f"{any_} = {any_} or {where.possible}")
        self.line(f"{sure} = {sure} or {where.certain}")
        k_pull, k_settle = pull.k, settle.k
        self.leave()
        pulled, settled, unsettled = (
            Q(near[0], k_pull, near[1]),
            Q(far[0], k_settle, far[1]),
            Q(far_all[0], k_settle, far_all[1]),
        )
        empty_pull, empty_far = (nobody.lo, nobody.hi) if least else (nobody.hi, nobody.lo)
        first, second = (ends.q_least, ends.q_most) if least else (ends.q_most, ends.q_least)
        end_pull = ends.q_pick(self, sure, pulled, ends.q_pick(self, any_, first(self, pulled, empty_pull), empty_pull))
        end_far = ends.q_pick(
            self, sure, settled, ends.q_pick(self, any_, second(self, unsettled, empty_far), empty_far)
        )
        if self.flat:
            return one(end_pull)
        return Num(end_pull, end_far) if least else Num(end_far, end_pull)

    def _min_members(self, expr: Expr) -> Num:
        return self._extreme(expr, True)

    def _max_members(self, expr: Expr) -> Num:
        return self._extreme(expr, False)

    # -- conditions, with their outcomes noted --

    def condition(self, node: Condition, row: _Row) -> Truth:
        """The truth of a condition tree; every node's outcome goes into the trace row."""
        if node.kind == "leaf":
            assert node.expr is not None
            truth = self.truth(node.expr)
            left = right = None
            if node.expr.op in ("<", "<=", ">", ">=", "==", "!=", "in", "not in"):
                left, right = (self.value(arg) if not _listed(arg) else None for arg in node.expr.args)
            elif node.expr.op not in ("fact", "let", "receives", "qualifies", "holds", "literal", "if"):
                left = None
            entry = Entry(row.ref(truth.certain), row.ref(truth.possible), row.value(left), row.value(right))
        elif node.kind in ("any_member", "every_member"):
            truth, entry = self._quantified(node, row)
        else:
            parts = [self.condition(part, row) for part in node.parts]
            if node.kind == "all":
                truth = ends.all_of(self, parts)
            elif node.kind == "any":
                truth = ends.any_of(self, parts)
            elif node.kind == "none":
                truth = ends.negated(self, ends.any_of(self, parts))
            else:
                truth = ends.negated(self, parts[0])
            entry = Entry(row.ref(truth.certain), row.ref(truth.possible))
        row.layout.conditions[node.id] = entry
        return truth

    def _quantified(self, node: Condition, row: _Row) -> tuple[Truth, Entry]:
        """any_member or every_member with the outcome of every member noted."""
        rows, inner = self.fresh("r"), _Row()
        self.line(f"{rows} = []")

        def met() -> Truth:
            where = self.condition(node.parts[0], inner)
            body = self.condition(node.parts[1], inner)
            if node.kind == "any_member":
                found = ends.all_of(self, [where, body])
            else:
                found = ends.any_of(self, [ends.negated(self, where), body])
            self.line(f"{rows}.append({inner.text()})")
            return found

        any_ = node.kind == "any_member"
        truth = self._over_members(met, "or" if any_ else "and", not any_)
        at = row.ref(rows)
        assert isinstance(at, int)
        return truth, Entry(row.ref(truth.certain), row.ref(truth.possible), None, None, at, inner.layout)

    # -- whole functions --

    def reads(self) -> Reads:
        """The slots that what was written reads."""
        whole = (at for level, at in self.head_reads if level == "household")
        return Reads(tuple(sorted(whole)), tuple(sorted(self.own)), tuple(sorted(self.each)), self.loops)

    def function(self, name: str, parameters: str, returns: str) -> str:
        body = [*self.head, *self.scopes[0].lines, f"return {returns}"]
        if self.uses_tables:
            body.insert(0, "u = []")
        return "\n".join([f"def {name}({parameters}):", *(f"    {text}" for text in body), ""])


def one(q: Q) -> Num:
    """A number whose two ends are one term."""
    return Num(q, q)


def _listed(expr: Expr) -> bool:
    """A list of choices written in the rule has no value of its own."""
    return expr.op == "literal" and isinstance(expr.value, tuple)


def always_known(rulebook: Rulebook, policy: Policy) -> frozenset[str]:
    """The figures that have a published value on every day the policy is in force: their two ends are one."""
    found = set()
    for parameter in rulebook.parameters.values():
        values = [v for n, v in enumerate(parameter.values) if policy.to_date is None or v.from_date <= policy.to_date]
        during = [v for n, v in enumerate(values) if n + 1 == len(values) or values[n + 1].from_date > policy.from_date]
        if (
            not parameter.keys
            and during
            and during[0].from_date <= policy.from_date
            and all(v.value is not None for v in during)
        ):
            found.add(parameter.name)
    return frozenset(found)


def policy_function(
    rulebook: Rulebook, policy: Policy, slots: Slots, index: dict[str, int], flat: bool = False
) -> Generated:
    """The function that decides one version of one policy for its household or one member.

    `flat`: for when everything it reads is settled, so that every value has one end. It returns (certainly, possibly,
    items, trace row, names of figures that were not published).
    """
    known = frozenset[str]() if flat else always_known(rulebook, policy)
    fold = PythonFold(slots, rulebook.choices, rulebook.parameters, index, known, flat)
    member = policy.level == "member"
    if member:
        fold.scopes[0].member = "m"
    row = _Row()
    for let in policy.lets:
        if let.condition is not None:
            fold.lets[let.name] = fold.condition(let.condition, row)
        else:
            assert let.expr is not None
            fold.lets[let.name] = fold.value(let.expr)
            at = row.value(fold.lets[let.name])
            assert at is not None
            row.layout.lets[let.name] = at
    when = fold.condition(policy.when, row)
    items = [_item(fold, item, when, row) for item in policy.gives]
    for note in policy.notes:
        fold.condition(note.condition, row)
    for document in policy.documents:
        if document.condition is not None:
            fold.condition(document.condition, row)
    for place in (when.certain, when.possible):
        row.ref(place)
    name = f"policy_{policy.id}_{policy.from_date:%Y%m%d}" + ("_flat" if flat else "")
    given = "(" + "".join(f"({', '.join(map(str, item))}), " for item in items) + ")"
    unpublished = "u" if fold.uses_tables else "()"
    returns = f"{when.certain}, {when.possible}, {given}, {row.text()}, {unpublished}"
    source = fold.function(name, ("m, " if member else "") + "h, ms, P, on", returns)
    return Generated(name, source, row.layout, fold.reads())


def _item(fold: PythonFold, item: Item, when: Truth, row: _Row) -> tuple[Term, Term, Term, Term, Term, Term]:
    """least and most in fen, whether it is given (certainly, possibly), least and most months."""
    given = when
    if item.condition is not None:
        given = ends.all_of(fold, [when, fold.condition(item.condition, row)])
    least: Term = 0
    most: Term = 0
    if item.amount is not None:
        amount = fold.number(item.amount)
        row.layout.amounts[item.id] = row.number(amount)
        zero = ends.constant(Fraction(0))
        step = item.round_to if item.round_to is not None else Fraction(1, 100)
        fen = [_fen(fold, end, step, item.round_mode or "down") for end in _ends(ends.most_of(fold, amount, zero))]
        least = 0 if item.up_to else fold.keep(fold.pick(given.certain, fen[0], 0))
        most = fold.keep(fold.pick(given.possible, fen[-1], 0))
    months: tuple[Term, Term] = (12, 12)
    if item.for_months is not None:
        count = fold.number(item.for_months)
        months = (fold.keep(fold.parts(count.lo, 1)), fold.keep(fold.parts(count.hi, 1)))
    return least, most, given.certain, given.possible, *months


def _ends(x: Num) -> tuple[Q, ...]:
    return (x.lo,) if x.exact else (x.lo, x.hi)


def _fen(fold: PythonFold, q: Q, step: Fraction, mode: str) -> Term:
    rounded = ends.q_round(fold, q, step, mode)
    return fold.keep(fold.floor(fold.mul(rounded.n, 100), rounded.k))


def derive_function(
    rulebook: Rulebook, slots: Slots, index: dict[str, int], flat: bool = False
) -> tuple[str, dict[str, Layout]]:
    """The function that works out every derived fact into its slots, and the layout of each one's trace row.

    It returns a mapping from fact to its trace row (household) or rows (members, in order), and the figures that were
    not published; it raises Refused where the facts cannot be.
    """
    fold = PythonFold(slots, rulebook.choices, rulebook.parameters, index, frozenset(), flat)
    fold.reads_late = True
    layouts: dict[str, Layout] = {}
    for level, facts in _batches(rulebook):
        inside = level == "member"
        if inside:
            for fact in facts:
                fold.line(f"t_{fact.name} = []")
            fold.enter()
        for fact in facts:
            layouts[fact.name] = _derive(fold, fact, slots)
        if inside:
            fold.leave()
        else:
            fold.scopes[0].reads.clear()
    fold.uses_tables = True
    rows = ", ".join(f"{name!r}: t_{name}" for name in layouts)
    return fold.function("derive_flat" if flat else "derive", "h, ms, P, on", f"{{{rows}}}, u"), layouts


def _batches(rulebook: Rulebook) -> list[tuple[str, list[Fact]]]:
    """Derived facts in an order in which each comes after what it reads, as few loops over members as possible."""
    left = [fact for fact in rulebook.facts.values() if fact.derived]
    reads = {fact.name: _facts_read(fact) for fact in left}
    done = {fact.name for fact in rulebook.facts.values() if not fact.derived}
    found: list[tuple[str, list[Fact]]] = []
    level = "member"
    while left:
        batch: list[Fact] = []
        for fact in list(left):
            # inside one loop a member's later fact may read an earlier one of the same member, but not other members'
            near = done | {f.name for f in batch} if not _reads_members(fact) else done
            if fact.level == level and reads[fact.name] <= near:
                batch.append(fact)
                left.remove(fact)
        if batch:
            found.append((level, batch))
            done |= {fact.name for fact in batch}
        level = "household" if level == "member" else "member"
    return found


def _exprs(fact: Fact) -> list[Expr]:
    if fact.expr is not None:
        return list(fact.expr.walk())
    return list(fact.condition.exprs()) if fact.condition else []


def _facts_read(fact: Fact) -> set[str]:
    return {expr.name for expr in _exprs(fact) if expr.op == "fact"}


def _reads_members(fact: Fact) -> bool:
    asks = any(expr.op.endswith("_member") or expr.op.endswith("_members") for expr in _exprs(fact))
    quantified = fact.condition is not None and any(
        n.kind in ("any_member", "every_member") for n in fact.condition.walk()
    )
    return fact.level == "household" or asks or quantified


def _derive(fold: PythonFold, fact: Fact, slots: Slots) -> Layout:
    row = _Row()
    slot = slots.facts[fact.name]
    where = fold.scopes[-1].member or "h"
    if fact.condition is not None:
        truth = fold.condition(fact.condition, row)
        fold.line(f"{where}[{slot.at}] = {truth.certain}; {where}[{slot.at + 1}] = {truth.possible}")
    else:
        assert fact.expr is not None
        value = fold.value(fact.expr)
        if isinstance(value, Num):
            value = _within_limits(fold, fact, value)
            slot = _store_number(fold, fact, value, slots, where)
        elif isinstance(value, Mask):
            fold.line(f"{where}[{slot.at}] = {where}[{slot.at + 1}] = {value.term}")
        elif isinstance(value, Several):
            fold.line(f"{where}[{slot.at}] = {value.must}; {where}[{slot.at + 1}] = {value.may}")
        found = row.value(value)
        assert found is not None
        row.layout.lets[fact.name] = found
    # what was just stored may be read again in this block: forget older reads of these slots
    for at in (slot.at, slot.at + 1):
        fold.scopes[-1].reads.pop((slot.level, at), None)
    fold.line(f"t_{fact.name} = {row.text()}" if where == "h" else f"t_{fact.name}.append({row.text()})")
    return row.layout


def _within_limits(fold: PythonFold, fact: Fact, value: Num) -> Num:
    """Refuse what cannot be, and draw the ends into the declared limits."""
    assert fact.expr is not None
    worked = fact.expr.type
    least = fact.type.least if worked.least < fact.type.least else None
    most = fact.type.most if worked.most > fact.type.most else None
    if least is not None:
        fold.line(f"if {ends.q_less(fold, value.hi, ends.constant(least).lo)}: raise Refused({fact.name!r})")
    if most is not None:
        fold.line(f"if {ends.q_less(fold, ends.constant(most).lo, value.lo)}: raise Refused({fact.name!r})")
    return ends.clamp(fold, value, least, most)


def _store_number(fold: PythonFold, fact: Fact, value: Num, slots: Slots, where: str) -> Slot:
    slot = slots.facts[fact.name]
    if not fold.flat:  # the flat function keeps to the slots the ranged one was given
        k = math.lcm(value.lo.k, value.hi.k)
        slot = slots.facts[fact.name] = Slot(slot.level, slot.at, k)
        if not (value.lo.d == 1 and value.hi.d == 1):
            slot = slots.with_denominators(fact.name, k)
    numerators = [fold.mul(q.n, slot.scale // q.k) for q in (value.lo, value.hi)]
    assert all(slot.scale % q.k == 0 for q in (value.lo, value.hi)), fact.name
    fold.line(f"{where}[{slot.at}] = {numerators[0]}; {where}[{slot.at + 1}] = {numerators[1]}")
    if slot.d is not None:
        fold.line(f"{where}[{slot.d}] = {value.lo.d}; {where}[{slot.d + 1}] = {value.hi.d}")
    return slot
