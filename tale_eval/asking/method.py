"""A method as a value: its name and its arguments, as users write them and as logs keep them. Pure.

"budget:tokens=50:style=answer_last" is the method `budget` with two arguments. What a method
does, and which arguments it takes, is known to `tale_eval.solvers` alone.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from tale_eval.asking.arguments import as_written, split_arguments
from tale_eval.errors import InvalidValueError
from tale_eval.patterns import pattern

_PIECE = pattern(r"\\[\\:]|[^\\:]+|[\\:]")
_ESCAPED = pattern(r"\\([\\:])")
# a backslash that would be taken for an escape; others, as in \boxed, stay as they are
_TO_ESCAPE = pattern(r":|\\(?=[\\:]|$)")
_KEY = pattern(r"[A-Za-z_]\w*")
_ARGUMENT = pattern(rf"{_KEY.pattern}=")
_IN_NO_NAME = pattern(r"[:\\]")


@dataclass(frozen=True)
class Method:
    """A method's name and arguments. Two are equal if both are, in whatever order.

    Attributes:
        name: Such as "budget".
        arguments: By name, as text. Those at their default may be there or not: see
            `tale_eval.solvers.resolve`, which leaves them out.

    Raises:
        InvalidValueError: A name or an argument's name that could not be read back.
    """

    name: str
    arguments: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if _IN_NO_NAME.search(self.name):
            raise InvalidValueError(
                f"method {self.name!r}: a method's name has no colon and no backslash; its "
                "arguments are given apart, or all of it to Method.parse"
            )
        for key in self.arguments:
            if not _KEY.fullmatch(key):
                raise InvalidValueError(
                    f"method {self.name}: {key!r} is no argument's name: it has letters, digits "
                    "and underscores alone"
                )

    @classmethod
    def parse(cls, text: str) -> "Method":
        r"""Read what a user writes. A colon within a value is written ``\:``.

        Raises:
            InvalidValueError: An argument without a value, or given twice; a name that is none.
        """
        name, written = split_arguments("method", text, _segments(text))
        return cls(name, {key: _unescaped(value) for key, value in written.items()})

    @classmethod
    def of_label(cls, label: str) -> "Method":
        """Read a label out of a log, which may be anybody's: it always reads as something.

        Version 0.1.0 did not escape colons: what is no argument belongs to the value before it.
        """
        name, *rest = _segments(label)
        arguments: dict[str, str] = {}
        key = None
        for segment in rest:
            if _ARGUMENT.match(segment):
                key, _, value = segment.partition("=")
                arguments[key] = _unescaped(value)
            elif key is not None:
                arguments[key] += f":{_unescaped(segment)}"
            else:
                name += f":{segment}"
        label_of_anybodys = cls("", arguments)
        # what is no method's name is one in somebody else's log
        object.__setattr__(label_of_anybodys, "name", name)
        return label_of_anybodys

    def __str__(self) -> str:
        """As `parse` reads it."""
        return ":".join([self.name, *self._written()])

    def __hash__(self) -> int:
        return hash((self.name, frozenset(self.arguments.items())))

    def _written(self) -> Iterator[str]:
        for key, value in self.arguments.items():
            yield f"{key}={_TO_ESCAPE.sub(lambda found: chr(92) + found.group(), str(value))}"


def as_method(method: "str | list[str] | Method") -> Method:
    """A method, given as a value or as users write it.

    Raises:
        InvalidValueError: A text that is no method's.
    """
    if isinstance(method, Method):
        return method
    if isinstance(method, list):
        # Inspect cuts what follows -T at its commas
        method = as_written(method)
    if not isinstance(method, str):
        raise InvalidValueError(
            f"method={method!r}: expected a text such as 'cot' or 'budget:tokens=50'; Inspect "
            "reads what follows -T as YAML, so quote it within: "
            """-T "method='cot:system_prompt=Note\\: be brief'\""""
        )
    return Method.parse(method)


def _segments(text: str) -> list[str]:
    """The text, cut at the colons that no backslash escapes."""
    segments = [""]
    for piece in _PIECE.findall(text):
        if piece == ":":
            segments.append("")
        else:
            segments[-1] += piece
    return segments


def _unescaped(value: str) -> str:
    return _ESCAPED.sub(r"\1", value)
