"""Fields that take exactly what they say and change nothing: a number is not text, 2.7 is not 2, "off" is
not false.

A fault is a `Fault` with a code; `faults_of` turns marshmallow's nested messages into JSON pointers.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from marshmallow import RAISE, Schema, ValidationError, fields

from api.problems import Fault
from engine.language.identity_number import IdentityNumberError, read_identity_number
from engine.language.problems import did_you_mean

__all__ = [
    "Anything", "Day", "Facts", "Flag", "IdentityNumberField", "Many", "MappingOf", "Nested", "OneOf", "Strict",
    "StrictSchema", "Text", "Whole", "faults_of", "parameter_faults",
]  # fmt: skip

_REQUIRED, _NULL = Fault("required"), Fault("null")


class StrictSchema(Schema):
    """A schema that refuses what it does not know. Make each once, at import: making one costs more than
    using it."""

    class Meta:
        unknown = RAISE

    error_messages: dict[str, Any] = {  # noqa: RUF012 - marshmallow's own way; a Fault for each sentence
        "type": Fault.of("wrong-kind", wanted_zh="对象", wanted_en="an object"),
        "unknown": Fault("unknown-key"),
    }


class Strict(fields.Field):
    """What all fields here share. `from_text`: the value comes from a query string, so it is always text."""

    default_error_messages: dict[str, Any] = {"required": _REQUIRED, "null": _NULL}  # noqa: RUF012

    def __init__(self, *, from_text: bool = False, **known: Any) -> None:
        super().__init__(**known)
        self.from_text = from_text

    def refuse(self, code: str, **words: object) -> ValidationError:
        return ValidationError([Fault(code, words=tuple((key, str(value)) for key, value in words.items()))])

    def kind(self, zh: str, en: str) -> ValidationError:
        return self.refuse("wrong-kind", wanted_zh=zh, wanted_en=en)

    def json_schema(self) -> dict[str, Any]:
        """This field in JSON Schema 2020-12."""
        return {}


class Text(Strict):
    """Text of `least` to `most` characters, perhaps of a form. `open_`: written by people and kept for
    good, so it may hold no identity number and no mobile number."""

    def __init__(
        self, *, least: int = 1, most: int = 200, pattern: str = "", form: str = "", open_: bool = False, **known: Any
    ) -> None:
        super().__init__(**known)
        self.least, self.most, self.open_ = least, most, open_
        self.pattern, self.form = pattern, form
        self._match = re.compile(pattern) if pattern else None

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> str:
        if not isinstance(value, str):
            raise self.kind("文本", "text")
        if len(value) > self.most:
            raise self.refuse("too-long", most=self.most)
        if len(value.strip()) < self.least:
            raise self.refuse("too-short", least=self.least)
        if any(unicodedata.category(ch) in ("Cc", "Cs") and ch not in "\n\t" for ch in value):
            raise self.refuse("not-text")
        if self._match is not None and not self._match.fullmatch(value):
            raise self.refuse("wrong-form", form=self.form)
        if self.open_ and holds_identity(value):
            raise self.refuse("holds-identity")
        return value

    def json_schema(self) -> dict[str, Any]:
        found: dict[str, Any] = {"type": "string", "minLength": self.least, "maxLength": self.most}
        if self.pattern:
            found["pattern"] = f"^{self.pattern}$"
        return found


_NUMBERS = re.compile(r"(?<![0-9])(?:([0-9]{17}[0-9Xx])|(?:\+?86[- ]?)?1[3-9][0-9]{9})(?![0-9])")


def holds_identity(text: str) -> bool:
    """Whether text holds an identity number (with a check character that fits) or a mainland mobile
    number."""
    for found in _NUMBERS.finditer(unicodedata.normalize("NFKC", text)):
        if found[1] is None:
            return True
        try:
            read_identity_number(found[1])
        except IdentityNumberError:
            continue
        return True
    return False


class IdentityNumberField(Strict):
    """A citizen identity number, GB 11643. Comes out as an IdentityNumber."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> Any:
        if not isinstance(value, str):
            raise self.kind("文本", "text")
        try:
            return read_identity_number(value)
        except IdentityNumberError as error:
            raise ValidationError([error]) from None

    def json_schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": "^[1-9][0-9]{16}[0-9Xx]$", "description": "GB 11643"}


class Flag(Strict):
    """true or false; in a query string those two words."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> bool:
        if self.from_text and value in ("true", "false"):
            return bool(value == "true")
        if not isinstance(value, bool):
            raise self.kind("true 或 false", "true or false")
        return value

    def json_schema(self) -> dict[str, Any]:
        return {"type": "boolean"}


class Whole(Strict):
    """A whole number from `lowest` to `highest`."""

    def __init__(self, *, lowest: int = 0, highest: int = 2**53 - 1, **known: Any) -> None:
        super().__init__(**known)
        self.lowest, self.highest = lowest, highest

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> int:
        if self.from_text and isinstance(value, str) and re.fullmatch(r"0|[1-9][0-9]{0,15}", value, re.ASCII):
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool):
            raise self.kind("整数", "a whole number")
        if not self.lowest <= value <= self.highest:
            raise self.refuse("outside", lowest=self.lowest, highest=self.highest)
        return value

    def json_schema(self) -> dict[str, Any]:
        return {"type": "integer", "minimum": self.lowest, "maximum": self.highest}


class Day(Strict):
    """A day, YYYY-MM-DD, that the rule language can read law for."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> date:
        wrong = self.kind("日期，如 2025-08-01", "a date such as 2025-08-01")
        if not isinstance(value, str) or not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value, re.ASCII):
            raise wrong
        try:
            found = date.fromisoformat(value)
        except ValueError:
            raise wrong from None
        if found.year < 1800:
            raise self.refuse("outside", lowest="1800-01-01", highest="9999-12-31")
        return found

    def json_schema(self) -> dict[str, Any]:
        return {"type": "string", "format": "date"}


class OneOf(Strict):
    """One of a few words."""

    def __init__(self, *choices: str, **known: Any) -> None:
        super().__init__(**known)
        self.choices = choices

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> str:
        if not isinstance(value, str) or value not in self.choices:
            near = did_you_mean(value[:64], self.choices) if isinstance(value, str) else ("", "")
            raise self.refuse("not-one-of", choices=", ".join(self.choices), near_zh=near[1], near_en=near[0])
        return value

    def json_schema(self) -> dict[str, Any]:
        return {"type": "string", "enum": list(self.choices)}


class Many(Strict):
    """A list of at most `most` of one kind."""

    def __init__(self, inner: fields.Field, *, most: int, unique: bool = False, **known: Any) -> None:
        super().__init__(**known)
        self.inner, self.most, self.unique = inner, most, unique

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> list[Any]:
        if not isinstance(value, list):
            raise self.kind("列表", "a list")
        if len(value) > self.most:
            raise self.refuse("too-many", most=self.most)
        found: list[Any] = []
        wrong: dict[int, Any] = {}
        for place, each in enumerate(value):
            try:
                found.append(self.inner.deserialize(each))
                if self.unique and each in value[:place]:
                    wrong[place] = [Fault("twice")]
            except ValidationError as error:
                wrong[place] = error.messages
        if wrong:
            raise ValidationError(wrong)
        return found

    def json_schema(self) -> dict[str, Any]:
        found = {"type": "array", "items": schema_of(self.inner), "maxItems": self.most}
        return found | ({"uniqueItems": True} if self.unique else {})


class MappingOf(Strict):
    """An object of at most `most` entries whose values are of one kind; keys as `key` reads them."""

    def __init__(self, key: Text, inner: fields.Field, *, most: int, **known: Any) -> None:
        super().__init__(**known)
        self.key, self.inner, self.most = key, inner, most

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise self.kind("对象", "an object")
        if len(value) > self.most:
            raise self.refuse("too-many", most=self.most)
        found: dict[str, Any] = {}
        wrong: dict[str, Any] = {}
        for name, each in value.items():
            found[name] = {}
            try:
                self.key.deserialize(name)
                found[name] = self.inner.deserialize(each)
            except ValidationError as error:
                wrong[name] = error.messages
        if wrong:  # the names of what is wrong are kept, so that they too can be looked at
            raise ValidationError(wrong, valid_data=found)
        return found

    def json_schema(self) -> dict[str, Any]:
        return {
            "type": "object",
            "propertyNames": self.key.json_schema(),
            "additionalProperties": schema_of(self.inner),
            "maxProperties": self.most,
        }


class Nested(Strict):
    """Another schema, a component of the document by its own name."""

    def __init__(self, schema: StrictSchema, **known: Any) -> None:
        super().__init__(**known)
        self.schema = schema

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> Any:
        return self.schema.load(value)

    def json_schema(self) -> dict[str, Any]:
        return {"$ref": f"#/components/schemas/{component(self.schema)}"}


class Facts(Strict):
    """A household's facts, left to the engine's own strict reader; the document's schema is made from the
    vocabulary."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> Any:
        return value

    def json_schema(self) -> dict[str, Any]:
        return {"$ref": "#/components/schemas/Household"}


class Anything(Strict):
    """Any JSON value, of a shape described by `shape` alone: for answers, and for documents that are
    checked elsewhere."""

    def __init__(self, shape: Mapping[str, Any] | None = None, **known: Any) -> None:
        super().__init__(**known)
        self.shape = dict(shape or {})

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> Any:
        return value

    def json_schema(self) -> dict[str, Any]:
        return self.shape


class Money(Strict):
    """An amount in yuan, not below zero: text or a number with at most two decimals. Comes out as whole
    fen."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> int:
        wrong = self.kind("金额，如 1650.00", "an amount of money such as 1650.00")
        if isinstance(value, str) and re.fullmatch(r"(?:0|[1-9][0-9]{0,9})(?:\.[0-9]{1,2})?", value, re.ASCII):
            value = Decimal(value)
        if isinstance(value, bool) or not isinstance(value, int | Decimal) or not 0 <= value <= 10**9:
            raise wrong
        fen = Decimal(value) * 100
        if fen != fen.to_integral_value():
            raise wrong
        return int(fen)

    def json_schema(self) -> dict[str, Any]:
        return {
            "oneOf": [
                {"type": "string", "pattern": r"^(?:0|[1-9][0-9]{0,9})(?:\.[0-9]{1,2})?$"},
                {"type": "number", "minimum": 0, "maximum": 10**9},
            ]
        }


def schema_of(field: fields.Field) -> dict[str, Any]:
    """A field in JSON Schema, null among its types where it may be null."""
    assert isinstance(field, Strict)
    found = field.json_schema()
    if field.allow_none and found:
        if isinstance(found.get("type"), str):
            found = {**found, "type": [found["type"], "null"]}
            if "enum" in found:
                found["enum"] = [*found["enum"], None]
        else:
            found = {"anyOf": [found, {"type": "null"}]}
    return found | {key: value for key, value in field.metadata.items() if key in ("description", "examples")}


def component(schema: Schema) -> str:
    """The name of a schema in the OpenAPI document."""
    return type(schema).__name__


# -- faults --


def faults_of(messages: Any, schema: Schema | None, base: str = "") -> Iterator[Any]:
    """marshmallow's nested messages as faults with JSON pointers. What is not a Fault among them (an
    exception of the engine's) is passed on with its pointer, as a pair."""
    if isinstance(messages, Mapping):
        for name, inner in messages.items():
            if name == "_schema":
                yield from faults_of(inner, schema, base)
                continue
            unknown = schema is not None and isinstance(name, str) and name not in schema.fields
            below = schema if unknown else _inside(schema, name)
            yield from faults_of(inner, below, below_of(base, name))
        return
    for each in messages if isinstance(messages, list) else [messages]:
        if not isinstance(each, Fault):
            yield each, base
            continue
        words = dict(each.words)
        if each.code == "unknown-key" and schema is not None:
            near = did_you_mean(base.rpartition("/")[2], schema.fields)
            words |= {"near_zh": near[1], "near_en": near[0]}
        yield Fault.of(each.code, base, **words)


_LIKE_A_PERSON = re.compile(r"[0-9]{6}")


def below_of(base: str, name: object) -> str:
    """The pointer to what `name` holds below `base`. A key that holds a number as of a person or a telephone is not
    repeated: the pointer then stays at what holds it."""
    text = str(name)[:64]
    if _LIKE_A_PERSON.search(text):
        return base
    return f"{base}/{text.replace('~', '~0').replace('/', '~1')}"


def _inside(schema: Schema | None, name: object) -> Schema | None:
    """The schema below a field; of a list's place or an object's key the same one."""
    if schema is None or not isinstance(name, str) or name not in schema.fields:
        return schema
    field = schema.fields[name]
    while isinstance(field, Many | MappingOf):
        field = field.inner
    return field.schema if isinstance(field, Nested) else None


def parameter_faults(messages: Mapping[str, Any], schema: Schema) -> Iterator[Fault]:
    """The faults of a query, by the names of its parameters. One it does not know is named only if it is a
    plain word."""
    for name, inner in messages.items():
        place = name if re.fullmatch(r"[A-Za-z_-]{1,40}", name) else ""
        for each in inner if isinstance(inner, list) else [inner]:
            words = dict(each.words)
            if each.code == "unknown-key":
                near = did_you_mean(name[:64], schema.fields)
                words |= {"near_zh": near[1], "near_en": near[0]}
            yield Fault.of(each.code, place, "parameter", **words)
