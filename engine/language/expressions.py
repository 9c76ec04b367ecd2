"""The text of an expression becomes a checked `Expr`, or problems at the very characters that are wrong.

The grammar is a whitelist over the standard library's `ast`; nothing else parses, so a hostile file cannot run code.
Cost is bounded before parsing: 1,000 characters, 30 levels. Numbers are read from the source text, never from `ast`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from fractions import Fraction

from engine.language.model import ChoiceSet, Fact, Let, Parameter
from engine.language.operators import FUNCTIONS, OPERATORS, ROUND_STEPS, Operator
from engine.language.places import Place
from engine.language.problems import Problems
from engine.language.tree import Expr
from engine.language.types import DATE, PLAIN, YES_NO, Base, Type

LONGEST = 1_000
DEEPEST = 30
ALLOWED_NUMBERS = frozenset(map(Fraction, (0, 1, 2, 12, 100)))

_NUMBER = re.compile(r"(?:0|[1-9][0-9]*)(?:\.[0-9]+)?\Z")
_PLAIN_TEXT = re.compile(r'"[^"\\\n]*"\Z|\'[^\'\\\n]*\'\Z')
_OUTSIDE_TEXT = re.compile(r'"[^"]*"|\'[^\']*\'')
# Words and signs: every level of a tree takes one at least, so that few of them cannot be deep and need no walk.
_SIGNS = re.compile(r"\w+|[^\w\s]")
_COMPARE: dict[type[ast.cmpop], str] = {
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.In: "in",
    ast.NotIn: "not in",
}
_BINARY: dict[type[ast.operator], str] = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}
_KINDS: dict[type[ast.AST], tuple[str, str]] = {
    ast.Attribute: ("a dot", "点号"),
    ast.Lambda: ("lambda", "lambda"),
    ast.ListComp: ("a comprehension", "推导式"),
    ast.GeneratorExp: ("a comprehension", "推导式"),
    ast.SetComp: ("a comprehension", "推导式"),
    ast.DictComp: ("a comprehension", "推导式"),
    ast.Dict: ("a dictionary", "字典"),
    ast.Set: ("a set", "集合"),
    ast.JoinedStr: ("an f-string", "f 字符串"),
    ast.NamedExpr: ("an assignment", "赋值"),
    ast.Slice: ("a slice", "切片"),
    ast.Starred: ("a star", "星号"),
    ast.Await: ("await", "await"),
    ast.Yield: ("yield", "yield"),
}


@dataclass(frozen=True, slots=True)
class Names:
    """Every name a rule may use, and what it stands for."""

    choices: dict[str, ChoiceSet]
    facts: dict[str, Fact]
    parameters: dict[str, Parameter]
    policies: dict[str, str]  # id -> level

    def all(self) -> list[str]:
        return [*self.facts, *self.parameters, *self.policies, "on"]


# Functions over members in one another: each takes as long again as the household has members, and what lies inside
# another cannot hang on the member outside, so that a name of its own (`let`) says the same.
MOST_LOOPS = 2


@dataclass(frozen=True, slots=True)
class Scope:
    """Where an expression stands: whose facts are bare, which `let` results exist, whether policies may be asked."""

    names: Names
    problems: Problems
    level: str = "household"
    in_members: int = 0  # how many functions over members lie around it
    lets: dict[str, Let] = field(default_factory=dict)
    policies: bool = True

    def inside_members(self) -> Scope:
        return replace(self, in_members=self.in_members + 1)

    @property
    def reads_members(self) -> bool:
        return self.in_members > 0 or self.level == "member"


class _Stop(Exception):
    """This expression has a problem that was noted; the rest of it is not looked at."""


def read_expression(text: str, place: Place, scope: Scope, wanted: Type | None = None) -> Expr | None:
    """The checked tree of `text`, or None with its problems noted. `wanted` types a bare choice."""
    problems = scope.problems
    if len(text) > LONGEST:
        problems.add("expression-too-long", place, length=len(text), limit=LONGEST)
        return None
    if sum(map(text.count, "([{")) > DEEPEST and _brackets(text) > DEEPEST:
        problems.add("expression-too-deep", place, limit=DEEPEST)
        return None
    if not text.isascii() and not _OUTSIDE_TEXT.sub("", text).isascii():
        at = next(i for i, ch in enumerate(_blank_texts(text)) if not ch.isascii())
        hint = ("use plain brackets, commas and quotes", "请使用半角括号、逗号和引号")
        problems.add("not-allowed", place.shifted(at, at + 1), hint, what=f"the character '{text[at]}'")
        return None
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except SyntaxError as error:
        at = max(0, (error.offset or 1) - 1)
        problems.add("expression-syntax", place.shifted(min(at, len(text)), min(at, len(text)) + 1), why=error.msg)
        return None
    except (RecursionError, MemoryError, ValueError):
        problems.add("expression-too-deep", place, limit=DEEPEST)
        return None
    if len(_SIGNS.findall(text)) > DEEPEST and _depth(tree) > DEEPEST:
        problems.add("expression-too-deep", place, limit=DEEPEST)
        return None
    lead = len(text) - len(text.lstrip())
    try:
        return _Reader(text.strip(), place.shifted(lead, len(text)), scope).read(tree.body, wanted)
    except _Stop:
        return None


def _blank_texts(text: str) -> str:
    return _OUTSIDE_TEXT.sub(lambda m: " " * len(m.group()), text)


def _brackets(text: str) -> int:
    depth = deepest = 0
    for ch in text:
        if ch in "([{":
            depth += 1
            deepest = max(deepest, depth)
        elif ch in ")]}":
            depth -= 1
    return deepest


def _depth(tree: ast.AST) -> int:
    deepest, stack = 0, [(tree, 0)]
    while stack:
        node, depth = stack.pop()
        deepest = max(deepest, depth)
        stack.extend((child, depth + 1) for child in ast.iter_child_nodes(node))
        if deepest > 2 * DEEPEST:
            break
    return deepest - 1


class _Reader:
    """Reads one expression. Each method turns one kind of `ast` node into a typed `Expr`."""

    def __init__(self, text: str, place: Place, scope: Scope):
        self.text, self.place, self.scope = text, place, scope
        self.bytes = b"" if text.isascii() else text.encode()  # where a character may be more than one of them

    # -- places and problems --

    def span(self, node: ast.AST) -> tuple[int, int]:
        """Where a node begins and ends in the text, in characters (`ast` counts bytes); else all of it."""
        start, end = getattr(node, "col_offset", 0), getattr(node, "end_col_offset", None)
        if self.bytes:
            start = len(self.bytes[:start].decode(errors="ignore"))
            end = len(self.bytes[:end].decode(errors="ignore")) if end else None
        return start, end or len(self.text)

    def at(self, node: ast.AST) -> Place:
        return self.place.shifted(*self.span(node))

    def source(self, node: ast.AST) -> str:
        start, end = self.span(node)
        return self.text[start:end]

    def report(self, code: str, at: Place, hint: tuple[str, str] | str = "", /, **words: object) -> None:
        self.scope.problems.add(code, at, hint, **words)

    def stop(self, code: str, node: ast.AST, hint: tuple[str, str] | str = "", /, **words: object) -> _Stop:
        self.report(code, self.at(node), hint, **words)
        return _Stop()

    # -- the walk --

    def read(self, node: ast.expr, wanted: Type | None = None) -> Expr:
        method = _READ.get(type(node))
        if method is not None:
            return method(self, node, wanted)
        en, zh = next((words for kind, words in _KINDS.items() if isinstance(node, kind)), ("this", "此写法"))
        raise self.stop("not-allowed", node, what=en, what_zh=zh)

    def operator(self, op: str, args: tuple[Expr, ...], node: ast.AST) -> Expr:
        row = OPERATORS[op]
        assert row.result is not None
        found = row.result(self, row, args, self.at(node))
        if found is None:
            raise _Stop
        return Expr(op, found, args, at=self.at(node))

    def constant(self, node: ast.Constant, wanted: Type | None) -> Expr:
        source = self.source(node)
        if isinstance(node.value, bool):
            raise self.stop("not-allowed", node, what=f"'{source}'", what_zh=f"“{source}”")
        if isinstance(node.value, str):
            return self.text_literal(node, source, wanted)
        if not _NUMBER.match(source):
            raise self.stop("not-allowed", node, what=f"'{source}'")
        value = Fraction(source)
        if value not in ALLOWED_NUMBERS:
            hint = (
                "only 0, 1, 2, 12 and 100 may stand in a rule; declare the rest in rules/parameters",
                "规则中只能出现 0、1、2、12、100；其余请在 rules/parameters 中声明",
            )
            raise self.stop("number-in-rule", node, hint, text=source)
        return Expr("literal", Type(Base.WHOLE, PLAIN, least=value, most=value), value=value, at=self.at(node))

    def text_literal(self, node: ast.AST, source: str, wanted: Type | None) -> Expr:
        if not _PLAIN_TEXT.match(source):
            raise self.stop(
                "not-allowed", node, ("write one plain text in quotes", "请写一个带引号的普通文本"), what="this text"
            )
        if wanted is None or wanted.base not in (Base.CHOICE, Base.CHOICES):
            hint = ("a text names a choice: compare it with a choice fact", "文本是选项的名称：请与选项型事实比较")
            raise self.stop(
                "wrong-type",
                node,
                hint,
                what="this",
                wanted="a number or a condition",
                wanted_zh="数值或条件",
                found="text",
                found_zh="文本",
            )
        known = self.scope.names.choices[wanted.choices]
        value = source[1:-1]
        if value not in known.values:
            hint = self.scope.problems.near(value, known.values)
            raise self.stop("unknown-choice", node, hint, text=value, name=wanted.choices)
        return Expr("literal", Type(Base.CHOICE, choices=wanted.choices), value=value, at=self.at(node))

    def name(self, node: ast.Name, wanted: Type | None) -> Expr:
        name, names, at = node.id, self.scope.names, self.at(node)
        if name in self.scope.lets:
            return Expr("let", self.scope.lets[name].type, name=name, at=at)
        if name == "on":
            return Expr("on", DATE, at=at)
        if name in names.facts:
            return self.fact(names.facts[name], node)
        if name in names.parameters:
            parameter = names.parameters[name]
            if parameter.keys:
                raise self.stop("table-without-key", node, name=name)
            return Expr("parameter", parameter.type, name=name, at=at)
        if name in names.policies:
            hint = (
                f"ask qualifies({name}), receives({name}) or holds({name})",
                f"请写 qualifies({name})、receives({name}) 或 holds({name})",
            )
            raise self.stop(
                "wrong-type",
                node,
                hint,
                what=f"'{name}'",
                wanted="a fact or parameter",
                wanted_zh="事实或参数",
                found="a policy",
                found_zh="政策",
            )
        known = [*names.all(), *self.scope.lets]
        raise self.stop("unknown-name", node, self.scope.problems.near(name, known), name=name)

    def fact(self, fact: Fact, node: ast.AST) -> Expr:
        if fact.level == "member" and not self.scope.reads_members:
            raise self.stop(
                "wrong-level",
                node,
                name=fact.name,
                level="each member",
                level_zh="每名成员",
                way_out=f"ask any_member({fact.name} …) or sum_members({fact.name})",
                way_out_zh=f"请写 any_member({fact.name} …) 或 sum_members({fact.name})",
            )
        if fact.type.base is Base.TEXT:
            raise self.stop("text-in-rule", node, name=fact.name)
        return Expr("fact", fact.type, name=fact.name, level=fact.level, at=self.at(node))

    def binary(self, node: ast.BinOp, wanted: Type | None) -> Expr:
        op = _BINARY.get(type(node.op))
        if op is None:
            raise self.stop("not-allowed", node, what=f"'{self.source(node)}'")
        args = (self.read(node.left), self.read(node.right))
        return self.operator(op, args, node)

    def unary(self, node: ast.UnaryOp, wanted: Type | None) -> Expr:
        if isinstance(node.op, ast.Not):
            return self.operator("not", (self.read(node.operand),), node)
        if isinstance(node.op, ast.USub):
            return self.operator("negative", (self.read(node.operand),), node)
        raise self.stop("not-allowed", node, what=f"'{self.source(node)}'")

    def logic(self, node: ast.BoolOp, wanted: Type | None) -> Expr:
        for part in node.values:
            if isinstance(part, ast.BoolOp) and type(part.op) is not type(node.op) and not self.bracketed(part):
                raise self.stop("brackets-needed", node)
        args = tuple(self.read(part) for part in node.values)
        return self.operator("and" if isinstance(node.op, ast.And) else "or", args, node)

    def bracketed(self, node: ast.AST) -> bool:
        start, end = self.span(node)
        return self.text[:start].rstrip().endswith("(") and self.text[end:].lstrip().startswith(")")

    def compare(self, node: ast.Compare, wanted: Type | None) -> Expr:
        operands = [node.left, *node.comparators]
        parts: list[Expr] = []
        for number, op in enumerate(node.ops):
            name = _COMPARE.get(type(op))
            if name is None:
                raise self.stop("not-allowed", node, what="'is'")
            parts.append(self.one_comparison(name, operands[number], operands[number + 1], node))
        return parts[0] if len(parts) == 1 else self.operator("and", tuple(parts), node)

    def one_comparison(self, op: str, left: ast.expr, right: ast.expr, node: ast.AST) -> Expr:
        for side, other in ((left, right), (right, left)):
            if self.source(side).lower() in ("true", "false"):
                yes = self.source(side).lower() == "true"
                better = self.source(other) if yes == (op == "==") else f"not {self.source(other)}"
                raise self.stop("compared-with-true", node, better=better)
        if op in ("in", "not in"):
            return self.membership(op, left, right, node)
        if isinstance(left, ast.Constant) and isinstance(left.value, str):
            second = self.read(right)
            return self.operator(op, (self.read(left, second.type), second), node)
        first = self.read(left)
        return self.operator(op, (first, self.read(right, first.type)), node)

    def membership(self, op: str, left: ast.expr, right: ast.expr, node: ast.AST) -> Expr:
        if isinstance(right, ast.List | ast.Tuple):
            first = self.read(left)
            if first.type.base is not Base.CHOICE:
                found = first.type.words("en"), first.type.words("zh")
                raise self.stop(
                    "wrong-type",
                    left,
                    what="what stands before 'in'",
                    wanted="a choice",
                    wanted_zh="选项",
                    found=found[0],
                    found_zh=found[1],
                )
            values = tuple(self.listed(item, first.type) for item in right.elts)
            row = Expr("literal", Type(Base.CHOICE, choices=first.type.choices), value=values, at=self.at(right))
            return Expr(op, YES_NO, (first, row), at=self.at(node))
        second = self.read(right)
        if second.type.base is not Base.CHOICES:
            found = second.type.words("en"), second.type.words("zh")
            raise self.stop(
                "wrong-type",
                right,
                what="what stands after 'in'",
                wanted="a list of choices",
                wanted_zh="选项列表",
                found=found[0],
                found_zh=found[1],
            )
        if not isinstance(left, ast.Constant):
            raise self.stop(
                "wrong-type",
                left,
                what="what stands before 'in'",
                wanted="a choice in quotes",
                wanted_zh="带引号的选项",
                found="an expression",
                found_zh="表达式",
            )
        return Expr(op, YES_NO, (self.read(left, second.type), second), at=self.at(node))

    def listed(self, node: ast.expr, wanted: Type) -> str:
        """One choice of a list: its name in quotes, nothing that would have to be worked out."""
        if not (isinstance(node, ast.Constant) and isinstance(node.value, str)):
            found = self.read(node, wanted).type
            raise self.stop(
                "wrong-type",
                node,
                what="each value of the list",
                wanted="a choice in quotes",
                wanted_zh="带引号的选项",
                found=found.words("en"),
                found_zh=found.words("zh"),
            )
        return str(self.read(node, wanted).value)

    def conditional(self, node: ast.IfExp, wanted: Type | None) -> Expr:
        args = (self.read(node.test), self.read(node.body, wanted), self.read(node.orelse, wanted))
        return self.operator("if", args, node)

    def index(self, node: ast.Subscript, wanted: Type | None) -> Expr:
        if not isinstance(node.value, ast.Name) or node.value.id not in self.scope.names.parameters:
            if isinstance(node.value, ast.Name) and node.value.id not in self.scope.names.all():
                self.name(node.value, None)
            raise self.stop("not-a-table", node.value, name=self.source(node.value))
        parameter = self.scope.names.parameters[node.value.id]
        keys = list(node.slice.elts) if isinstance(node.slice, ast.Tuple) else [node.slice]
        if isinstance(node.slice, ast.Slice):
            raise self.stop("not-allowed", node.slice, what="a slice")
        if len(keys) != len(parameter.keys):
            if not parameter.keys:
                raise self.stop("not-a-table", node.value, name=parameter.name)
            raise self.stop("keys-do-not-fit", node, name=parameter.name, wanted=len(parameter.keys), found=len(keys))
        args = []
        for key, declared in zip(keys, parameter.keys, strict=True):
            arg = self.read(key, declared.type)
            if (declared.choices and arg.type.choices != declared.choices) or (declared.band and not arg.type.numeric):
                raise self.stop(
                    "wrong-type",
                    key,
                    what="this key",
                    wanted=declared.type.words("en"),
                    wanted_zh=declared.type.words("zh"),
                    found=arg.type.words("en"),
                    found_zh=arg.type.words("zh"),
                )
            if declared.band and not arg.type.unit.agrees(declared.type.unit):
                raise self.stop("units-differ", key, left=declared.type.unit, right=arg.type.unit)
            args.append(arg)
        return Expr("parameter", parameter.type, tuple(args), name=parameter.name, at=self.at(node))

    # -- functions --

    def call(self, node: ast.Call, wanted: Type | None) -> Expr:
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if name not in FUNCTIONS:
            known = self.scope.problems.near(name, FUNCTIONS) if name else ("", "")
            if not name:
                raise self.stop("not-allowed", node, what=f"'{self.source(node)}'")
            raise self.stop("unknown-function", node.func, known, name=name)
        row = OPERATORS[name]
        keywords = {k.arg or "**": k.value for k in node.keywords}
        fits = row.arity[0] <= len(node.args) <= row.arity[1] and set(keywords) <= set(row.keywords)
        if not fits or len(keywords) != len(node.keywords) or any(isinstance(a, ast.Starred) for a in node.args):
            raise self.stop("wrong-arguments", node, name=name, wanted=row.takes[0], wanted_zh=row.takes[1])
        if row.form == "members":
            return self.members(row, node, keywords)
        if row.form == "policy":
            return self.policy(row, node)
        if name == "round_to":
            return self.rounding(node)
        if name == "marginal":
            schedule = node.args[1]
            if not (isinstance(schedule, ast.Name) and self.schedule(schedule.id)):
                raise self.stop("wrong-arguments", node, name=name, wanted=row.takes[0], wanted_zh=row.takes[1])
            table = self.scope.names.parameters[schedule.id]
            bands = Expr("parameter", table.type, name=table.name, at=self.at(schedule))
            sliced = self.read(node.args[0])
            if not sliced.type.unit.agrees(table.keys[0].type.unit):
                raise self.stop("units-differ", node, left=sliced.type.unit, right=table.keys[0].type.unit)
            return self.operator(name, (sliced, bands), node)
        return self.operator(name, tuple(self.read(arg) for arg in node.args), node)

    def schedule(self, name: str) -> bool:
        found = self.scope.names.parameters.get(name)
        return found is not None and len(found.keys) == 1 and found.keys[0].band

    def rounding(self, node: ast.Call) -> Expr:
        step = self.source(node.args[1])
        if not _NUMBER.match(step) or Fraction(step) not in ROUND_STEPS:
            row = OPERATORS["round_to"]
            raise self.stop(
                "wrong-arguments", node.args[1], name="round_to", wanted=row.takes[0], wanted_zh=row.takes[1]
            )
        value = Fraction(step)
        literal = Expr("literal", Type(Base.NUMBER, least=value, most=value), value=value, at=self.at(node.args[1]))
        return self.operator("round_to", (self.read(node.args[0]), literal), node)

    def members(self, row: Operator, node: ast.Call, keywords: dict[str, ast.expr]) -> Expr:
        if self.scope.in_members == MOST_LOOPS:
            raise self.stop("members-nested", node, limit=MOST_LOOPS)
        inner = _Reader(self.text, self.place, self.scope.inside_members())
        body = inner.read(node.args[0])
        args = [body]
        condition = row.name in ("any_member", "every_member", "count_members")
        if condition != (body.type.base is Base.YES_NO) or (not condition and not body.type.numeric):
            found = body.type.words("en"), body.type.words("zh")
            want = ("a condition", "条件") if condition else ("a number", "数值")
            raise self.stop(
                "wrong-type",
                node.args[0],
                what=f"what {row.name} takes",
                wanted=want[0],
                wanted_zh=want[1],
                found=found[0],
                found_zh=found[1],
            )
        if "where" in keywords:
            where = inner.read(keywords["where"])
            if where.type.base is not Base.YES_NO:
                raise self.stop(
                    "wrong-type",
                    keywords["where"],
                    what="where=",
                    wanted="a condition",
                    wanted_zh="条件",
                    found=where.type.words("en"),
                    found_zh=where.type.words("zh"),
                )
        else:
            where = Expr("literal", YES_NO, value=True, at=self.at(node))
        args.append(where)
        kind = body.type
        if row.name in ("any_member", "every_member"):
            kind = YES_NO
        elif row.name == "count_members":
            kind = Type(Base.WHOLE, least=Fraction(0), most=Fraction(60))
        elif row.name == "sum_members":
            kind = kind.within(min(Fraction(0), 60 * kind.least), max(Fraction(0), 60 * kind.most))
        else:
            if "otherwise" not in keywords:
                raise self.stop("wrong-arguments", node, name=row.name, wanted=row.takes[0], wanted_zh=row.takes[1])
            otherwise = self.read(keywords["otherwise"])
            if not otherwise.type.numeric or not (otherwise.type.unit.agrees(kind.unit) or otherwise.value == 0):
                raise self.stop("units-differ", keywords["otherwise"], left=kind.unit, right=otherwise.type.unit)
            args.append(otherwise)
            kind = kind.within(min(kind.least, otherwise.type.least), max(kind.most, otherwise.type.most))
        return Expr(row.name, kind, tuple(args), at=self.at(node))

    def policy(self, row: Operator, node: ast.Call) -> Expr:
        arg = node.args[0]
        if not isinstance(arg, ast.Name):
            raise self.stop("wrong-arguments", node, name=row.name, wanted=row.takes[0], wanted_zh=row.takes[1])
        if not self.scope.policies:
            raise self.stop("fact-uses-policy", node)
        level = self.scope.names.policies.get(arg.id)
        if level is None:
            hint = self.scope.problems.near(arg.id, self.scope.names.policies)
            raise self.stop("unknown-policy", arg, hint, name=arg.id)
        if level == "member" and not self.scope.reads_members:
            raise self.stop(
                "wrong-level",
                arg,
                name=arg.id,
                level="each member",
                level_zh="每名成员",
                way_out=f"ask any_member({row.name}({arg.id}))",
                way_out_zh=f"请写 any_member({row.name}({arg.id}))",
            )
        return Expr(row.name, YES_NO, name=arg.id, level=level, at=self.at(node))


_READ: dict[type[ast.expr], Callable[..., Expr]] = {
    ast.Constant: _Reader.constant,
    ast.Name: _Reader.name,
    ast.BinOp: _Reader.binary,
    ast.UnaryOp: _Reader.unary,
    ast.BoolOp: _Reader.logic,
    ast.Compare: _Reader.compare,
    ast.IfExp: _Reader.conditional,
    ast.Subscript: _Reader.index,
    ast.Call: _Reader.call,
}
