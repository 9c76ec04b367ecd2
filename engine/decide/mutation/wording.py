"""The small changes one expression can suffer: each is an expression again, and should mean something else."""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator

# A change is found on the tree of the standard library, which the reader has already passed, and written out again.
_BOUNDS: dict[type[ast.cmpop], type[ast.cmpop]] = {ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt}
_OPPOSITES: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
_CALLS = {
    "holds": ("receives", "grant"),
    "min": ("max", "extreme"),
    "max": ("min", "extreme"),
    "any_member": ("every_member", "group"),
    "every_member": ("any_member", "group"),
}


def changes(text: str) -> Iterator[tuple[str, str]]:
    """Every change of an expression the reader accepts: its kind (a row of `KINDS`) and the changed text, each once."""
    tree = ast.parse(text.strip(), mode="eval").body
    seen = {_written(tree)}
    for place, node in enumerate(ast.walk(tree)):
        for kind, change in _changes_of(node):
            changed = _changed(tree, place, change)
            if changed not in seen:
                seen.add(changed)
                yield kind, changed


def _changed(tree: ast.expr, place: int, change: Callable[[ast.AST], ast.AST]) -> str:
    """The text of `tree` with its `place`-th node changed."""
    whole = ast.Expression(copy.deepcopy(tree))
    target = list(ast.walk(whole.body))[place]
    new = change(target)
    if new is not target:
        for parent in ast.walk(whole):
            for name, value in ast.iter_fields(parent):
                if value is target:
                    setattr(parent, name, new)
                elif isinstance(value, list):
                    value[:] = [new if each is target else each for each in value]
    return _written(whole.body)


def _written(tree: ast.expr) -> str:
    bracketed = _Brackets().visit(copy.deepcopy(tree))
    return ast.unparse(bracketed).replace("'", '"')  # a text of the language holds no quote


class _Brackets(ast.NodeTransformer):
    """Puts brackets around `and` beside `or`, which the language asks for and the standard library leaves out."""

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.AST:
        self.generic_visit(node)
        for at, value in enumerate(node.values):
            if isinstance(value, ast.BoolOp) and type(value.op) is not type(node.op):
                node.values[at] = ast.Name(f"({ast.unparse(value)})")
        return node


def _changes_of(node: ast.AST) -> Iterator[tuple[str, Callable[[ast.AST], ast.AST]]]:
    """The changes that begin at one node; each is a function of that node in a copy of the tree."""
    if isinstance(node, ast.Compare):
        for at, op in enumerate(node.ops):
            for kind, table in (("bound", _BOUNDS), ("opposite", _OPPOSITES)):
                if type(op) in table:
                    yield kind, _with_operator(at, table[type(op)])
            listed = node.comparators[at]
            if isinstance(listed, ast.List | ast.Tuple) and len(listed.elts) > 1:
                for choice in range(len(listed.elts)):
                    yield "dropped", _without_choice(at, choice)
    elif isinstance(node, ast.BoolOp):
        yield "group", _with_logic(ast.Or if isinstance(node.op, ast.And) else ast.And)
        for at in range(len(node.values)):
            yield "dropped", _without_operand(at)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield "opposite", lambda n: n.operand  # type: ignore[attr-defined]
    elif isinstance(node, ast.IfExp):
        yield "branch", lambda n: n.body  # type: ignore[attr-defined]
        yield "branch", lambda n: n.orelse  # type: ignore[attr-defined]
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        if node.func.id in _CALLS:
            name, kind = _CALLS[node.func.id]
            yield kind, _with_name(name)
        if any(keyword.arg == "where" for keyword in node.keywords):
            yield "dropped", _without_where


def _with_operator(at: int, op: type[ast.cmpop]) -> Callable[[ast.AST], ast.AST]:
    def change(node: ast.AST) -> ast.AST:
        assert isinstance(node, ast.Compare)
        node.ops[at] = op()
        return node

    return change


def _with_logic(op: type[ast.boolop]) -> Callable[[ast.AST], ast.AST]:
    def change(node: ast.AST) -> ast.AST:
        assert isinstance(node, ast.BoolOp)
        node.op = op()
        return node

    return change


def _without_operand(at: int) -> Callable[[ast.AST], ast.AST]:
    def change(node: ast.AST) -> ast.AST:
        assert isinstance(node, ast.BoolOp)
        del node.values[at]
        return node if len(node.values) > 1 else node.values[0]

    return change


def _without_choice(at: int, choice: int) -> Callable[[ast.AST], ast.AST]:
    def change(node: ast.AST) -> ast.AST:
        assert isinstance(node, ast.Compare)
        listed = node.comparators[at]
        assert isinstance(listed, ast.List | ast.Tuple)
        del listed.elts[choice]
        return node

    return change


def _without_where(node: ast.AST) -> ast.AST:
    assert isinstance(node, ast.Call)
    node.keywords = [keyword for keyword in node.keywords if keyword.arg != "where"]
    return node


def _with_name(name: str) -> Callable[[ast.AST], ast.AST]:
    def change(node: ast.AST) -> ast.AST:
        assert isinstance(node, ast.Call)
        node.func = ast.Name(name)
        return node

    return change
