"""Strict YAML: text in, nodes with places out, every fault reported.

PyYAML's C parser yields the events; the nodes are built here, so that anchors, aliases, tags, duplicate keys and YAML
1.1's surprises (`no`, `012`, `12:30`, `1e3`) never pass. Nothing is converted through a binary float.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import yaml

from engine.language.places import Place
from engine.language.problems import Problems

LARGEST_FILE = 1_000_000  # bytes
DEEPEST = 40
MOST_VALUES = 100_000

Value = str | bool | int | Decimal | date | None


@dataclass(frozen=True, slots=True)
class Scalar:
    """One value; `text` is what stood in the file, `plain` whether it stood there without quotes."""

    place: Place
    value: Value
    text: str
    plain: bool
    in_flow: bool = False


@dataclass(frozen=True, slots=True)
class Sequence:
    """A list."""

    place: Place
    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Mapping:
    """Keys and values, in the order of the file."""

    place: Place
    entries: dict[str, Node]
    keys: dict[str, Place]


Node = Scalar | Sequence | Mapping

_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,30})\Z")
_DECIMAL = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,30})\.[0-9]{1,30}\Z")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")
_SURPRISE = re.compile(
    r"[-+]?(?:0[0-9_]+|[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?|[0-9][0-9_]*\.?[0-9_]*[eE][-+]?[0-9]+"
    r"|0x[0-9a-fA-F_]+|0o[0-7]+|0b[01_]+|[0-9][0-9_]*_[0-9_]*|\.(?:inf|nan)|\.[0-9]+|[0-9]+\.)\Z"
    r"|(?:yes|no|on|off|y|n|True|False|TRUE|FALSE|Yes|No|On|Off|YES|NO|ON|OFF|Null|NULL|~)\Z"
)


def read_yaml(text: bytes, file: str, problems: Problems) -> Node | None:
    """The nodes of one file, or None with the problems noted. `file` is the name that places carry."""
    here = Place(file)
    if len(text) > LARGEST_FILE:
        problems.add("file-too-large", here, limit=f"{LARGEST_FILE:,}")
        return None
    try:
        decoded = text.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        problems.add(
            "not-readable",
            here,
            ("save the file as UTF-8", "请以 UTF-8 编码保存文件"),
            why=f"byte {error.start} is not UTF-8",
        )
        return None
    problems.lines[file] = decoded.splitlines()
    try:
        return _Builder(decoded, file, problems).build()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Place(file, mark.line + 1, mark.column + 1) if mark else here
        problems.add("not-yaml", place, why=error.problem or "")
    except yaml.YAMLError as error:
        problems.add("not-yaml", here, why=str(error).splitlines()[0])
    return None


class _TooMuch(Exception):
    """Enough has been reported: the rest of the file is not worth reading."""


class _Builder:
    """Turns the event stream into nodes without recursion, so that depth cannot end the process."""

    def __init__(self, text: str, file: str, problems: Problems):
        self.loader = yaml.CSafeLoader(text)
        self.file = file
        self.problems = problems
        self.values = 0

    def build(self) -> Node | None:
        before = len(self.problems)
        try:
            root = self._run()
        except _TooMuch:
            return None
        return root if len(self.problems) == before else None

    def _place(self, event: yaml.Event) -> Place:
        start, end = event.start_mark, event.end_mark
        assert start is not None and end is not None  # the parser marks every event
        width = end.column - start.column if end.line == start.line else 1
        return Place(self.file, start.line + 1, start.column + 1, max(1, width))

    def _run(self) -> Node | None:
        # A frame is [place, items or None, entries or None, keys, pending key, in flow style].
        stack: list[_Frame] = []
        root: Node | None = None
        documents = 0
        while True:
            event = self.loader.get_event()
            if isinstance(event, yaml.StreamEndEvent):
                return root
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    self.problems.add("several-documents", self._place(event))
                    raise _TooMuch
                continue
            if isinstance(event, yaml.AliasEvent):
                self.problems.add("anchor-or-alias", self._place(event))
                raise _TooMuch
            if isinstance(event, yaml.NodeEvent):
                self._look(event)
            if isinstance(event, (yaml.SequenceStartEvent, yaml.MappingStartEvent)):
                if len(stack) >= DEEPEST:
                    self.problems.add("too-deep", self._place(event), limit=DEEPEST)
                    raise _TooMuch
                flow = bool(event.flow_style) or bool(stack and stack[-1].flow)
                stack.append(_Frame(self._place(event), isinstance(event, yaml.MappingStartEvent), flow))
                continue
            node: Node
            if isinstance(event, yaml.ScalarEvent):
                node = self._scalar(event, bool(stack and stack[-1].flow), stack)
            elif isinstance(event, (yaml.SequenceEndEvent, yaml.MappingEndEvent)):
                node = stack.pop().node()
            else:
                continue
            if stack:
                stack[-1].put(node, self.problems)
            else:
                root = node

    def _look(self, event: yaml.NodeEvent) -> None:
        self.values += 1
        if self.values > MOST_VALUES:
            self.problems.add("too-many-values", self._place(event), limit=f"{MOST_VALUES:,}")
            raise _TooMuch
        if event.anchor is not None:
            self.problems.add("anchor-or-alias", self._place(event))
            raise _TooMuch
        tag = getattr(event, "tag", None)
        if tag is not None and tag != "!":
            self.problems.add("tag", self._place(event), tag=tag)

    def _scalar(self, event: yaml.ScalarEvent, in_flow: bool, stack: list[_Frame]) -> Scalar:
        place, text = self._place(event), event.value
        style = event.style or ""
        if style:
            if style in "'\"":
                place = Place(place.file, place.line, place.column + 1, max(1, place.width - 2))
            return Scalar(place, text, text, False, in_flow)
        if stack and stack[-1].wants_key:
            return Scalar(place, text, text, True, in_flow)
        return Scalar(place, self._value(text, place), text, True, in_flow)

    def _value(self, text: str, place: Place) -> Value:
        if text in ("true", "false"):
            return text == "true"
        if text in ("", "null"):
            return None
        if _INTEGER.match(text):
            return int(text)
        if _DECIMAL.match(text):
            return Decimal(text)
        if _DATE.match(text):
            try:
                return date.fromisoformat(text)
            except ValueError:
                self.problems.add(
                    "bad-value", place, text=text, wanted="a day of the calendar", wanted_zh="日历上的日期"
                )
                return None
        if _SURPRISE.match(text):
            hint = (
                "put it in quotes, or write true, false, null or a plain decimal",
                "请加引号，或写 true、false、null 或普通小数",
            )
            self.problems.add("surprising-scalar", place, hint, text=text)
        return text


class _Frame:
    """A list or mapping that is still being read."""

    __slots__ = ("entries", "flow", "items", "key", "keys", "mapping", "place", "skip")

    def __init__(self, place: Place, mapping: bool, flow: bool):
        self.place, self.mapping, self.flow = place, mapping, flow
        self.items: list[Node] = []
        self.entries: dict[str, Node] = {}
        self.keys: dict[str, Place] = {}
        self.key: str | None = None
        self.skip = False

    @property
    def wants_key(self) -> bool:
        return self.mapping and self.key is None and not self.skip

    def put(self, node: Node, problems: Problems) -> None:
        if not self.mapping:
            self.items.append(node)
        elif self.skip:  # the value of a key that was refused
            self.skip = False
        elif self.key is None:
            self._put_key(node, problems)
        else:
            self.entries[self.key] = node
            self.key = None

    def _put_key(self, node: Node, problems: Problems) -> None:
        if not isinstance(node, Scalar):
            problems.add("key-not-text", node.place)
            self.skip = True
        elif node.text in self.entries:
            first = self.keys[node.text]
            problems.add(
                "duplicate-key",
                node.place,
                (f"it stands first at line {first.line}", f"首次出现在第 {first.line} 行"),
                key=node.text,
            )
            self.skip = True
        else:
            self.key = node.text
            self.keys[node.text] = node.place

    def node(self) -> Node:
        if self.mapping:
            return Mapping(self.place, self.entries, self.keys)
        return Sequence(self.place, tuple(self.items))
