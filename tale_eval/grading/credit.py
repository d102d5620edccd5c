"""What a scorer's value says: right, wrong, or neither. Pure."""

_WORDS = {"C": 1, "P": 0.5, "I": 0, "N": 0, "yes": 1, "true": 1, "no": 0, "false": 0}


def credit(value: object) -> float | None:
    """1 for right, 0 for wrong, between for partial credit; None if it says neither.

    Read as Inspect's accuracy metric reads it, but a value that means nothing there
    ("maybe", 42) is not taken for wrong.
    """
    if isinstance(value, str):
        value = _WORDS.get(value, _WORDS.get(value.lower(), value))
    if not isinstance(value, str | int | float):
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    return number if 0 <= number <= 1 else None
