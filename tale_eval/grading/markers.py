"""Where a reply marks its answer. Pure.

[[x]], \\boxed{x}, <answer>x</answer>, "Answer: x", "#### x", and "the answer is x".
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from tale_eval.grading.expected import Expected
from tale_eval.grading.forms import unwrap
from tale_eval.grading.labels import LABEL, PHRASE, PHRASE_ROOTS, PLACEHOLDERS
from tale_eval.grading.quoting import blanked, is_denied, is_quoted
from tale_eval.grading.thinking import answer_tags
from tale_eval.patterns import pattern

Via = Literal["bracketed", "boxed", "labelled", "phrase", "fallback", "none"]
"""Where the answer was found: [[x]]; \\boxed{x}; a line "Answer: x", a separator "#### x" or a tag
<answer>; "the answer is x"; the reply's last number, or the option that it names; nowhere."""


@dataclass(frozen=True)
class Found:
    """An answer in a reply.

    Attributes:
        start: Where it begins.
        end: Where it, and its marker, ends.
        answer: The answer as written, without its marker.
        via: How it was found.
    """

    start: int
    end: int
    answer: str
    via: Via


@dataclass(frozen=True)
class _Marker:
    """A marker and its content: [start, end) is within [begin, stop)."""

    start: int
    end: int
    via: Via
    begin: int
    stop: int


# an interval may stand in it: [[[2,5)]]
_BRACKETED = pattern(r"\[\[(\[?[^\[\]]*\]?)\]\]")
# a bracket that the model forgot to close
_HALF_BRACKETED = pattern(r"\[\[([^\[\]\n]{1,60})(?:\](?![\],])(?!\s?,)|\s*\Z)")
_BOX = pattern(r"\\(?:boxed|fbox)\s*+\{")
_BRACES = pattern(rf"{_BOX.pattern}|\\?[{{}}]")
_OPEN_BOX_CHARS = 60
_LABELLED = pattern(
    rf"^[^\w\n\[]{{0,20}}{LABEL}[^\w\n:：]{{0,8}}[:：](.*)", re.IGNORECASE | re.MULTILINE
)
# a lone number or letter: "#### Step 1" is a heading
_HASHES = pattern(r"^[ \t]*####[ \t]*(\S*\d\S*|[A-Z])[ \t\r]*$", re.MULTILINE)
# a separator within a line, "21 - 15 = 6. #### 6", is no heading
_SEPARATED = pattern(r"(?<=[^\s#])[ \t]*####(?!#)[ \t]*([^\s#][^\n#]{0,100})$", re.MULTILINE)
# nor is one that ends the reply, or stands above its last line
_LAST_SEPARATED = pattern(r"(?<!#)####(?!#)\s*([^\s#][^\n#]{0,100})\Z")
# "[[B]] or [[C]]" names no single one
_JOINED = pattern(r"[ \t]*(?:,|;|/|&|、|and|or|和|或)?[ \t]*")
_MAX_CONTENT_CHARS = 20_000
_PHRASE_CHARS = 300
_MAX_READ = 1000
"""A reply that says so many different things that cannot be read has said nothing."""


def last_marked(text: str, expected: Expected, cut: bool) -> tuple[Found | None, str]:
    """The last explicit marker, and the text without the markers that mean nothing."""
    markers = sorted(_markers(text, cut), key=lambda m: m.start, reverse=True)
    withheld: list[tuple[int, int]] = []
    for n, marker in enumerate(markers):
        content = text[marker.start : min(marker.end, marker.start + _MAX_CONTENT_CHARS)]
        if withheld and marker.via == "labelled":
            content = blanked(text, withheld)[marker.start :][: len(content)]
        answer = unwrap(content)
        if not answer or answer.lower() in PLACEHOLDERS:
            continue
        alone = n + 1 == len(markers) or all(_is_placeholder(text, m) for m in markers[n + 1 :][:9])
        if _means_nothing(text, marker, answer, alone):
            withheld.append((marker.begin, marker.stop))
            if len(withheld) > _MAX_READ:
                break
            continue
        if marker.via == "labelled" and not expected.reads(answer):
            answer = expected.said(content) or answer
        start, answer = _joined(text, marker, markers[n + 1 :][:1], answer)
        stop = _said_until(marker, content, expected)
        return Found(start, stop, answer, marker.via), blanked(text, withheld)
    return None, blanked(text, withheld)


def last_phrased(text: str, expected: Expected, start: int = 0) -> Found | None:
    """The last "the answer is x" whose x can be read; behind a marker, x must come at once."""
    lowered = text.lower()
    if not any(root in lowered for root in PHRASE_ROOTS):
        return None
    end = len(text)
    read = expected.stated if start else expected.said
    unread: set[str] = set()  # a model in a loop says the same a hundred thousand times
    for match in reversed(list(PHRASE.finditer(text, start))):
        said = text[match.end() : min(end, match.end() + _PHRASE_CHARS)]
        end = match.start()
        if said in unread:
            continue
        if answer := read(said):
            return Found(end, match.end() + len(answer), answer, "phrase")
        unread.add(said)
        if len(unread) > _MAX_READ:
            break
    return None


def _markers(text: str, cut: bool) -> Iterator[_Marker]:
    for match in _BRACKETED.finditer(text):
        yield _Marker(*match.span(1), "bracketed", *match.span())
    if not cut and (half := _last_half_bracket(text)):
        yield _Marker(*half.span(1), "bracketed", *half.span())
    yield from _boxed(text, cut)
    for match in _LABELLED.finditer(text):
        yield _Marker(*match.span(1), "labelled", *match.span(1))
    for match in _HASHES.finditer(text):
        yield _Marker(*match.span(1), "labelled", *match.span(1))
    yield from _separated(text, cut)
    for span in answer_tags(text):
        yield _Marker(*span, "labelled", *span)


def _separated(text: str, cut: bool) -> Iterator[_Marker]:
    """Answers behind a separator "####"; of a reply that was cut off, none that ends it."""
    found = [*_SEPARATED.finditer(text), *_LAST_SEPARATED.finditer(text.rstrip())]
    for match in found:
        if not (cut and match.end() >= len(text.rstrip())):
            yield _Marker(*match.span(1), "labelled", *match.span(1))


def _last_half_bracket(text: str) -> re.Match[str] | None:
    start = text.rfind("[[")
    return _HALF_BRACKETED.match(text, start) if start >= 0 else None


def _boxed(text: str, cut: bool) -> list[_Marker]:
    """Where the contents of each \\boxed{...} lie, its braces balanced."""
    spans: list[_Marker] = []
    opened: list[tuple[int, int, bool]] = []
    first = _BOX.search(text)
    for brace in _BRACES.finditer(text, first.start()) if first else ():
        symbol = brace.group(0)
        if symbol.startswith("\\") and symbol[-2:] in ("\\{", "\\}"):
            continue
        if symbol.endswith("{"):
            opened.append((*brace.span(), symbol.startswith("\\")))
        elif opened:
            begin, start, boxed = opened.pop()
            if boxed:
                spans.append(_Marker(start, brace.start(), "boxed", begin, brace.end()))
    # a box that the model forgot to close
    if opened and opened[-1][2] and not cut and len(text) - opened[-1][1] < _OPEN_BOX_CHARS:
        spans.append(_Marker(opened[-1][1], len(text), "boxed", opened[-1][0], len(text)))
    return spans


def _means_nothing(text: str, marker: _Marker, answer: str, alone: bool) -> bool:
    if marker.via == "labelled":
        return False
    return is_quoted(text, marker.begin, marker.stop, answer, alone) or is_denied(
        text, marker.begin, marker.stop
    )


def _is_placeholder(text: str, marker: _Marker) -> bool:
    return unwrap(text[marker.start : marker.end]).lower() in PLACEHOLDERS


def _said_until(marker: _Marker, content: str, expected: Expected) -> int:
    """Where an answer ends; behind a label the line may go on: "Answer: 12. Wait, it is 13"."""
    said = expected.said(content) if marker.via == "labelled" else None
    place = content.find(said) if said else -1
    return marker.stop if said is None or place < 0 else marker.start + place + len(said)


def _joined(text: str, marker: _Marker, before: list[_Marker], answer: str) -> tuple[int, str]:
    """Where the answer starts; with it, a different one in the bracket right before it."""
    if not before or (marker.via, before[0].via) != ("bracketed", "bracketed"):
        return marker.start, answer
    other = before[0]
    said = unwrap(text[other.start : other.end])
    if said in ("", answer) or said.lower() in PLACEHOLDERS:
        return marker.start, answer
    if _JOINED.fullmatch(text, other.stop, marker.begin):
        return other.start, text[other.start : marker.end]
    return marker.start, answer
