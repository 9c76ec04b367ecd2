"""Reads `rules/parameters/*.yaml`: the dated figures of law."""

from __future__ import annotations

import itertools
from datetime import date
from decimal import Decimal
from fractions import Fraction

from engine.language.fields import Fields
from engine.language.model import ChoiceSet, DatedValue, Key, Parameter, Row
from engine.language.places import Place
from engine.language.problems import Problems
from engine.language.shapes import BANDS, keys_of
from engine.language.source import Mapping, Node, Scalar, Sequence
from engine.language.types import SCALE, Base, Type, Unit, day_number, decimal_text
from engine.language.vocabulary import check_name, read_type


def read_parameters(
    nodes: list[Node], choices: dict[str, ChoiceSet], taken: dict[str, Place], problems: Problems
) -> dict[str, Parameter]:
    """Every parameter of every file, by name."""
    found: dict[str, Parameter] = {}
    for node in nodes:
        fields = Fields(
            node,
            ("a parameter file", "参数文件"),
            problems,
            (),
            tuple(node.entries) if isinstance(node, Mapping) else (),
        )
        for name, body in fields.entries.items():
            assert isinstance(node, Mapping)
            at = node.keys[name]
            if check_name(name, at, problems, taken):
                taken[name] = at
                parameter = _read_parameter(name, body, at, choices, len(found), problems)
                if parameter is not None:
                    found[name] = parameter
    return found


def _read_parameter(
    name: str, node: Node, at: Place, choices: dict[str, ChoiceSet], order: int, problems: Problems
) -> Parameter | None:
    what = (f"the parameter '{name}'", f"参数“{name}”")
    fields = Fields(node, what, problems, *keys_of("parameter"))
    if not fields.fine:
        return None
    kind = read_type(fields, choices, problems)
    label = fields.words("label", what)
    if kind is None:
        return None
    if not kind.numeric and kind.base is not Base.DATE:
        problems.add(
            "wrong-type",
            fields.at("type"),
            what=what[0],
            wanted="a number",
            wanted_zh="数值",
            found=kind.words("en"),
            found_zh=kind.words("zh"),
        )
        return None
    keys = _read_keys(fields, choices, problems)
    reader = _Values(name, kind, keys, choices, problems)
    values = [value for value in map(reader.value, fields.items("values")) if value is not None]
    for earlier, later in itertools.pairwise(values):
        if later.from_date <= earlier.from_date:
            problems.add("dates-out-of-order", later.at, later=later.from_date, earlier=earlier.from_date)
    return Parameter(name, label, kind, order, tuple(values), keys, fields.whole("cycle"), fields.text("note"), at)


def _read_keys(fields: Fields, choices: dict[str, ChoiceSet], problems: Problems) -> tuple[Key, ...]:
    found: list[Key] = []
    for node in fields.items("keys"):
        if isinstance(node, Scalar) and isinstance(node.value, str):
            if node.value not in choices:
                problems.add(
                    "not-one-of",
                    node.place,
                    problems.near(node.value, choices),
                    text=node.value,
                    choices=", ".join(choices),
                )
                continue
            found.append(Key(Type(Base.CHOICE, choices=node.value), node.value))
        else:
            band = Fields(node, ("a band key", "分段键"), problems, *keys_of("band"))
            base = band.one_of("band", BANDS, Base.WHOLE)
            unit = Unit.parse(band.text("unit")) if band.has("unit") else Unit()
            found.append(Key(Type(Base(base), unit or Unit(), scale=SCALE[Base(base)])))
    return tuple(found)


class _Values:
    """Reads the dated values of one parameter."""

    def __init__(self, name: str, kind: Type, keys: tuple[Key, ...], choices: dict[str, ChoiceSet], problems: Problems):
        self.name, self.type, self.keys, self.choices, self.problems = name, kind, keys, choices, problems

    def value(self, node: Node) -> DatedValue | None:
        fields = Fields(
            node,
            (f"a value of '{self.name}'", f"“{self.name}”的取值"),
            self.problems,
            *keys_of("dated_value"),
        )
        if not fields.fine:
            return None
        day = fields.day("from")
        source = fields.text("source")
        if fields.has("source") and not source.strip():
            hint = ("name the document or page", "请写明文件或页面名称")
            self.problems.add("no-source", fields.at("source"), hint)
        wanted = "rows" if self.keys else "value"
        if not fields.has(wanted):
            self.problems.add("missing-key", fields.place, what=f"a value of '{self.name}'", key=wanted)
            return None
        if day is None:
            return None
        rows: tuple[Row, ...] = ()
        single: Fraction | None = None
        if self.keys:
            root = fields.get("rows")
            assert root is not None
            rows = tuple(self.rows(root, 0, ()))
        else:
            single = self.figure(fields.get("value"))
        if fields.has("each_further") and not (self.keys and self.keys[-1].type.base is Base.WHOLE):
            self.problems.add(
                "bad-value",
                fields.at("each_further"),
                text="each_further",
                wanted="left out: only a band of whole numbers goes on",
                wanted_zh="应删去：只有按整数分段的表可以递增",
            )
        return DatedValue(
            day,
            source,
            fields.flag("verified"),
            single,
            rows,
            fields.number("each_further"),
            fields.text("note"),
            fields.text("url"),
            fields.place,
        )

    def figure(self, node: Node | None) -> Fraction | None:
        """A number in its limits, or None for null (or, with the problem noted, for anything else)."""
        if node is None or (isinstance(node, Scalar) and node.value is None):
            return None
        given = node.value if isinstance(node, Scalar) else None
        if isinstance(given, date) and self.type.base is Base.DATE:
            return Fraction(day_number(given))
        number = isinstance(given, int | Decimal) and not isinstance(given, bool) and self.type.base is not Base.DATE
        if not isinstance(node, Scalar) or not isinstance(given, int | Decimal) or not number:
            text = node.text if isinstance(node, Scalar) else "this"
            self.problems.add(
                "bad-value", node.place, text=text, wanted=self.type.words("en"), wanted_zh=self.type.words("zh")
            )
            return None
        value = Fraction(given)
        if (value * self.type.scale).denominator != 1:
            self.problems.add(
                "bad-value",
                node.place,
                text=node.text,
                wanted=f"a multiple of {decimal_text(self.type.step)}",
                wanted_zh=f"{decimal_text(self.type.step)} 的倍数",
            )
        if not self.type.least <= value <= self.type.most:
            self.problems.add(
                "out-of-range",
                node.place,
                text=node.text,
                lowest=decimal_text(self.type.least),
                highest=decimal_text(self.type.most),
            )
        return value

    def rows(self, node: Node, depth: int, above: tuple[str | Fraction, ...]) -> list[Row]:
        key = self.keys[depth]
        last = depth == len(self.keys) - 1
        found: list[Row] = []
        if key.band:
            if not isinstance(node, Sequence):
                self.problems.add(
                    "wrong-shape",
                    node.place,
                    what="the rows of a band",
                    wanted="a list of {from, value}",
                    wanted_zh="{from, value} 的列表",
                    found="something else",
                    found_zh="其他内容",
                )
                return []
            before: Fraction | None = None
            for item in node.items:
                fields = Fields(item, ("a band row", "分段行"), self.problems, ("from", "value" if last else "rows"))
                start = fields.number("from")
                if start is None:
                    continue
                if before is not None and start <= before:
                    self.problems.add(
                        "row-twice" if start == before else "dates-out-of-order",
                        item.place,
                        name=self.name,
                        key=decimal_text(start),
                        later=decimal_text(start),
                        earlier=decimal_text(before),
                    )
                before = start
                found += self.below(fields.get("value" if last else "rows"), depth, (*above, start))
            return found
        named = self.choices[key.choices].values
        if not isinstance(node, Mapping):
            self.problems.add(
                "wrong-shape",
                node.place,
                what=f"the rows of '{self.name}'",
                wanted="a mapping by choice",
                wanted_zh="按选项列出的映射",
                found="something else",
                found_zh="其他内容",
            )
            return []
        for value in node.entries:
            if value != "otherwise" and value not in named:
                self.problems.add(
                    "unknown-choice", node.keys[value], self.problems.near(value, named), text=value, name=key.choices
                )
        for value in named:
            row = node.entries.get(value, node.entries.get("otherwise"))
            if row is None:
                hint = ("add the row, or 'otherwise:'", "请补上该行，或写 otherwise:")
                self.problems.add("row-missing", node.place, hint, name=self.name, key=value)
            else:
                found += self.below(row, depth, (*above, value))
        return found

    def below(self, node: Node | None, depth: int, keys: tuple[str | Fraction, ...]) -> list[Row]:
        if node is None:
            return []
        if depth == len(self.keys) - 1:
            return [Row(keys, self.figure(node))]
        return self.rows(node, depth + 1, keys)
