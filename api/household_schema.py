"""A household in JSON Schema, made from the vocabulary of the rules in force."""

from __future__ import annotations

from typing import Any

from engine.language.household import LONGEST_TEXT, MOST_MEMBERS, Vocabulary
from engine.language.model import Fact
from engine.language.types import Base, decimals_of

__all__ = ["household_schema"]


def household_schema(vocabulary: Vocabulary) -> dict[str, Any]:
    """The schema of `household` in a request: every fact with its type, limits, choices and words."""
    member = _level(vocabulary, "member")
    member["properties"] = {
        "id": {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9_.-]{0,31}$"},
        **member["properties"],
    }
    member["required"] = ["id"]
    whole = _level(vocabulary, "household")
    members = {"type": "array", "minItems": 1, "maxItems": MOST_MEMBERS, "items": member}
    whole["properties"] = {**whole["properties"], "members": members}
    whole["required"] = ["members"]
    return whole


def _level(vocabulary: Vocabulary, level: str) -> dict[str, Any]:
    facts = {name: _fact(vocabulary, fact) for name, fact in vocabulary.facts[level].items()}
    drawn = [policy for policy, where in vocabulary.policies.items() if where == level]
    receiving: dict[str, Any] = {
        "type": ["array", "null"],
        "items": {"type": "string", "enum": drawn},
        "description": "正在享受的政策；省略或 null 表示不知道 / already drawn; left out or null: not known",
    }
    return {"type": "object", "properties": {**facts, "receiving": receiving}, "additionalProperties": False}


def _fact(vocabulary: Vocabulary, fact: Fact) -> dict[str, Any]:
    words = f"{fact.label.zh} / {fact.label.en}"
    base = fact.type.base
    if base is Base.TEXT:
        return {"description": words, "type": ["string", "null"], "maxLength": LONGEST_TEXT}
    bare = _bare(vocabulary, fact)
    value: dict[str, Any] = {"anyOf": [bare, {"type": "null"}]}
    about: dict[str, Any] = {"source": {"type": "string", "maxLength": LONGEST_TEXT}, "verified": {"type": "boolean"}}
    forms = [bare, {"type": "null"}, _closed({"value": value, **about}, ["value"])]
    if fact.type.numeric or base is Base.DATE:
        ends = ("earliest", "latest") if base is Base.DATE else ("lowest", "highest")
        forms.append({**_closed({**{end: value for end in ends}, **about}, []), "minProperties": 1})
    return {"description": words, "anyOf": forms}


def _closed(properties: dict[str, Any], required: list[str]) -> dict[str, Any]:
    found = {"type": "object", "properties": properties, "additionalProperties": False}
    return found | ({"required": required} if required else {})


def _bare(vocabulary: Vocabulary, fact: Fact) -> dict[str, Any]:
    kind = fact.type
    if kind.base is Base.YES_NO:
        return {"type": "boolean"}
    if kind.choices:
        one = {"type": "string", "enum": list(vocabulary.choices[kind.choices].values)}
        return one if kind.base is Base.CHOICE else {"type": "array", "items": one}
    if kind.base is Base.DATE:
        return {"type": "string", "format": "date", "description": "1800-01-01 … 9999-12-31"}
    places = decimals_of(kind.scale)
    least, most = (int(end) if end.denominator == 1 else float(end) for end in (kind.least, kind.most))
    digits = rf"(?:\.[0-9]{{1,{places}}})?" if places else ""
    text = {"type": "string", "pattern": rf"^-?(?:0|[1-9][0-9]{{0,15}}){digits}$"}
    return {"anyOf": [{"type": "number" if places else "integer", "minimum": least, "maximum": most}, text]}
