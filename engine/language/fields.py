"""Reading the keys of a mapping, with every fault noted: unknown keys, missing keys, wrong shapes."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from fractions import Fraction

from engine.language.places import Place
from engine.language.problems import Problems
from engine.language.shapes import keys_of
from engine.language.source import Mapping, Node, Scalar, Sequence, Value
from engine.language.tree import NO_WORDS, Citation, Words

NAME_PATTERN = "^[a-z][a-z0-9_]{0,63}$"
_NAME = re.compile(NAME_PATTERN.replace("$", r"\Z"))
# Names the language keeps for itself.
KEPT = frozenset(
    {"on", "members", "receiving", "id", "and", "or", "not", "in", "if", "else", "true", "false", "null", "none"}
)

Pair = tuple[str, str]  # English, Chinese


def shape(node: Node) -> Pair:
    """What a node is, in words."""
    if isinstance(node, Mapping):
        return "a mapping", "映射"
    if isinstance(node, Sequence):
        return "a list", "列表"
    names: dict[type, Pair] = {
        bool: ("true or false", "真或假"),
        int: ("a whole number", "整数"),
        Decimal: ("a number", "数"),
        date: ("a date", "日期"),
        str: ("text", "文本"),
        type(None): ("nothing", "空"),
    }
    return names[type(node.value)]


def is_name(text: str) -> bool:
    return bool(_NAME.match(text)) and text not in KEPT


class Fields:
    """The keys of one mapping. Every getter notes what is wrong and gives a harmless value."""

    def __init__(
        self, node: Node, what: Pair, problems: Problems, required: tuple[str, ...] = (), optional: tuple[str, ...] = ()
    ):
        self.what, self.problems, self.place = what, problems, node.place
        self.node = node
        self.entries: dict[str, Node] = {}
        self.fine = isinstance(node, Mapping)
        if not isinstance(node, Mapping):
            wrong_shape(problems, node, what, ("a mapping", "映射"))
            return
        entries = self.entries
        for key, value in node.entries.items():
            if key in required or key in optional:
                entries[key] = value
            else:
                problems.add("unknown-key", node.keys[key], problems.near(key, (*required, *optional)), key=key)
        for key in required:
            if key not in entries:
                hint = (f"add '{key}: …'", f"请补上“{key}: …”")
                problems.add("missing-key", node.place, hint, what=what[0], what_zh=what[1], key=key)

    def has(self, key: str) -> bool:
        return key in self.entries

    def get(self, key: str) -> Node | None:
        return self.entries.get(key)

    def at(self, key: str) -> Place:
        node = self.entries.get(key)
        return node.place if node is not None else self.place

    def scalar(self, key: str, kinds: tuple[type, ...], wanted: Pair) -> Value:
        node = self.entries.get(key)
        if node is None:
            return None
        if (
            isinstance(node, Scalar)
            and isinstance(node.value, kinds)
            and not (bool not in kinds and isinstance(node.value, bool))
        ):
            return node.value
        wrong_shape(self.problems, node, (f"'{key}'", f"“{key}”"), wanted)
        return None

    def text(self, key: str, default: str = "") -> str:
        node = self.entries.get(key)
        if node is None:
            return default
        if isinstance(node, Scalar):
            value = node.value
            if type(value) is str:
                return value
            if node.plain and isinstance(value, int | Decimal) and not isinstance(value, bool):
                return node.text
        wrong_shape(self.problems, node, (f"'{key}'", f"“{key}”"), ("text", "文本"))
        return default

    def flag(self, key: str, default: bool = False) -> bool:
        value = self.scalar(key, (bool,), ("true or false", "true 或 false"))
        return default if value is None else bool(value)

    def day(self, key: str) -> date | None:
        value = self.scalar(key, (date,), ("a date such as 2025-07-01", "日期，如 2025-07-01"))
        return value if isinstance(value, date) else None

    def whole(self, key: str) -> int | None:
        value = self.scalar(key, (int,), ("a whole number", "整数"))
        return value if isinstance(value, int) else None

    def number(self, key: str) -> Fraction | None:
        value = self.scalar(key, (int, Decimal), ("a number", "数"))
        return Fraction(value) if isinstance(value, int | Decimal) else None

    def one_of(self, key: str, choices: tuple[str, ...], default: str = "") -> str:
        node = self.entries.get(key)
        value = self.text(key, default)
        if node is not None and value not in choices and value:
            hint = self.problems.near(value, choices)
            self.problems.add("not-one-of", node.place, hint, text=value, choices=", ".join(choices))
            return default or next(iter(choices), "")
        return value

    def words(self, key: str, what: Pair | None = None) -> Words:
        """A label `{zh, en}`."""
        node = self.entries.get(key)
        return NO_WORDS if node is None else read_words(node, what or self.what, self.problems)

    def items(self, key: str) -> tuple[Node, ...]:
        """A list; a single value counts as a list of one where it is a mapping."""
        node = self.entries.get(key)
        if node is None:
            return ()
        if isinstance(node, Sequence):
            return node.items
        wrong_shape(self.problems, node, (f"'{key}'", f"“{key}”"), ("a list", "列表"))
        return ()

    def mapping(self, key: str) -> Mapping | None:
        node = self.entries.get(key)
        if node is None or isinstance(node, Mapping):
            return node
        wrong_shape(self.problems, node, (f"'{key}'", f"“{key}”"), ("a mapping", "映射"))
        return None

    def citations(self, key: str = "cite") -> tuple[Citation, ...]:
        """`cite`: one mapping, a list of them, or an article alone as text."""
        node = self.entries.get(key)
        if node is None:
            return ()
        nodes = node.items if isinstance(node, Sequence) else (node,)
        return tuple(read_citation(each, self.problems) for each in nodes)


def read_citation(node: Node, problems: Problems) -> Citation:
    if isinstance(node, Scalar) and isinstance(node.value, str):
        return Citation(article=node.value)
    fields = Fields(node, ("a citation", "引用"), problems, *keys_of("citation"))
    if fields.fine and not any(fields.has(key) for key in ("law", "document", "article", "note")):
        problems.add("missing-key", node.place, what="a citation", key="law")
    return Citation(
        fields.text("law"),
        fields.text("article"),
        fields.text("document"),
        fields.text("url"),
        fields.text("note"),
        fields.flag("verified", True),
    )


def read_words(node: Node, what: Pair, problems: Problems) -> Words:
    """`{zh, en}`, both present and not empty."""
    fields = Fields(node, what, problems, (), ("zh", "en"))
    zh, en = fields.text("zh"), fields.text("en")
    if fields.fine:
        for lang, text in (("zh", zh), ("en", en)):
            if not text.strip():
                problems.add("missing-label", node.place, what=what[0], what_zh=what[1], lang=lang)
    return Words(zh, en)


def wrong_shape(problems: Problems, node: Node, what: Pair, wanted: Pair) -> None:
    found = shape(node)
    problems.add(
        "wrong-shape",
        node.place,
        what=what[0],
        what_zh=what[1],
        wanted=wanted[0],
        found=found[0],
        wanted_zh=wanted[1],
        found_zh=found[1],
    )


def members_have_ids(household: Mapping, problems: Problems) -> None:
    """Note members of an example household that are no list of mappings, each with an id."""
    members = household.entries.get("members")
    if members is None:
        return
    if not isinstance(members, Sequence):
        wrong_shape(problems, members, ("'members'", "“members”"), ("a list", "列表"))
        return
    for member in members.items:
        if not isinstance(member, Mapping):
            wrong_shape(problems, member, ("a member", "成员"), ("a mapping", "映射"))
        elif not isinstance(member.entries.get("id"), Scalar):
            problems.add("missing-key", member.place, what="a member", what_zh="成员", key="id")


def plain(node: Node) -> object:
    """The node as Python values: dict, list, text, bool, int, Decimal, date, None."""
    if isinstance(node, Mapping):
        return {key: plain(value) for key, value in node.entries.items()}
    if isinstance(node, Sequence):
        return [plain(item) for item in node.items]
    return node.value
