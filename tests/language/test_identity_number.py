"""Identity numbers against python-stdnum, an independent reading of GB 11643, and against slips of the
pen."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum.cn import ric

from engine.language.identity_number import CODES, IdentityNumberError, check_character, read_identity_number

bodies = st.builds(
    lambda district, day, order: f"{district}{day:%Y%m%d}{order:03d}",
    st.integers(110000, 999999),
    st.dates(date(1800, 1, 1), date(2099, 12, 31)),
    st.integers(0, 999),
)


def number(body: str) -> str:
    return body + check_character(body)


@given(bodies)
def test_the_check_character_is_that_of_python_stdnum(body: str) -> None:
    assert check_character(body) == ric.calc_check_digit(body + "0")


@given(bodies)
def test_a_good_number_says_when_its_holder_was_born_and_which_sex(body: str) -> None:
    found = read_identity_number(number(body))
    assert found.born == ric.get_birth_date(number(body))
    assert found.sex == ("female" if int(body[16]) % 2 == 0 else "male")
    assert read_identity_number(number(body).lower()) == found


@given(bodies, st.integers(0, 17), st.sampled_from("0123456789X"))
def test_one_wrong_character_never_passes(body: str, place: int, wrong: str) -> None:
    text = number(body)
    if text[place] == wrong:
        return
    with pytest.raises(IdentityNumberError):
        read_identity_number(text[:place] + wrong + text[place + 1 :])


@given(bodies, st.integers(0, 16))
def test_two_neighbours_swapped_never_pass(body: str, place: int) -> None:
    text = number(body)
    if text[place] == text[place + 1]:
        return
    with pytest.raises(IdentityNumberError):
        read_identity_number(text[:place] + text[place + 1] + text[place] + text[place + 2 :])


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "id-number-length"),
        ("130503670401001", "id-number-length"),  # 15 digits, the standard's own example of 1989
        ("11010519491231002", "id-number-length"),
        ("11010519491231002XX", "id-number-length"),
        ("１1010519491231002X", "id-number-characters"),
        ("1101051949123100 2", "id-number-characters"),
        ("X1010519491231002X", "id-number-characters"),
        ("11010519491231002Y", "id-number-characters"),
        ("01010519491231002X", "id-number-characters"),
        ("11010519490230002X", "id-number-date"),
        ("11010500000101002X", "id-number-date"),
        ("110105194912310020", "id-number-check"),
    ],
)
def test_what_is_wrong_is_named_without_repeating_it(text: str, code: str) -> None:
    with pytest.raises(IdentityNumberError) as caught:
        read_identity_number(text)
    assert caught.value.code == code
    said = f"{caught.value} {caught.value!r} {caught.value.message()} {caught.value.hint('en')}"
    assert len(text) < 15 or text not in said


def test_the_number_in_the_standard() -> None:
    """GB 11643-1999 gives 11010519491231002X as its example of a woman born on 31 December 1949."""
    found = read_identity_number("11010519491231002X")
    assert (found.born, found.sex) == (date(1949, 12, 31), "female")
    assert "1949" not in repr(found)


def test_29_february_only_in_leap_years() -> None:
    for year in (1900, 1999, 2000, 2004):
        text = number(f"310105{year}0229001")
        if (date(year, 2, 28) + timedelta(1)).month == 2:
            assert read_identity_number(text).born == date(year, 2, 29)
        else:
            with pytest.raises(IdentityNumberError, match="id-number-date"):
                read_identity_number(text)


def test_every_code_speaks_both_languages() -> None:
    for code in CODES:
        error = IdentityNumberError(code)
        assert error.message("zh") != error.message("en") and error.hint("zh") != error.hint("en")
