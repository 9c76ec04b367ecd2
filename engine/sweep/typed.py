"""Columns of an Arrow table as checked values: what `engine/sweep/reading.py` says in SQL, for values that are good.

Only what is plainly good passes here. At the least doubt about a value a Doubt is raised; the SQL then reads the chunk
and says what is wrong. Doubting too much costs time, never an answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from engine.language.household import LONGEST_TEXT
from engine.language.model import Fact, Rulebook
from engine.language.types import Base
from engine.sweep.columns import Columns
from engine.sweep.reading import DATE, DECIMAL, EMPTY
from engine.sweep.source import Read, Table
from engine.sweep.vector import Array, narrowest

Column = tuple[Array, Array | None]  # values, and where they are not known (there they are 0 or False)
Columned = Mapping[str, pa.Array]
NEVER = -1  # the code of a text that is none of those a column can hold
YEAR_1, YEAR_9999 = ((day - date(1970, 1, 1)).days for day in (date.min, date.max))
PLACES = 8  # decimals of a number in text (see DECIMAL)


class Doubt(Exception):
    """A value may be wrong."""


@dataclass(frozen=True, slots=True)
class Typed:
    """How some columns of the checked table are made from columns of the source."""

    read: Callable[[Columned], Mapping[str, Column]]
    sources: tuple[str, ...]


def typed(table: Table, rulebook: Rulebook, columns: Columns, needed: frozenset[str]) -> list[Typed]:
    """How every fact that a table carries is read, and what is received. All is looked at; kept is what is needed."""
    found = [_fact(read, rulebook, columns, needed) for read in table.reads]
    if table.receiving:
        made = {p: columns.receives[p].name for p in rulebook.ids() if rulebook.level(p) == table.level}
        found.append(_several(table.receiving, made, table.receiving_values, needed))
    return found


def _fact(read: Read, rulebook: Rulebook, columns: Columns, needed: frozenset[str]) -> Typed:
    base, fact = read.fact.type.base, read.fact
    if base is Base.TEXT:
        return Typed(lambda found: _short(found[read.column]), (read.column,))
    if base is Base.CHOICES:
        made = {value: column.name for value, column in columns.several[fact.name].items()}
        return _several(read.column, made, read.values, needed)
    if base not in (Base.YES_NO, Base.CHOICE):
        return _number(read, columns)
    name = columns.facts[fact.name].name
    if base is Base.YES_NO and read.kind == "BOOLEAN" and not read.values:
        return Typed(lambda found: {name: _truth(found[read.column])}, (read.column,))
    if base is Base.YES_NO:
        told = {str(raw): int(to) for raw, to in (read.values or {"true": True, "false": False}).items()}
    else:
        codes = {value: code for code, value in enumerate(rulebook.choices[fact.type.choices].values)}
        told = {**codes, **{str(raw): codes[str(to)] for raw, to in read.values.items()}}
    kind = np.bool_ if base is Base.YES_NO else np.int8
    return Typed(lambda found: {name: _looked_up(found[read.column], told, kind)}, (read.column,))


def _number(read: Read, columns: Columns) -> Typed:
    fact = read.fact
    if not read.ranged:
        name = columns.facts[fact.name].name
        return Typed(lambda found: {name: _parts(found[read.column], fact)}, (read.column,))
    least, most = (named[fact.name].name for named in (columns.least, columns.most))
    limits = _limits(fact)

    def ends(found: Columned) -> Mapping[str, Column]:
        value, *given = (_parts(found[c], fact) if c else None for c in (read.column, read.least, read.most))
        made = [_either(value, end, limit) for end, limit in zip(given, limits, strict=True)]
        if np.any(made[0] > made[1]):
            raise Doubt
        for end in given:
            if value is not None and end is not None and np.any(_known(value) & _known(end)):
                raise Doubt
        return {least: (made[0], None), most: (made[1], None)}

    return Typed(ends, tuple(filter(None, (read.column, read.least, read.most))))


def _known(column: Column) -> Array:
    values, unknown = column
    return np.ones(len(values), np.bool_) if unknown is None else ~unknown


def _either(value: Column | None, end: Column | None, limit: int) -> Array:
    """The value where it is known, else the end where that is, else the limit."""
    found: Any = limit
    for values, unknown in filter(None, (end, value)):
        found = values if unknown is None else np.where(unknown, found, values)
    return found


def _limits(fact: Fact) -> tuple[int, int]:
    return int(fact.type.least * fact.type.scale), int(fact.type.most * fact.type.scale)


# ------------------------------------------------------------------------------------------------ one column


def unknown_of(column: pa.Array) -> Array | None:
    """Where a column is null; None where it nowhere is."""
    if not column.null_count:
        return None
    known = column.buffers()[0]
    return np.ones(len(column), np.bool_) if known is None else ~_bits(known, column)


def _bits(buffer: pa.Buffer, column: pa.Array) -> Array:
    """A bit for each row of a column as truths: in a fraction of the time that pyarrow takes."""
    first, skipped = divmod(column.offset, 8)
    bits = np.frombuffer(buffer, np.uint8)[first : (column.offset + len(column) + 7) // 8]
    found: Array = np.unpackbits(bits, bitorder="little")[skipped : skipped + len(column)].view(np.bool_)
    return found


def labelled(column: pa.Array) -> tuple[Array, list[str | None]]:
    """Each text once, and for each row which it is, below zero where it is null. Whole numbers are texts too."""
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    codes = column.indices.cast(pa.int32())
    if column.indices.null_count:
        codes = codes.fill_null(-1)
    return codes.to_numpy(), column.dictionary.cast(pa.string()).to_pylist()


def _short(column: pa.Array) -> Mapping[str, Column]:
    """Nothing: of a text only its length is looked at."""
    if any(value is None or len(value) > LONGEST_TEXT for value in labelled(column)[1]):
        raise Doubt
    return {}


def _truth(column: pa.Array) -> Column:
    unknown = unknown_of(column)
    truths = _bits(column.buffers()[1], column)
    return (truths if unknown is None else truths & ~unknown), unknown


def _looked_up(column: pa.Array, told: Mapping[str, int], kind: Any) -> Column:
    """Texts as the numbers they stand for."""
    if pa.types.is_boolean(column.type):
        raise Doubt
    codes, values = labelled(column)
    numbers = [NEVER if value is None else told.get(value, NEVER) for value in values]
    if NEVER in numbers:
        raise Doubt
    return np.array([*numbers, 0], kind)[codes], unknown_of(column)


def _parts(column: pa.Array, fact: Fact) -> Column:
    """Numbers and dates in their smallest parts (fen; yyyymmdd), within the limits of the fact."""
    unknown = unknown_of(column)
    # 0 where it is not known
    values = _dates(column) if fact.type.base is Base.DATE else _numbers(column, fact.type.scale)
    least, most = _limits(fact)
    looked: Any = True if unknown is None or least <= 0 <= most else ~unknown
    low, high = (int(end(values, initial=least, where=looked)) for end in (np.min, np.max))
    if not least <= low <= high <= most:
        raise Doubt
    return values.astype(narrowest(least, most), copy=False), unknown


def _dates(column: pa.Array) -> Array:
    if not pa.types.is_date32(column.type):
        return _texts(column, DATE, pa.date32(), _dates)
    days = column.cast(pa.int32())
    if column.null_count:
        first = pc.min(days).as_py()
        days = days.fill_null(0 if first is None else first)
    days = days.to_numpy()
    if not len(days):
        return days.astype(np.int64)
    first, last = int(days.min()), int(days.max())
    if first < YEAR_1 or last > YEAR_9999:
        raise Doubt
    numbers = _calendar(first, last)[days - first]  # there are far fewer days than rows
    return numbers if (unknown := unknown_of(column)) is None else numbers * ~unknown


def _calendar(first: int, last: int) -> Array:
    """The number yyyymmdd of each of some days, which are counted from 1970."""
    days = np.arange(first, last + 1).astype("datetime64[D]")
    years, months = days.astype("datetime64[Y]"), days.astype("datetime64[M]")
    numbers: Array = (years.astype(np.int64) + 1970) * 10000 + (months.astype(np.int64) % 12 + 1) * 100
    return numbers + (days - months).astype(np.int64) + 1


def _numbers(column: pa.Array, scale: int) -> Array:
    if pa.types.is_decimal(column.type):
        return _decimals(column, scale)
    if pa.types.is_integer(column.type):
        values = column.fill_null(0).to_numpy()
        if len(values) and not (int(values.min()) > -(2**53) and int(values.max()) < 2**53):
            raise Doubt  # whatever it is, it is outside all limits: and times the scale it would not fit
        return values.astype(np.int64) * scale
    return _texts(column, DECIMAL, pa.decimal128(26, PLACES), lambda found: _decimals(found, scale))


def _decimals(column: pa.Array, scale: int) -> Array:
    """Decimals as whole numbers of 1/scale: those of 64 bits that need not be rounded."""
    column = column if pa.types.is_decimal128(column.type) else column.cast(pa.decimal128(38, column.type.scale))
    known = True if (unknown := unknown_of(column)) is None else ~unknown
    words = np.frombuffer(column.buffers()[1], np.int64).reshape(-1, 2)[column.offset : column.offset + len(column)]
    if column.type.precision > 18 and np.any((words[:, 1] != words[:, 0] >> 63) & known):
        raise Doubt  # more than 64 bits
    low = words[:, 0] * known
    parts = 10**column.type.scale
    if scale % parts == 0:
        times = scale // parts
        if times > 1 and len(low) and max(-int(low.min()), int(low.max())) >= 2**62 // times:
            raise Doubt
        return low * times if times > 1 else low
    if parts % scale:
        raise Doubt
    if np.any(low % (parts // scale)):
        raise Doubt  # more decimals than there may be
    return low // (parts // scale)


def _texts(column: pa.Array, pattern: str, kind: pa.DataType, read: Callable[[pa.Array], Array]) -> Array:
    """Texts of a pattern as values of a kind: each different one is read once."""
    if not pa.types.is_dictionary(column.type):
        if not _text(column.type):
            raise Doubt
        column = column.dictionary_encode()
    values = column.dictionary.cast(pa.string())
    if values.null_count or not pc.all(pc.match_substring_regex(values, f"^(?:{pattern})$"), min_count=0).as_py():
        raise Doubt
    try:
        found = read(values.cast(kind))
    except pa.ArrowInvalid:
        raise Doubt from None
    return np.append(found, 0)[labelled(column)[0]]


def _text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


# ---------------------------------------------------------------------------------------------------- lists


def listed(column: pa.Array) -> tuple[Array, list[tuple[str, ...]]]:
    """Each list once, and for each row which it is, below zero where it is null."""
    if not (pa.types.is_list(column.type) or pa.types.is_large_list(column.type)):
        codes, values = labelled(column)
        if None in values:
            raise Doubt
        return codes, [() if value == EMPTY else tuple(value.split(";")) for value in values if value is not None]
    column = column.cast(pa.list_(pa.string()))
    items = column.flatten()
    apart = pc.or_(pc.match_substring(items, ";"), pc.equal(items, ""))
    if items.null_count or pc.any(apart, min_count=0).as_py():
        raise Doubt  # joined, it could be taken for other items
    some = pc.greater(column.value_lengths(), 0)  # most are empty
    codes = some.cast(pa.int8()).fill_null(-1).to_numpy().astype(np.int64)
    found, values = labelled(pc.binary_join(column.filter(some), ";"))
    codes[codes > 0] = found + 1
    return codes, [(), *(tuple(value.split(";")) for value in values if value is not None)]


def _several(column: str, made: Mapping[str, str], told: Mapping[str, Any], needed: frozenset[str]) -> Typed:
    """A list as one truth for each value it can hold: `made` names its column. Made are those that are needed."""
    means = {value: value for value in made} | {str(raw): str(to) for raw, to in told.items()}

    wanted = {value: name for value, name in made.items() if name in needed}

    def read(found: Columned) -> Mapping[str, Column]:
        codes, lists = listed(found[column])
        meant = [{_meant(item, means, made) for item in items} for items in lists]
        unknown = codes < 0 if found[column].null_count else None
        if not any(meant):  # nobody has any
            nothing = np.zeros(len(codes), np.bool_)
            return {name: (nothing, unknown) for name in wanted.values()}
        return {
            name: (np.array([*(value in items for items in meant), False])[codes], unknown)
            for value, name in wanted.items()
        }

    return Typed(read, (column,))


def _meant(item: str | None, means: Mapping[str, str], made: Mapping[str, str]) -> str:
    value = means.get(item or "", "")
    if value not in made:
        raise Doubt
    return value


def drawn(column: pa.Array, told: Mapping[str, Any]) -> tuple[Array, list[str]]:
    """What is received as texts joined by ; and for each row which it is, below zero where it is null."""
    codes, lists = listed(column)
    means = {str(raw): str(to) for raw, to in told.items()}
    return codes, [";".join(means.get(item, item) for item in items) for items in lists]


def joined(parts: Iterator[Column] | Sequence[Column]) -> Column:
    """The parts of one column after each other."""
    every = list(parts)
    values = np.concatenate([each for each, _ in every])
    if all(unknown is None for _, unknown in every):
        return values, None
    return values, np.concatenate([~_known(each) for each in every])
