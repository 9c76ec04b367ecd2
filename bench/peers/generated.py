"""One flat Python function for a whole edition, written out from the same terms: nothing unknown, no outcome kept.

For the real catalogue nobody wrote this by hand: it is generated, with one end of every value, figures as constants,
household values in local variables and members in as few loops as the rules allow. What it measures is how fast the
same rules are as plain Python.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bench.peers import Answers, Facts
from bench.peers.closures import Found, Row, answers_of, rows
from bench.peers.jiuzhu import ON, Jiuzhu
from bench.peers.terms import Block, Graph, Node, Unit, graph
from engine.decide.program import Program
from engine.language.ends import Term
from engine.language.household import Household

_INFIX = {
    "+": "+",
    "-": "-",
    "*": "*",
    "//": "//",
    "<": "<",
    "<=": "<=",
    "==": "==",
    "|": "|",
    "and": "and",
    "or": "or",
}


class _Writer:
    """Writes the units of a graph one after another into one function."""

    def __init__(self, made: Graph):
        self.made = made
        self.lines: list[str] = []
        self.indent = 1
        self.objects: dict[str, Any] = {}
        self.household: set[int] = set()  # slots that already stand in a local variable
        self.member: set[int] = set()
        self.names: dict[int, str] = {}  # node number -> local name, within one unit
        self.who = "m"
        self.unit = 0

    def line(self, text: str) -> None:
        self.lines.append("    " * self.indent + text)

    def function(self) -> str:
        in_loop = False
        for number, unit in enumerate(self.made.units):
            self.unit, self.names = number, {}
            if unit.level == "member" and (not in_loop or unit.loops):
                self.indent = 1
                self.line("for p, m in enumerate(ms):")
                self.member.clear()
            in_loop = unit.level == "member"
            self.indent = 2 if in_loop else 1
            self.write(unit)
        self.indent = 1
        self.line("return found")
        return "\n".join(["def decide(h, ms):", "    found = []", *self.lines, ""])

    def write(self, unit: Unit) -> None:
        member = unit.level == "member"
        self.who = "m"
        self.place(unit.block)
        roots = [self.text(root) for root in unit.roots]
        if unit.policy is None:
            for at, root in zip(unit.writes, roots, strict=True):
                self.line(f"m{at} = m[{at}] = {root}" if member else f"h{at} = {root}")
                (self.member if member else self.household).add(at)
            return
        met, *amounts = roots
        names = [f"{'m' if member else 'h'}{at}" for at in unit.slots]
        if member:
            self.line(f"{names[0]} = {names[1]} = m[{unit.slots[0]}] = m[{unit.slots[1]}] = {met}")
        else:
            self.line(f"{names[0]} = {names[1]} = {met}")
        (self.member if member else self.household).update(unit.slots)
        values = "".join(f"{text}, " for text in (names[0], *amounts))
        self.line(f"found.append(({unit.name!r}, {'p' if member else 0}, ({values})))")

    def place(self, block: Block) -> None:
        for node in block.nodes:
            if node.op == "members":
                self.loop(node)
            else:
                text = self.written(node)
                self.names[node.number] = name = f"v{self.unit}_{node.number}"
                self.line(f"{name} = {text}")

    def loop(self, node: Node) -> None:
        assert node.inner is not None
        name = self.names[node.number] = f"v{self.unit}_{node.number}"
        outer, self.who = self.who, f"m{self.unit}_{node.number}"
        self.line(f"{name} = {({'sum': '0', 'any': 'False', 'every': 'True'})[node.kind]}")
        self.line(f"for {self.who} in ms:")
        self.indent += 1
        self.place(node.inner)
        root = self.text(node.args[0])
        if node.kind == "sum":
            self.line(f"{name} += {root}")
        else:
            self.line(f"if {root}:" if node.kind == "any" else f"if not {root}:")
            self.line(f"    {name} = {node.kind == 'any'}")
            self.line("    break")
        self.indent -= 1
        self.who = outer

    def text(self, term: Term) -> str:
        if not isinstance(term, Node):
            return repr(term)
        return self.names.get(term.number) or self.written(term)

    def written(self, node: Node) -> str:
        op, args = node.op, node.args
        if op == "h":
            if args[0] not in self.household:
                self.household.add(args[0])
                self.lines.insert(0, f"    h{args[0]} = h[{args[0]}]")
            return f"h{args[0]}"
        if op == "m":
            if self.who != "m":
                return f"{self.who}[{args[0]}]"
            if args[0] not in self.member:
                self.member.add(args[0])
                self.line(f"m{args[0]} = m[{args[0]}]")
            return f"m{args[0]}"
        if op in _INFIX:
            return f"({self.text(args[0])} {_INFIX[op]} {self.text(args[1])})"
        if op == "meets":
            return f"({self.text(args[0])} & {self.text(args[1])} != 0)"
        if op == "not":
            return f"(not {self.text(args[0])})"
        if op == "pick":
            return f"({self.text(args[1])} if {self.text(args[0])} else {self.text(args[2])})"
        name = f"f{len(self.objects)}"
        if op == "table":
            self.objects[name] = args[0]
            return f"{name}({', '.join(self.text(arg) for arg in args[1:])})"
        assert op == "marginal", op
        self.objects[name] = args[0].marginal_lo
        return f"{name}([], {self.text(args[2])}, {self.text(args[3])})"


def flat(made: Graph) -> tuple[Callable[[Row, list[Row]], list[Found]], str]:
    """The function over filled rows, and its source."""
    writer = _Writer(made)
    source = writer.function()
    space: dict[str, Any] = dict(writer.objects)
    exec(compile(source, "<flat>", "exec"), space)  # our own text, made from a checked tree
    return space["decide"], source


class Generated(Jiuzhu):
    """The flat function on a read household."""

    name = "flat generated Python"
    how = "one generated function, every fact known, no outcome kept; from a read household"

    def __init__(self, program: Program):
        super().__init__(program)
        self.edition = program.edition(ON)
        self.run, self.source = flat(graph(program, self.edition, False))

    def decide(self, prepared: Household) -> Any:
        return self.run(*rows(self.program, self.edition, prepared))

    def answers(self, decided: Any, facts: Facts) -> Answers:
        return answers_of(self.program, decided, False, self.prepare(facts))
