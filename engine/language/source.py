"""Strict YAML: text in, nodes with places out, every fault reported.

PyYAML's C parser yields the events; the nodes are built here, so that anchors, aliases, tags, duplicate keys and YAML
1.1's surprises (`no`, `012`, `12:30`, `1e3`) never pass. Nothing is converted through a binary float.
"""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

import yaml

from engine.language.places import Place
from engine.language.problems import Problems

LARGEST_FILE = 1_000_000  # bytes
DEEPEST = 40
MOST_VALUES = 100_000
SAVE_AS_UTF8 = ("save the file as UTF-8", "请以 UTF-8 编码保存文件")

Value = str | bool | int | Decimal | date | None


class Scalar(NamedTuple):
    """One value; `text` is what stood in the file, `plain` whether it stood there without quotes."""

    place: Place
    value: Value
    text: str
    plain: bool
    in_flow: bool = False


class Sequence(NamedTuple):
    """A list."""

    place: Place
    items: tuple[Node, ...]


class Mapping(NamedTuple):
    """Keys and values, in the order of the file."""

    place: Place
    entries: dict[str, Node]
    keys: dict[str, Place]


Node = Scalar | Sequence | Mapping

_WORDS: dict[str, bool | None] = {"true": True, "false": False, "": None, "null": None}
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,30})\Z")
_DECIMAL = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,30})\.[0-9]{1,30}\Z")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")
# Every repeat is possessive: a text of a million digits and no end costs one look at each.
_SURPRISE = re.compile(
    r"[-+]?(?:0[0-9_]++|[0-9][0-9_]*+(?::[0-5]?[0-9])++(?:\.[0-9_]*+)?|[0-9][0-9_]*+\.?[0-9_]*+[eE][-+]?[0-9]++"
    r"|0x[0-9a-fA-F_]++|0o[0-7]++|0b[01_]++|(?=[0-9]++_)[0-9][0-9_]*+|\.(?:inf|nan)|\.[0-9]++|[0-9]++\.)\Z"
    r"|(?:yes|no|on|off|y|n|True|False|TRUE|FALSE|Yes|No|On|Off|YES|NO|ON|OFF|Null|NULL|~)\Z"
)


def encoded(text: str) -> bytes:
    """The bytes of a text; marks of what was no text stay marks, so that the reader tells of them."""
    return text.encode("utf-8", "surrogatepass")


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
            SAVE_AS_UTF8,
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

    def _place(self, event: Any) -> Place:
        start, end = event.start_mark, event.end_mark
        width = end.column - start.column if end.line == start.line else 1
        return Place(self.file, start.line + 1, start.column + 1, max(1, width))

    def _run(self) -> Node | None:
        stack: list[_Frame] = []
        root: Node | None = None
        documents = 0
        next_event = self.loader.get_event
        while True:
            event: Any = next_event()  # the stubs know too little of events
            kind = type(event)
            if kind is yaml.ScalarEvent:  # four events in five
                self._look(event)
                node: Node = self._scalar(event, stack[-1] if stack else None)
            elif kind is yaml.MappingStartEvent or kind is yaml.SequenceStartEvent:
                self._look(event)
                if len(stack) >= DEEPEST:
                    self.problems.add("too-deep", self._place(event), limit=DEEPEST)
                    raise _TooMuch
                flow = bool(event.flow_style) or bool(stack and stack[-1].flow)
                stack.append(_Frame(self._place(event), kind is yaml.MappingStartEvent, flow))
                continue
            elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
                node = stack.pop().node()
            elif kind is yaml.StreamEndEvent:
                return root
            elif kind is yaml.DocumentStartEvent:
                documents += 1
                if documents > 1:
                    self.problems.add("several-documents", self._place(event))
                    raise _TooMuch
                continue
            elif kind is yaml.AliasEvent:
                self.problems.add("anchor-or-alias", self._place(event))
                raise _TooMuch
            else:
                continue
            if stack:
                stack[-1].put(node, self.problems)
            else:
                root = node

    def _look(self, event: Any) -> None:
        """Refuse what YAML allows and a rule must not have."""
        self.values += 1
        if self.values > MOST_VALUES:
            self.problems.add("too-many-values", self._place(event), limit=f"{MOST_VALUES:,}")
            raise _TooMuch
        if event.anchor is not None:
            self.problems.add("anchor-or-alias", self._place(event))
            raise _TooMuch
        tag = event.tag
        if tag is not None and tag != "!":
            self.problems.add("tag", self._place(event), tag=tag)

    def _scalar(self, event: Any, frame: _Frame | None) -> Scalar:
        start, end, text, style = event.start_mark, event.end_mark, event.value, event.style
        column = start.column + 1
        width = end.column + 1 - column if end.line == start.line else 1
        in_flow = frame is not None and frame.flow
        if style == '"' or style == "'":
            return Scalar(Place(self.file, start.line + 1, column + 1, max(1, width - 2)), text, text, False, in_flow)
        place = Place(self.file, start.line + 1, column, width or 1)
        if style:
            return Scalar(place, text, text, False, in_flow)
        if frame is not None and frame.mapping and frame.key is None and not frame.skip:  # a key
            return Scalar(place, text, text, True, in_flow)
        return Scalar(place, self._value(text, place), text, True, in_flow)

    def _value(self, text: str, place: Place) -> Value:
        if text in _WORDS:
            return _WORDS[text]
        if not (text[0].isdigit() or text[0] in "+-.~nNyYoOtTfF"):
            return text  # nothing but text begins so
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
