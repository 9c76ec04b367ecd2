"""JSON Schema 2020-12 of the rule files, for editors: made from the reader's own table of keys and the vocabulary.

One schema a kind of file, each standing alone. It knows shapes, words and names; units, types and what a rule means are
for `jiuzhu check`. Chinese stands first in every description, English below.
"""

from __future__ import annotations

import math
from typing import Any

from engine.language import labels
from engine.language.alerts import EXPECTED
from engine.language.fields import KEPT, NAME_PATTERN
from engine.language.household import LONGEST_TEXT, MOST_MEMBERS
from engine.language.model import Fact, Rulebook
from engine.language.shapes import LEVELS, SHAPES, TYPES, Key, Kind, Shape, a, freely, named
from engine.language.tree import Words
from engine.language.types import UNITS, Base, decimal_text

DIALECT = "https://json-schema.org/draft/2020-12/schema"
STATUSES = ("eligible", "ineligible", "undetermined")
Schema = dict[str, Any]

_DAY: Schema = {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"}
_MONEY_TEXT: Schema = {"type": "string", "pattern": r"^-?(0|[1-9][0-9]*)(\.[0-9]{1,2})?$"}
_SCALARS: dict[str, Schema] = {
    "text": {"type": ["string", "number"]},
    "source": {"type": ["string", "number"], "minLength": 1},
    "flag": {"type": "boolean"},
    "day": _DAY,
    "whole": {"type": "integer"},
    "number": {"type": "number"},
    "expression": {"type": ["string", "number", "boolean"], "minLength": 1, "maxLength": 1000},
    "limit": {"anyOf": [{"type": "number"}, _DAY]},
    "figure": {"anyOf": [{"type": ["number", "null"]}, _DAY]},
    "type": {"enum": list(TYPES)},
    "anything": {},
}


def schemas(rulebook: Rulebook) -> dict[str, Schema]:
    """The schema of each kind of rule file, by kind; names and choices are those of `rulebook`."""
    return {kind: _Writer(rulebook).file(kind) for kind in FILES}


# What each kind of file holds, and where its files are.
FILES: dict[str, tuple[Kind, Words]] = {
    "catalogue": (a("catalogue"), Words("政策目录 policies.yaml", "the catalogue, policies.yaml")),
    "facts": (a("vocabulary"), Words("词汇表 rules/facts.yaml", "the vocabulary, rules/facts.yaml")),
    "parameters": (
        named(a("parameter")),
        Words("法定数值 rules/parameters/*.yaml", "the figures of law, rules/parameters/*.yaml"),
    ),
    "policy": (a("policy"), Words("一项政策的一个版本", "one version of one policy")),
    "alert": (a("alert"), Words("一条预警规则 rules/alerts/*.yaml", "an alert rule, rules/alerts/*.yaml")),
    "labels": (named(a("label")), Words("标签 rules/labels.yaml", "the labels, rules/labels.yaml")),
    "calendar": (named(a("calendar_year")), Words("工作日历 rules/calendar.yaml", "working days, rules/calendar.yaml")),
    "households": (
        freely(Kind("household")),
        Words("示例家庭 rules/households.yaml", "example households, rules/households.yaml"),
    ),
    "household": (
        Kind("household"),
        Words("一户家庭的事实（jiuzhu decide 的输入）", "the facts of one household, as jiuzhu decide reads them"),
    ),
}


def kind_of_file(path: str, rulebook: Rulebook) -> str:
    """Which schema is that of a file of the rulebook."""
    if path == rulebook.catalogue:
        return "catalogue"
    if any(policy.at.file == path for policy in rulebook.policies):
        return "policy"
    if any(alert.at.file == path for alert in rulebook.alerts):
        return "alert"
    if any(label.at.file == path for label in rulebook.labels):
        return "labels"
    if any(year.at.file == path for year in rulebook.calendar.values()):
        return "calendar"
    if any(parameter.at.file == path for parameter in rulebook.parameters.values()):
        return "parameters"
    return "facts" if any(fact.at.file == path for fact in rulebook.facts.values()) else "households"


def _both(words: Words) -> str:
    return "\n".join(text for text in (words.zh, words.en) if text)


class _Writer:
    """Writes one schema; every shape that is met is written once, under `$defs`."""

    def __init__(self, rulebook: Rulebook):
        self.rulebook = rulebook
        self.definitions: dict[str, Schema] = {}

    def file(self, kind: str) -> Schema:
        what, says = FILES[kind]
        body = self.of(what)
        head = {"$schema": DIALECT, "title": f"救助 Jiuzhu: {says.zh}", "description": _both(says)}
        return {**head, **body, "$defs": dict(sorted(self.definitions.items()))}

    def of(self, kind: Kind) -> Schema:
        """The schema of what stands at a key."""
        if kind.name in _SCALARS:
            return dict(_SCALARS[kind.name])
        return dict(getattr(self, f"_{kind.name}")(kind))

    def defined(self, name: str, made: Any) -> Schema:
        """A pointer to a definition, which `made()` writes the first time."""
        if name not in self.definitions:
            self.definitions[name] = {}  # a shape may hold itself
            self.definitions[name] = made()
        return {"$ref": f"#/$defs/{name}"}

    # -- shapes --

    def _shape(self, kind: Kind) -> Schema:
        return self.defined(kind.shape, lambda: self.shape(SHAPES[kind.shape]))

    def shape(self, shape: Shape) -> Schema:
        found: Schema = {
            "description": _both(shape.says),
            "type": "object",
            "properties": {key.name: self.key(key) for key in shape.keys},
            "additionalProperties": False,
        }
        required = [key.name for key in shape.keys if key.required]
        if required:
            found["required"] = required
        if shape.one_of:
            found["oneOf"] = [{"required": [name]} for name in shape.one_of]
        return found

    def key(self, key: Key) -> Schema:
        return {"description": _both(key.says), **self.of(key.kind)}

    def _list(self, kind: Kind) -> Schema:
        return {"type": "array", "items": self.of(kind.of[0])}

    def _map(self, kind: Kind) -> Schema:
        """Declared names: well formed, and no word of the language."""
        return {
            "type": "object",
            "propertyNames": {"pattern": NAME_PATTERN, "not": {"enum": sorted(KEPT)}},
            "additionalProperties": self.of(kind.of[0]),
        }

    def _freely(self, kind: Kind) -> Schema:
        return {"type": "object", "additionalProperties": self.of(kind.of[0])}

    def _either(self, kind: Kind) -> Schema:
        return {"anyOf": [self.of(each) for each in kind.of]}

    def _one_of(self, kind: Kind) -> Schema:
        return {"enum": list(kind.choices)}

    def _name(self, kind: Kind) -> Schema:
        return {"type": "string", "pattern": NAME_PATTERN, "not": {"enum": sorted(KEPT)}}

    def _words(self, kind: Kind) -> Schema:
        label = {"type": ["string", "number"], "minLength": 1, "pattern": r"\S"}
        return self.defined(
            "words",
            lambda: {
                "description": _both(Words("中英文名称", "the same in Chinese and English")),
                "type": "object",
                "properties": {"zh": label, "en": label},
                "required": ["zh", "en"],
                "additionalProperties": False,
            },
        )

    def _gloss(self, kind: Kind) -> Schema:
        no_digits = {"type": "string", "minLength": 1, "pattern": "^[^0-9０-９]*$"}
        return self.defined(
            "gloss",
            lambda: {
                "type": "object",
                "properties": {"zh": no_digits, "en": no_digits},
                "required": ["zh", "en"],
                "additionalProperties": False,
            },
        )

    def _cite(self, kind: Kind) -> Schema:
        one = [{"type": "string"}, self.of(a("citation"))]
        return {"anyOf": [*one, {"type": "array", "minItems": 1, "items": {"anyOf": one}}]}

    def _condition(self, kind: Kind) -> Schema:
        return {"anyOf": [dict(_SCALARS["expression"]), self.of(a("condition"))]}

    def _unit(self, kind: Kind) -> Schema:
        one = "(" + "|".join(spelling for row in UNITS.values() for spelling in row[0]) + ")"
        return {"type": "string", "pattern": f"^{one}(/{one})*$"}

    def _rows(self, kind: Kind) -> Schema:
        return self.defined("rows", self._rows_body)

    def _rows_body(self) -> Schema:
        below = {"anyOf": [dict(_SCALARS["figure"]), {"$ref": "#/$defs/rows"}]}
        band = {
            "type": "object",
            "properties": {"from": {"type": "number"}, "value": _SCALARS["figure"], "rows": {"$ref": "#/$defs/rows"}},
            "required": ["from"],
            "oneOf": [{"required": ["value"]}, {"required": ["rows"]}],
            "additionalProperties": False,
        }
        return {
            "anyOf": [
                {"type": "object", "minProperties": 1, "additionalProperties": below},
                {"type": "array", "minItems": 1, "items": band},
            ]
        }

    # -- names of the rulebook --

    def _choices(self, kind: Kind) -> Schema:
        return {"enum": list(self.rulebook.choices)}

    def _policy(self, kind: Kind) -> Schema:
        return self.defined("policy_name", lambda: self.policies(LEVELS))

    def policies(self, levels: tuple[str, ...]) -> Schema:
        found = [name for name in self.rulebook.ids() if self.rulebook.level(name) in levels]
        titles = [self.rulebook.versions(name)[-1].title for name in found]
        return {"enum": found, "enumDescriptions": [_both(title) for title in titles]}

    def _like(self, kind: Kind) -> Schema:
        return {"enum": list(self.rulebook.households)}

    # -- households --

    def _household(self, kind: Kind) -> Schema:
        return self.defined("household", lambda: self.household(("members",)))

    def _changes(self, kind: Kind) -> Schema:
        return self.defined("changes", lambda: self.household(()))

    def household(self, required: tuple[str, ...]) -> Schema:
        members = {
            "description": _both(Words("成员，各有 id", "the members, each with an id")),
            "type": "array",
            "minItems": 1,
            "maxItems": MOST_MEMBERS,
            "items": self.defined("member", lambda: self.level("member", {"id": _id()}, ("id",))),
        }
        return self.level("household", {"members": members}, required)

    def level(self, level: str, beside: Schema, required: tuple[str, ...]) -> Schema:
        facts = [fact for fact in self.rulebook.facts.values() if fact.level == level and not fact.derived]
        says = Words("已在享受的政策；不写表示不知道", "policies already drawn; left out: not known")
        drawn = self.defined(f"{level}_policy", lambda: self.policies((level,)))
        receiving = {"description": _both(says), "type": ["array", "null"], "items": drawn}
        found: Schema = {
            "type": "object",
            "properties": {**beside, "receiving": receiving, **{fact.name: self.fact(fact) for fact in facts}},
            "additionalProperties": False,
        }
        return {**found, "required": list(required)} if required else found

    def fact(self, fact: Fact) -> Schema:
        """A bare value, a range, or `{value, source, verified}`; null: not known."""
        says = _both(Words(f"{fact.label.zh}：{fact.type.words('zh')}", f"{fact.label.en}: {fact.type.words('en')}"))
        asked = _both(fact.question)
        return {"description": "\n".join(text for text in (says, asked) if text), **self.known(fact)}

    def known(self, fact: Fact) -> Schema:
        """What may be said of a fact of this type, written once for all facts of the same type and limits."""
        kind = fact.type
        limits = (decimal_text(kind.least), decimal_text(kind.most)) if kind.numeric else ()
        return self.defined(
            "_".join(filter(None, ("known", kind.base.value, kind.choices, *limits))), lambda: self.known_body(fact)
        )

    def known_body(self, fact: Fact) -> Schema:
        bare = self.bare(fact)
        kinds: list[Schema] = [bare, {"type": "null"}]
        if fact.type.base is Base.TEXT:
            return {"anyOf": kinds}
        inner = list(kinds)
        if fact.type.numeric or fact.type.base is Base.DATE:
            ends = ("earliest", "latest") if fact.type.base is Base.DATE else ("lowest", "highest")
            between = _parts({end: {"anyOf": [bare, {"type": "null"}]} for end in ends}, ())
            inner.append(between)
            kinds.append({**between, "anyOf": [{"required": [end]} for end in ends]})
        kinds.append(_parts({"value": {"anyOf": inner}}, ("value",)))
        return {"anyOf": kinds}

    def bare(self, fact: Fact) -> Schema:
        base = fact.type.base
        if base in (Base.CHOICE, Base.CHOICES):
            listed = self.defined(f"choice_{fact.type.choices}", lambda: self.choice(fact.type.choices))
            return listed if base is Base.CHOICE else {"type": "array", "items": listed}
        if base is Base.YES_NO:
            return {"type": "boolean"}
        if base is Base.DATE:
            return dict(_DAY)
        if base is Base.TEXT:
            return {"type": "string", "maxLength": LONGEST_TEXT}
        # Whole limits only: a schema's number is a float, and the engine's never is.
        limits = {"minimum": math.floor(fact.type.least), "maximum": math.ceil(fact.type.most)}
        if base is Base.WHOLE:
            return {"type": "integer", **limits}
        number: Schema = {"type": "number", **limits}
        return {"anyOf": [number, _MONEY_TEXT]} if base is Base.MONEY else number

    def choice(self, name: str) -> Schema:
        listed = self.rulebook.choices[name]
        return {"enum": list(listed.values), "enumDescriptions": [_both(listed.words[v]) for v in listed.values]}

    # -- what an example expects --

    def _raised(self, kind: Kind) -> Schema:
        """What an example of an alert rule expects."""
        inner: Schema = {
            "type": "object",
            "properties": {"status": {"enum": list(EXPECTED)}, "possible": {"enum": ["yes", "no", "unknown"]}},
            "required": ["status"],
        }
        return {"anyOf": [inner, {"type": "object", "additionalProperties": inner}]}

    def _carried(self, kind: Kind) -> Schema:
        """What an example of a label expects."""
        inner: Schema = {
            "type": "object",
            "properties": {"status": {"enum": list(labels.EXPECTED)}},
            "required": ["status"],
        }
        return {"anyOf": [inner, {"type": "object", "additionalProperties": inner}]}

    def _expect(self, kind: Kind) -> Schema:
        return self.defined("expected", self._expect_body)

    def _expect_body(self) -> Schema:
        policies = {"type": "array", "items": self._policy(Kind("policy"))}
        value: Schema = {"anyOf": [{"type": ["number", "boolean", "string", "null"]}, {"type": "object"}, _list()]}
        inner: Schema = {
            "type": "object",
            "properties": {
                "status": {"enum": list(STATUSES)},
                "conditional_on": policies,
                "best": policies,
                "choices": {"type": "array", "items": policies},
                "missing": _list(),
                "receives": {"enum": ["yes", "no", "unknown", True, False]},
            },
            "additionalProperties": value,
        }
        return {
            "description": _both(
                Words("结果；按成员认定的政策逐个成员写", "what comes out; of a member policy, for each member")
            ),
            **inner,
        }


def _id() -> Schema:
    return {"type": ["string", "integer"], "pattern": "^[A-Za-z0-9][A-Za-z0-9_.-]{0,31}$"}


def _list() -> Schema:
    return {"type": "array", "items": {"type": "string"}}


def _parts(parts: Schema, required: tuple[str, ...]) -> Schema:
    found: Schema = {
        "type": "object",
        "properties": {
            **parts,
            "source": {"type": "string", "maxLength": LONGEST_TEXT},
            "verified": {"type": ["boolean", "null"]},
        },
        "additionalProperties": False,
    }
    return {**found, "required": list(required)} if required else found
