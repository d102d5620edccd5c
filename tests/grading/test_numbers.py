"""Numbers are read exactly, however they are written."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, strategies as st

from tale_eval.grading import numbers
from tale_eval.grading.numbers import last_number_in, normalise, numbers_in, parse_number


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("72", "72"),
        ("72.", "72"),
        (" 72 ", "72"),
        ("+5", "5"),
        (".5", "1/2"),
        ("0.10", "1/10"),
        ("-35947632.9663", "-35947632.9663"),
        ("1234567890123", "1234567890123"),
        # thousands
        ("2,125", "2125"),
        ("1,234,567.50", "1234567.5"),
        ("2{,}125", "2125"),
        ("2\\,125", "2125"),
        # signs
        ("−5", "-5"),
        ("–5", "-5"),
        ("- 5", "-5"),
        ("-$5", "-5"),
        ("$-5", "-5"),
        # currencies, percent, degrees: the number before the sign is meant
        ("$1,234.50", "1234.5"),
        ("\\$12", "12"),
        ("€12", "12"),
        ("￥50", "50"),
        ("50元", "50"),
        ("50 USD", "50"),
        ("50%", "50"),
        ("50\\%", "50"),
        ("50 %.", "50"),
        ("72°", "72"),
        ("72^\\circ", "72"),
        # fractions
        ("1/2", "1/2"),
        ("-13 / 17", "-13/17"),
        ("13/-17", "-13/17"),
        ("1.5/3", "1/2"),
        ("\\frac{1}{2}", "1/2"),
        ("-\\dfrac{1}{2}", "-1/2"),
        ("\\frac{-1}{2}", "-1/2"),
        ("½", "1/2"),
        ("1⁄2", "1/2"),
        # mixed numbers
        ("3 1/2", "7/2"),
        ("-3 1/2", "-7/2"),
        ("3½", "7/2"),
        ("3\\frac{1}{2}", "7/2"),
        # scientific notation
        ("2.5e3", "2500"),
        ("1E-5", "1/100000"),
        ("3 \\times 10^{2}", "300"),
        ("3×10²", "300"),
        ("3 x 10^-2", "3/100"),
        # other digits
        ("５０", "50"),
        ("１，２３４．５", "1234.5"),
        ("٥٠", "50"),
        ("५०", "50"),
    ],
)
def test_a_number_is_read_exactly(text: str, expected: str) -> None:
    assert parse_number(text) == Fraction(expected)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "-",
        "seventy two three",
        "72 clips",
        "7 2",
        "1,2",
        "1,2345",
        "1_000",
        "5$3",
        "--5",
        "1/0",
        "\\frac{1}{0}",
        "3 1/0",
        "5²",
        "2 + 2",
        "1/2/3",
        "10-12",
        "nan",
        "inf",
        "0x10",
        "\ud800",
    ],
)
def test_what_is_not_exactly_one_number_is_not_read(text: str) -> None:
    assert parse_number(text) is None


def test_an_exponent_has_a_limit_and_so_has_the_length() -> None:
    assert parse_number("1e1000") == 10**1000
    assert parse_number("1e1001") is None
    assert parse_number("1e9999999") is None
    assert parse_number("9" * 400) == 10**400 - 1
    assert parse_number("9" * 401) is None


@given(st.decimals(allow_nan=False, allow_infinity=False, places=4))
def test_every_decimal_is_read_with_and_without_commas(value: Decimal) -> None:
    assert parse_number(f"{value:f}") == Fraction(value)
    assert parse_number(f"{value:,f}") == Fraction(value)


@given(st.integers(), st.integers(min_value=1))
def test_every_ratio_is_read(top: int, below: int) -> None:
    assert parse_number(f"{top}/{below}") == Fraction(top, below)
    assert parse_number(f"\\frac{{{top}}}{{{below}}}") == Fraction(top, below)


@given(st.text(alphabet="0123456789.,-+/eE$% \\{}frac½²٥x×^"))
def test_no_text_raises(text: str) -> None:
    value = parse_number(text)
    assert value is None or isinstance(value, Fraction)
    assert all(found.group() for found in numbers_in(normalise(text)))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("72 clips", ["72"]),
        ("48 + 24 = 72.", ["48", "24", "72"]),
        ("5-3", ["5", "3"]),
        ("x=-3", ["-3"]),
        ("$1.50 each, -$5 in all", ["$1.50", "-$5"]),
        ("$72/month", ["$72"]),
        ("1/2 of 3 1/2 cups", ["1/2", "3 1/2"]),
        ("2,125 and 2.5e3", ["2,125", "2.5e3"]),
        ("共72个", ["72"]),
        ("10–20", ["10", "20"]),
        # parts of words, dates, versions, lists and ill-formed numbers are none
        ("v2 a5 B12", []),
        ("1/2/2024", []),
        ("1.2.3", []),
        ("1,2,3", []),
        ("12,3456", []),
        ("1_000", []),
    ],
)
def test_numbers_in_running_text(text: str, expected: list[str]) -> None:
    assert [found.group() for found in numbers_in(normalise(text))] == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("答案：［［７２］］", "答案:[[72]]"),
        ("−5 ⁄ 2", "-5 / 2"),
        ("2\\,125 and 2{,}125", "2125 and 2,125"),
        ("x²", "x2"),
        ("10²³", "10^{23}"),
        ("10⁻³", "10^{-3}"),
        ("café", "café"),
    ],
)
def test_characters_are_folded_to_their_plain_form(text: str, expected: str) -> None:
    assert normalise(text) == expected


@given(st.text(alphabet="01,./ eE+-$x年\n"))
def test_the_last_number_is_found_from_the_end(text: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(numbers, "_TAIL_CHARS", 4)
        last = last_number_in(text)
    spans = [found.span() for found in numbers_in(text)]
    assert (last and last.span()) == (spans[-1] if spans else None)
