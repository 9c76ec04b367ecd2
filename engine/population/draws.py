"""Chance, written as SQL: a draw depends on the seed, on what is drawn and on who, and on nothing else.

A draw is a whole number below 2**32, worked out from the number of the household or person with the mixing steps of
MurmurHash3 (in the public domain) on 32 bits. No engine's own random numbers or hashes are used, so that the same
seed gives the same city in any number of chunks, on any number of threads, under any version of the database.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from decimal import Decimal
from itertools import pairwise
from typing import Any

WHOLE = 1 << 32
_MASK = f"{WHOLE - 1}::UBIGINT"

MACROS = f"""
CREATE OR REPLACE MACRO roll_a(k, m, s) AS ((k * m + s) & {_MASK});
CREATE OR REPLACE MACRO roll_b(a) AS ((xor(a, a >> 16) * 2246822507::UBIGINT) & {_MASK});
CREATE OR REPLACE MACRO roll_c(b) AS ((xor(b, b >> 13) * 3266489909::UBIGINT) & {_MASK});
CREATE OR REPLACE MACRO roll_d(c) AS xor(c, c >> 16);
CREATE OR REPLACE MACRO roll(k, m, s) AS roll_d(roll_c(roll_b(roll_a(k, m, s))));
"""


def part(share: Decimal | int | str) -> int:
    """A share as the number of draws out of 2**32 that fall into it, rounded down."""
    return int(Decimal(share) * WHOLE)


class Draws:
    """The draws of one seed. The key of a draw is the column that says whose it is: a whole number below 2**32."""

    def __init__(self, seed: int):
        self.seed = seed
        self.needed: dict[str, str] = {}  # column -> SQL of the draws asked for since `taken`

    def roll(self, name: str, key: str = "key") -> str:
        """The column of a draw: a whole number below 2**32, evenly. The same name and key draw the same."""
        told = hashlib.sha256(f"{self.seed}:{name}".encode()).digest()
        multiplier, start = int.from_bytes(told[:4], "big") | 1, int.from_bytes(told[4:8], "big")
        column = f"u_{told[:6].hex()}"
        self.needed[column] = f"roll({key}, {multiplier}::UBIGINT, {start}::UBIGINT)"
        return column

    def taken(self) -> dict[str, str]:
        """The draws asked for, to be written out as columns: a draw used in several places is made once."""
        found, self.needed = self.needed, {}
        return found

    def chance(self, name: str, share: Decimal | int | str) -> str:
        """True for this share."""
        return f"({self.roll(name)} < {part(share)})"

    def pick(self, name: str, shares: Mapping[str, Decimal | int | str]) -> str:
        """One of the names, by their shares."""
        return self.of(self.roll(name), [(f"'{value}'", share) for value, share in shares.items()])

    def of(self, roll: str, ways: Iterable[tuple[str, Decimal | int | str]]) -> str:
        """One of some SQL values by their shares; the last takes what is left."""
        listed, total, found = list(ways), Decimal(0), []
        for value, share in listed[:-1]:
            total += Decimal(share)
            found.append(f"WHEN {roll} < {part(total)} THEN {value}")
        return f"(CASE {' '.join(found)} ELSE {listed[-1][0]} END)" if found else listed[-1][0]

    def between(self, name: str, lowest: int, highest: int) -> str:
        """A whole number from lowest to highest, evenly."""
        return f"({lowest} + (({self.roll(name)} * {highest - lowest + 1}::UBIGINT) >> 32)::INTEGER)"

    def band(self, name: str, bands: Iterable[Mapping[str, Any]]) -> str:
        """A whole number out of bands with shares, evenly within each."""
        inner = self.roll(f"{name}, within")
        ways = [
            (f"({each['from']} + (({inner} * {each['to'] - each['from'] + 1}::UBIGINT) >> 32)::INTEGER)", each["share"])
            for each in bands
        ]
        return self.of(self.roll(name), ways)

    def quantile(self, name: str, points: Iterable[Mapping[str, Any]], roll: str = "") -> str:
        """A sum in fen at the drawn place of a distribution, straight between its points (yuan)."""
        listed = [(part(each["at"]), int(Decimal(each["value"]) * 100)) for each in points]
        drawn = roll or self.roll(name)
        ways = [
            f"WHEN {drawn} < {at} THEN {low} + (({drawn})::BIGINT - {before}) * {high - low} // {at - before}"
            for (before, low), (at, high) in pairwise(listed)
        ]
        return f"(CASE {' '.join(ways)} END)"
