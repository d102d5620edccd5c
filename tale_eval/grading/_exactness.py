"""Whether two sympy expressions are equal, exactly; for the worker only.

math-verify compares to six decimal places and drops what is smaller than 1e-15: to it,
10^{-3} is 0.0010004, and 1/1008! is 1/1006!. It goes on taking sets, intervals, matrices
and equations apart; what is left to compare is compared here.
"""

from typing import Any

_DIGITS = 60
_SAME_DIGITS = 50
"""Constants that agree in so many digits are taken for equal, unless one is a fraction and
the other cannot be."""

_PLACES = (("17/13", "29/31"), ("-7/11", "5/3"))
"""Where formulas in variables are compared before they are simplified."""


def make_exact(grader: Any) -> None:
    """Let math-verify's grader compare exactly where it would round.

    Args:
        grader: The module `math_verify.grader`.
    """
    numeric = grader.sympy_numeric_eq

    def equal(one: Any, other: Any, float_rounding: int, numeric_precision: int) -> bool:
        if getattr(one, "is_Matrix", False) or getattr(other, "is_Matrix", False):
            # element by element, and each pair of elements comes back here
            return bool(numeric(one, other, float_rounding, numeric_precision))
        return same_value(one, other)

    grader.sympy_numeric_eq = equal
    grader.sympy_symbolic_eq = lambda one, other: False  # already simplified


def same_value(one: Any, other: Any) -> bool:
    """Whether two scalar expressions without floats are equal."""
    import sympy  # type: ignore[import-untyped]

    one, other = one.doit(), other.doit()
    if one == other:
        return True
    difference = one - other
    if sympy.expand(difference) == 0:
        return True
    free = sorted(one.free_symbols | other.free_symbols, key=str)
    if not free:
        return _same_constant(one, other, difference)
    for places in _PLACES:
        values = {name: sympy.Rational(places[n % 2]) + n for n, name in enumerate(free)}
        if _differ(one.subs(values), other.subs(values)):
            return False
    return bool(sympy.simplify(difference).is_zero)


def _same_constant(one: Any, other: Any, difference: Any) -> bool:
    if not (one.is_number and other.is_number):
        return False  # "f(5)": nothing says what f is
    if _differ(one, other):
        return False
    if {one.is_rational, other.is_rational} == {True, False}:
        return False
    if one.is_zero or other.is_zero:
        return bool(difference.equals(0))
    return True


def _differ(one: Any, other: Any) -> bool:
    """Whether two constants are certainly not equal; relative to their size."""
    x, y = one.evalf(_DIGITS), other.evalf(_DIGITS)
    if not (x.is_number and y.is_number and x.is_finite and y.is_finite):
        return bool(x.is_infinite or y.is_infinite)  # equal ones were found before
    size = max(abs(x), abs(y))
    return bool(size and abs(x - y) > size * 10**-_SAME_DIGITS) and not (x.is_zero or y.is_zero)
