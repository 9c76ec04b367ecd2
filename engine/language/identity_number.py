"""Citizen identity numbers (公民身份号码), as GB 11643-1999 defines them.

Of the 18 characters the seventh to the fourteenth are the date of birth, the seventeenth is odd for men and
even for women, and the last is a check character (ISO 7064, MOD 11-2).

Nothing is guessed and nothing is repeated: a message never holds the number, so that an error may be
logged.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

__all__ = ["CODES", "IdentityNumber", "IdentityNumberError", "read_identity_number"]

LENGTH = 18
_CHECKS = "10X98765432"  # the check character by the remainder of the weighted sum, GB 11643-1999 section 4.4
_WEIGHTS = tuple(pow(2, LENGTH - place, 11) for place in range(1, LENGTH))
_DIGITS = frozenset("0123456789")

# code -> (English, Chinese), then the way out in both
CODES: dict[str, tuple[tuple[str, str], tuple[str, str]]] = {
    "id-number-length": (
        ("an identity number has 18 characters", "身份证号码应为 18 位"),
        (
            "the old numbers of 15 digits are no longer valid; take it from the present card",
            "旧的 15 位号码已停用，请按现行证件填写",
        ),
    ),
    "id-number-characters": (
        ("an identity number is 17 digits, then a digit or X", "身份证号码前 17 位为数字，末位为数字或 X"),
        ("type it in half-width characters without blanks", "请用半角字符填写，不要有空格"),
    ),
    "id-number-date": (
        ("characters 7 to 14 are not a date", "身份证号码第 7 至 14 位不是日期"),
        ("compare it with the card, digit by digit", "请与证件逐位核对"),
    ),
    "id-number-check": (
        ("the last character does not fit the others", "身份证号码的校验位不符"),
        (
            "one digit is wrong or two are swapped; compare it with the card",
            "有一位数字错误或两位颠倒，请与证件逐位核对",
        ),
    ),
}


class IdentityNumberError(ValueError):
    """Not an identity number. `code` is a row of CODES; the number itself is nowhere in it."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code

    def message(self, lang: str = "zh") -> str:
        """What is wrong, in `lang` (`zh` or `en`)."""
        return CODES[self.code][0][lang == "zh"]

    def hint(self, lang: str = "zh") -> str:
        """The way out, in `lang`."""
        return CODES[self.code][1][lang == "zh"]


@dataclass(frozen=True, slots=True)
class IdentityNumber:
    """A number that passed, with X in upper case, and what it says of its holder; all of it stays out of
    repr."""

    text: str = field(repr=False)
    born: date = field(repr=False)
    sex: str = field(repr=False)  # male | female


def read_identity_number(text: str) -> IdentityNumber:
    """The number behind `text`. Raises IdentityNumberError.

    The district in the first six characters is not looked up: districts are renamed and merged, numbers
    stay.
    """
    if len(text) != LENGTH:
        raise IdentityNumberError("id-number-length")
    body, last = text[:-1], text[-1].upper()
    if not _DIGITS.issuperset(body) or last not in _CHECKS or body[0] == "0":
        raise IdentityNumberError("id-number-characters")
    try:
        born = date(int(text[6:10]), int(text[10:12]), int(text[12:14]))
    except ValueError:
        raise IdentityNumberError("id-number-date") from None
    if born.year < 1800:  # the earliest day the rule language knows
        raise IdentityNumberError("id-number-date")
    if check_character(body) != last:
        raise IdentityNumberError("id-number-check")
    return IdentityNumber(body + last, born, "male" if int(text[16]) % 2 else "female")


def check_character(body: str) -> str:
    """The 18th character that belongs to 17 digits."""
    return _CHECKS[sum(int(digit) * weight for digit, weight in zip(body, _WEIGHTS, strict=True)) % 11]
