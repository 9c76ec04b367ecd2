"""The house keeps its floors: who may import whom, where the web framework and the clock may be used.

Every rule is a function from a house (its modules, parsed) to a list of problems, and each is shown small
houses that break it: a rule that cannot fail would hold nothing.
"""

import ast
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

FLOORS = {"engine": 0, "language": 1, "decide": 2, "sweep": 3, "watch": 3, "ledger": 3, "population": 3, "cli": 4, "api": 4}
"""Room -> floor. A room imports itself and lower floors; `engine` is engine/__init__.py alone."""

BESIDE = {("cli", "api"), ("watch", "ledger")}
"""Imports between rooms of one floor that are meant: (who, whom). `jiuzhu serve` starts the service; the steps of an order
are entries of the ledger."""

CONFINED = {"flask": "api", "werkzeug": "api", "durable": "engine.watch", "durable_rules_engine": "engine.watch"}
"""Library -> the only package that may import it."""

EVALUATOR = ("engine.decide.generate*", "engine.decide.evaluate*")
COMPILER = ("engine.sweep", "engine.sweep.*")

CLOCK = {
    *(f"datetime.datetime.{name}" for name in ("now", "utcnow", "today")),
    "datetime.date.today",
    *(f"time.{name}" for name in ("time", "time_ns", "clock_gettime", "clock_gettime_ns")),
    *(f"time.{name}" for name in ("localtime", "gmtime", "ctime", "asctime", "strftime")),
    "uuid.uuid1",
}
"""Names that read the wall clock. time.monotonic and time.perf_counter only measure, and may be used."""

SQL_CLOCK = re.compile(
    r"\bcurrent_(timestamp|date|time)\b|\b(date|time|datetime|julianday|strftime|unixepoch)\s*\([^)]*'now'",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Module:
    name: str  # dotted; a package is called like its folder
    path: str  # as shown in a problem
    tree: ast.Module
    is_package: bool

    @property
    def room(self) -> str:
        """The room of FLOORS this module lives in; a name FLOORS does not know where it has none."""
        top, *rest = self.name.split(".")
        if top != "engine" or not rest:
            return top
        return "cli" if rest[0] in ("commands", "__main__") or rest[0].startswith("cli") else rest[0]


@dataclass(frozen=True)
class Import:
    target: str  # dotted: the module, or the module and a name in it
    line: int


@dataclass(frozen=True)
class House:
    modules: Mapping[str, Module]

    @cached_property
    def edges(self) -> dict[str, dict[str, int]]:
        """Module -> {module of this house that it imports: line}."""
        return {
            name: {
                target: found.line
                for found in reversed(list(imports(module)))
                if (target := self.module_of(found.target)) and target != name
            }
            for name, module in self.modules.items()
        }

    def module_of(self, target: str) -> str | None:
        """The module that `target` names, or is a name in; None: not of this house."""
        while target and target not in self.modules:
            target = target.rpartition(".")[0]
        return target or None


def build(sources: Mapping[str, str]) -> House:
    """A house from {path below the root: source}."""
    modules = {}
    for path, source in sources.items():
        parts = path.removesuffix(".py").split("/")
        is_package = parts[-1] == "__init__"
        name = ".".join(parts[:-1] if is_package else parts)
        modules[name] = Module(name, path, ast.parse(source, path), is_package)
    return House(modules)


def imports(module: Module) -> Iterator[Import]:
    """Every import, also inside a function or under TYPE_CHECKING: knowing late is knowing."""
    for node in ast.walk(module.tree):
        match node:
            case ast.Import():
                yield from (Import(alias.name, node.lineno) for alias in node.names)
            case ast.ImportFrom():
                base = _base(module, node)
                yield from (Import(f"{base}.{alias.name}", node.lineno) for alias in node.names)
            case ast.Call(
                func=ast.Attribute(attr="import_module") | ast.Name(id="import_module" | "__import__"),
                args=[ast.Constant(value=str(name)), *_],
            ):
                yield Import(name, node.lineno)


def _base(module: Module, node: ast.ImportFrom) -> str:
    """The module a `from … import` reads from, with its dots resolved."""
    if not node.level:
        return node.module or ""
    package = module.name.split(".")
    up = node.level - module.is_package
    return ".".join([*package[: len(package) - up], *([node.module] if node.module else [])])


def matches(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


# The rules of the house


def imports_go_down(house: House) -> list[str]:
    problems = []
    for name, targets in house.edges.items():
        module = house.modules[name]
        if module.room not in FLOORS:
            problems.append(
                f"{module.path}:1: '{module.room}' has no floor: move it, or give it one in FLOORS"
            )
            continue
        for target, line in targets.items():
            here, there = module.room, house.modules[target].room
            if here == there or (here, there) in BESIDE or FLOORS.get(there, 0) < FLOORS[here]:
                continue
            way = "upward" if FLOORS[there] > FLOORS[here] else "sideways"
            problems.append(f"{module.path}:{line}: {name} imports {way}: {target}")
    return problems


def nothing_imports_the_workshop(house: House) -> list[str]:
    """tests/ and bench/ know the house; the house does not know them."""
    return [
        f"{module.path}:{found.line}: {module.name} imports {found.target}, which is not shipped"
        for module in house.modules.values()
        for found in imports(module)
        if found.target.split(".")[0] in ("tests", "bench")
    ]


def no_cycles(house: House) -> list[str]:
    """Modules that import each other in a ring, each ring named once."""
    problems = set()
    for start in house.modules:
        ring = _path(house, start, (name for name in house.modules if start in house.edges[name]))
        if ring:
            least = ring.index(min(ring))
            ring = [*ring[least:], *ring[:least]]
            steps = zip(ring, [*ring[1:], ring[0]], strict=True)
            lines = [f"{house.modules[who].path}:{house.edges[who][whom]}" for who, whom in steps]
            problems.add(f"imports in a ring: {' -> '.join(lines)} -> {ring[0]}")
    return sorted(problems)


def evaluator_and_compiler_are_strangers(house: House) -> list[str]:
    """Neither reaches the other, not through a third module either: a shared error would never be seen."""
    problems = []
    evaluator = [name for name in house.modules if matches(name, EVALUATOR)]
    compiler = [name for name in house.modules if matches(name, COMPILER)]
    for ours, theirs in ((evaluator, compiler), (compiler, evaluator)):
        for name in ours:
            if path := _path(house, name, theirs):
                problems.append(f"{house.modules[name].path}: reaches {path[-1]}: {' -> '.join(path)}")
    return problems


def _path(house: House, start: str, ends: Iterable[str]) -> list[str]:
    """The shortest chain of imports from `start` to one of `ends`; empty: there is none."""
    ends = set(ends)
    queue, came_from = [start], {start: ""}
    for name in queue:
        if name in ends:
            path = [name]
            while came_from[path[0]]:
                path.insert(0, came_from[path[0]])
            return path
        for target in house.edges[name]:
            if target not in came_from:
                came_from[target] = name
                queue.append(target)
    return []


def libraries_stay_in_their_rooms(house: House) -> list[str]:
    return [
        f"{module.path}:{found.line}: {library} may be imported under {room} only"
        for module in house.modules.values()
        for found in imports(module)
        if (room := CONFINED.get(library := found.target.split(".")[0]))
        and not f"{module.name}.".startswith(f"{room}.")
    ]


def only_the_edge_reads_the_clock(house: House) -> list[str]:
    """`on` and `decided_at` are passed in: an answer that reads a clock cannot be replayed."""
    return [
        f"{module.path}:{line}: {what} reads the clock; let the caller pass the time in"
        for module in house.modules.values()
        if module.name.startswith("engine.") and module.room != "cli"
        for line, what in sorted({*_clock_names(module), *_clock_sql(module)})
    ]


def _clock_names(module: Module) -> Iterator[tuple[int, str]]:
    """Naming such a function is enough: one that is handed on is called elsewhere."""
    called: dict[str, str] = {}  # the name in this file -> what it stands for
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.split(".")[0]
                called[alias.asname or top] = alias.name if alias.asname else top
        elif isinstance(node, ast.ImportFrom) and not node.level:
            called |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Attribute | ast.Name):
            first, *rest = ast.unparse(node).split(".")
            name = ".".join([called.get(first, ""), *rest])
            if name in CLOCK:
                yield node.lineno, name


def _clock_sql(module: Module) -> Iterator[tuple[int, str]]:
    prose = {
        id(node.body[0].value)
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
            yield from ((node.lineno, f"SQL {found[0]}") for found in SQL_CLOCK.finditer(node.value))


RULES = (
    imports_go_down,
    nothing_imports_the_workshop,
    no_cycles,
    evaluator_and_compiler_are_strangers,
    libraries_stay_in_their_rooms,
    only_the_edge_reads_the_clock,
)


# The house itself


@pytest.fixture(scope="module")
def house() -> House:
    paths = (path for top in ("engine", "api") for path in (ROOT / top).rglob("*.py"))
    return build({path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in paths})


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_house_keeps(rule: Callable[[House], list[str]], house: House) -> None:
    assert rule(house) == []


def test_the_house_was_seen(house: House) -> None:
    assert {"engine", "engine.language", "engine.decide", "engine.ledger", "api"} <= house.modules.keys()


# Houses that break one rule each

GOOD = {
    "engine/__init__.py": '__version__ = "1"',
    "engine/language/__init__.py": '"""Dates are passed in, never CURRENT_DATE."""',
    "engine/language/model.py": "import datetime\nfrom datetime import date\nfirst = date(2025, 7, 1)",
    "engine/decide/__init__.py": "from engine.decide.generate import run",
    "engine/decide/trace.py": "from engine.language.model import first\nfrom .. import __version__",
    "engine/decide/generate.py": "from time import monotonic\nfrom . import trace\ndef run(now): return now",
    "engine/sweep/compile.py": "import sqlglot\nfrom engine.decide.trace import first",
    "engine/ledger/store.py": "import time\nfrom ..decide import run\nstarted = time.monotonic()",
    "engine/watch/adapter.py": "import durable.lang",
    "engine/cli.py": "import api\nfrom datetime import datetime\nfrom .commands import check\ndatetime.now()",
    "engine/commands/check.py": "import time\nfrom engine.ledger import store\ntime.time()",
    "api/__init__.py": "import flask\nfrom engine.decide import run",
}

BAD: dict[Callable[[House], list[str]], list[tuple[str, str, str]]] = {
    # rule: [(file, its source, what the problem says)]
    imports_go_down: [
        ("engine/language/x.py", "import engine.decide.trace", "x.py:1: engine.language.x imports upward"),
        ("engine/language/x.py", "\nfrom ..decide import trace", "x.py:2: engine.language.x imports upward"),
        ("engine/language/x.py", "def f():\n  from engine import decide", "x.py:2: engine.language.x"),
        ("engine/decide/x.py", "from engine.ledger.store import y", "imports upward: engine.ledger.store"),
        ("engine/ledger/x.py", "import engine.cli", "imports upward: engine.cli"),
        ("engine/ledger/x.py", "import engine.commands.check", "imports upward: engine.commands.check"),
        ("engine/ledger/x.py", "import importlib\nimportlib.import_module('api')", "imports upward: api"),
        ("engine/sweep/x.py", "from engine.ledger import store", "imports sideways: engine.ledger.store"),
        ("engine/watch/x.py", "from engine.sweep.compile import y", "imports sideways: engine.sweep.compile"),
        ("engine/ledger/x.py", "from ..watch import adapter", "imports sideways: engine.watch.adapter"),
        ("api/x.py", "from engine.commands import check", "imports sideways: engine.commands.check"),
        ("engine/__init__.py", "from engine.language import model", "engine imports upward"),
        ("engine/helpers.py", "", "'helpers' has no floor"),
    ],
    nothing_imports_the_workshop: [
        ("engine/decide/x.py", "from tests.naive import y", "imports tests.naive.y, which is not shipped"),
        ("api/x.py", "import bench.load", "imports bench.load, which is not shipped"),
    ],
    no_cycles: [
        ("engine/decide/trace.py", "from . import generate", "engine/decide/trace.py:1 -> engine.decide.gen"),
        ("engine/decide/generate.py", "\nfrom engine.decide import x", "engine/decide/generate.py:2 -> "),
        ("engine/cli.py", "def f():\n  from engine.commands import check", ""),  # one way only: no ring
    ],
    evaluator_and_compiler_are_strangers: [
        ("engine/sweep/x.py", "from engine.decide import generate", "sweep.x -> engine.decide.gen"),
        (
            "engine/sweep/x.py",
            "from engine.decide import run",
            "sweep.x -> engine.decide -> engine.decide.gen",
        ),
        ("engine/decide/evaluate_one.py", "import engine.sweep.compile", "one -> engine.sweep.compile"),
    ],
    libraries_stay_in_their_rooms: [
        ("engine/cli.py", "from flask import Flask", "cli.py:1: flask may be imported under api only"),
        ("engine/decide/x.py", "def f():\n  import flask.json", "x.py:2: flask may be imported"),
        ("engine/decide/x.py", "__import__('werkzeug')", "x.py:1: werkzeug may be imported"),
        ("engine/decide/x.py", "import flask_like", ""),
        ("api/x.py", "from durable.lang import ruleset", "durable may be imported under engine.watch"),
    ],
    only_the_edge_reads_the_clock: [
        ("engine/decide/x.py", "import datetime\ndatetime.datetime.now()", "x.py:2: datetime.datetime.now"),
        ("engine/decide/x.py", "import datetime as d\nd.date.today()", "x.py:2: datetime.date.today"),
        ("engine/language/x.py", "from datetime import date as d\nd.today()", "x.py:2: datetime.date.today"),
        ("engine/ledger/x.py", "def f():\n from datetime import datetime\n datetime.utcnow()", "x.py:3: "),
        ("engine/watch/x.py", "import time\ndef f(clock=time.time): ...", "x.py:2: time.time reads"),
        ("engine/watch/x.py", "from time import time_ns as t\nt()", "x.py:2: time.time_ns reads"),
        ("engine/sweep/x.py", "import time\ntime.localtime()", "x.py:2: time.localtime reads"),
        ("engine/ledger/x.py", "SQL = 'at TEXT DEFAULT CURRENT_TIMESTAMP'", "SQL CURRENT_TIMESTAMP reads"),
        ("engine/ledger/x.py", "\nf\"SELECT datetime('now', {x})\"", "SQL datetime('now' reads"),
    ],
}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_a_good_house_has_no_problem(rule: Callable[[House], list[str]]) -> None:
    assert rule(build(GOOD)) == []


@pytest.mark.parametrize(
    ("rule", "path", "source", "says"), [(rule, *case) for rule, cases in BAD.items() for case in cases]
)
def test_a_bad_house_is_found(rule: Callable[[House], list[str]], path: str, source: str, says: str) -> None:
    problems = rule(build(GOOD | {path: source}))
    assert [says in problem for problem in problems] == ([True] if says else [])


def test_every_rule_can_fail() -> None:
    assert {rule for rule, cases in BAD.items() if any(says for _, _, says in cases)} == set(RULES)
