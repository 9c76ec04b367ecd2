"""Canonical JSON: the bytes of RFC 8785, and nothing that two readers could read in two ways."""

import enum
import hashlib
import json
from decimal import Decimal
from fractions import Fraction

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from engine.language import canonical
from engine.language.canonical import LARGEST, NotCanonical

TEXT = st.text(st.characters(exclude_categories=("Cs",)))
KEYS = st.text(st.characters(max_codepoint=127))
WHOLE = st.integers(-LARGEST, LARGEST)
VALUES = st.recursive(
    st.none() | st.booleans() | WHOLE | TEXT,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=30,
)


@given(VALUES)
def test_the_bytes_are_those_of_rfc_8785(value: object) -> None:
    assert canonical.dumps(value) == rfc8785.dumps(value)  # type: ignore[arg-type]


@given(VALUES)
def test_reading_gives_the_value_back(value: object) -> None:
    assert json.loads(canonical.dumps(value)) == value


@given(st.dictionaries(KEYS, WHOLE, min_size=2), st.randoms())
def test_the_order_of_keys_does_not_matter(value: dict[str, int], random: object) -> None:
    items = list(value.items())
    random.shuffle(items)  # type: ignore[attr-defined]
    assert canonical.dumps(dict(items)) == canonical.dumps(value)


def test_every_character_is_written_as_rfc_8785_writes_it() -> None:
    text = "".join(map(chr, [*range(0xD800), *range(0xE000, 0x11000)]))
    assert canonical.dumps(text) == rfc8785.dumps(text)


def test_known_bytes() -> None:
    value = {"b": [1, -2, True, None], "a": '最低生活保障\n\u0001\u007f"\\/', "": ()}
    expected = '{"":[],"a":"最低生活保障\\n\\u0001\u007f\\"\\\\/","b":[1,-2,true,null]}'.encode()
    assert canonical.dumps(value) == expected
    assert canonical.digest(value) == hashlib.sha256(expected).hexdigest()


class Colour(enum.IntEnum):
    RED = 1


class Word(str):
    pass


REFUSED = [
    (1.5, "", "float"),
    ({"a": [0, 1.0]}, "/a/1", "float"),
    (float("nan"), "", "float"),
    (Decimal("1.5"), "", "Decimal"),
    ({"a": Fraction(1, 3)}, "/a", "Fraction"),
    ({"钱": 1}, "", "ASCII"),
    ({"a": {"é": 1}}, "/a", "ASCII"),
    ({1: 1}, "", "keys are text"),
    ({"a": {None: 1}}, "/a", "keys are text"),
    (LARGEST + 1, "", "write text"),
    ({"x/y~z": [-LARGEST - 1]}, "/x~1y~0z/0", "write text"),
    ("\ud800", "", "surrogate"),
    (["a", {"b": "x\udfffy"}], "/1/b", "surrogate"),
    (Colour.RED, "", "Colour"),
    ([Word("a")], "/0", "Word"),
    (b"bytes", "", "bytes"),
    ({"a": {1, 2}}, "/a", "set"),
]


@pytest.mark.parametrize(("value", "pointer", "word"), REFUSED, ids=[repr(row[0]) for row in REFUSED])
def test_what_has_no_canonical_form_is_refused_with_its_place(value: object, pointer: str, word: str) -> None:
    for call in (canonical.dumps, canonical.digest):
        with pytest.raises(NotCanonical) as caught:
            call(value)
        assert caught.value.pointer == pointer
        assert word in str(caught.value)


@pytest.mark.parametrize("scalar", [None, True, False, 0, LARGEST, -LARGEST, "", "生活"])
def test_scalars_stand_alone(scalar: object) -> None:
    assert canonical.dumps(scalar) == rfc8785.dumps(scalar)  # type: ignore[arg-type]


def test_what_holds_itself_or_is_too_deep_is_refused() -> None:
    ring: list[object] = []
    ring.append(ring)
    deep: object = 0
    for _ in range(100_000):
        deep = [deep]
    for value in (ring, deep):
        with pytest.raises(NotCanonical, match="nested too deeply"):
            canonical.dumps(value)


def test_a_refusal_does_not_repeat_the_value() -> None:
    """A value may be personal; only the place and the type are told."""
    with pytest.raises(NotCanonical) as caught:
        canonical.dumps({"income": Decimal("1234.56"), "name": "张三"})
    assert "1234" not in str(caught.value) and "张三" not in str(caught.value)
