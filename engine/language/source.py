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
_DEEPER_THAN_LIBYAML = "exceeded maximum nesting depth"
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
# How a plain scalar begins that may be anything but text.
_BEGINS = frozenset("0123456789+-.~nNyYoOtTfF")
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
        if error.problem == _DEEPER_THAN_LIBYAML:  # newer ones look ahead, and say so before a first event comes
            problems.add("too-deep", place, limit=DEEPEST)
        else:
            problems.add("not-yaml", place, why=error.problem or "")
    except yaml.YAMLError as error:
        problems.add("not-yaml", here, why=str(error).splitlines()[0])
    return None


class _TooMuch(Exception):
    """Enough has been reported: the rest of the file is not worth reading."""


class _Builder:
    """Turns the event stream into nodes without recursion, so that depth cannot end the process.

    A rulebook is sixty thousand scalars, so the loop goes straight through: a key becomes no node of its own, places
    and scalars are made as the tuples they are, and what is seldom needed stands in methods of its own.
    """

    def __init__(self, text: str, file: str, problems: Problems):
        self.loader = yaml.CSafeLoader(text)
        self.file = file
        self.problems = problems

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
        file, next_event = self.file, self.loader.get_event
        new: Any = tuple.__new__  # as the classes themselves do it, without their keywords
        frame = _Frame(Place(file), _ITEM, False)  # of the file itself: a list of the one node it holds
        around: list[_Frame] = []
        documents = values = 0
        while True:
            event: Any = next_event()  # the stubs know too little of events
            kind = type(event)
            if kind is yaml.ScalarEvent:  # two events in three
                values += 1
                if values > MOST_VALUES or event.anchor is not None or event.tag is not None:
                    self._refuse(event, values)
                start, end, text, style = event.start_mark, event.end_mark, event.value, event.style
                line, column = start.line, start.column
                width = end.column - column if end.line == line else 1
                if style == '"' or style == "'":
                    place = new(Place, (file, line + 1, column + 2, width - 2 if width > 3 else 1))
                else:
                    place = new(Place, (file, line + 1, column + 1, width or 1))
                wants = frame.wants
                if wants is _KEY:
                    if text in frame.entries:
                        self._twice(text, place, frame)
                    else:
                        frame.key, frame.wants = text, _VALUE
                        frame.keys[text] = place
                    continue
                value = text if style or (text and text[0] not in _BEGINS) else self._value(text, place)
                node: Node = new(Scalar, (place, value, text, not style, frame.flow))
            elif kind is yaml.MappingStartEvent or kind is yaml.SequenceStartEvent:
                values += 1
                if values > MOST_VALUES or event.anchor is not None or event.tag is not None:
                    self._refuse(event, values)
                if len(around) >= DEEPEST:
                    self.problems.add("too-deep", self._place(event), limit=DEEPEST)
                    raise _TooMuch
                around.append(frame)
                wants = _KEY if kind is yaml.MappingStartEvent else _ITEM
                frame = _Frame(self._place(event), wants, frame.flow or bool(event.flow_style))
                continue
            elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
                node, frame = frame.node(), around.pop()
                wants = frame.wants
            elif kind is yaml.StreamEndEvent:
                return frame.items[-1] if frame.items else None
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
            if wants is _VALUE:
                frame.entries[frame.key] = node
                frame.wants = _KEY
            elif wants is _ITEM:
                frame.items.append(node)
            elif wants is _KEY:
                self.problems.add("key-not-text", node.place)
                frame.wants = _NOTHING
            else:
                frame.wants = _KEY

    def _refuse(self, event: Any, values: int) -> None:
        """Note what YAML allows and a rule must not have."""
        if values > MOST_VALUES:
            self.problems.add("too-many-values", self._place(event), limit=f"{MOST_VALUES:,}")
            raise _TooMuch
        if event.anchor is not None:
            self.problems.add("anchor-or-alias", self._place(event))
            raise _TooMuch
        if event.tag != "!":
            self.problems.add("tag", self._place(event), tag=event.tag)

    def _twice(self, key: str, place: Place, frame: _Frame) -> None:
        """Note a key that stood in this mapping before; its value is read and dropped."""
        first = frame.keys[key]
        hint = (f"it stands first at line {first.line}", f"首次出现在第 {first.line} 行")
        self.problems.add("duplicate-key", place, hint, key=key)
        frame.wants = _NOTHING

    def _value(self, text: str, place: Place) -> Value:
        """What a plain scalar is that begins as a number, a day or a word of YAML might (`_BEGINS`)."""
        if text in _WORDS:
            return _WORDS[text]
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


# What a frame waits for: an item of a list; a key; its value; the value of a key that was refused.
_ITEM, _KEY, _VALUE, _NOTHING = "item", "key", "value", "nothing"


class _Frame:
    """A list or mapping that is still being read."""

    __slots__ = ("entries", "flow", "items", "key", "keys", "place", "wants")

    def __init__(self, place: Place, wants: str, flow: bool):
        self.place, self.wants, self.flow = place, wants, flow
        if wants is _ITEM:
            self.items: list[Node] = []
        else:
            self.entries: dict[str, Node] = {}
            self.keys: dict[str, Place] = {}
            self.key = ""

    def node(self) -> Node:
        if self.wants is _ITEM:
            return Sequence(self.place, tuple(self.items))
        return Mapping(self.place, self.entries, self.keys)
