"""What a reply mentions without meaning it: an example, a denial, struck-through text. Pure.

"e.g. Answer: [[50]]" repeats the prompt's own example, "not [[34]]" denies, "~~52~~" is
struck out. None of them is an answer, and none is an estimate. A plain "Answer: [[50]]" is.
"""

import re

from tale_eval.asking.prompts import ANSWER_FORMAT, ESTIMATOR_EXAMPLE
from tale_eval.grading.labels import LABEL
from tale_eval.patterns import pattern

EXAMPLES = {
    str(ESTIMATOR_EXAMPLE),
    *(found for line in ANSWER_FORMAT.values() for found in re.findall(r"\[\[(\w+)\]\]", line)
      if found.isascii() and (found.isdigit() or found.isupper())),
}  # fmt: skip
"""What the prompts print as examples of an answer: 50, A, 12."""

_WINDOW = 100
"""Characters on either side of a mention that are looked at."""

# "Answer: ", and what opens a quotation or a marker
_TO_MARKER = rf"[^\w\n]{{0,12}}(?:(?:{LABEL}|budget|预算)\s*[:：]?)?[^\w\n]{{0,12}}$"
_EXAMPLE_WORD = (
    r"(?:\be\.\s?g\b|\bfor (?:example|instance)\b|\bsuch as\b|\bas in(?: the example)?\b"
    r"|\bexample(?: is| was)?\b|\bz\. ?B\b|\bBeispiel\b|\b(?:par )?exemple\b|\bejemplo\b"
    r"|\besempio\b|(?<![а-я])(?:например|пример)(?![а-я])|例如|比如|譬如|形如|示例|样例|例子是|例:|例：|たとえば"
    r"|例えば|예를 들어)"
)
_EXAMPLE = pattern(_EXAMPLE_WORD + _TO_MARKER, re.IGNORECASE)
_FORM = (
    r"(?:format|form|template|pattern|Format|Form|forme|formato|格式|形式)"
    r"(?: (?:is|was|like|of|as|ist|est|es)\b| would be| should be|是|为|如下|如)?"
)
_DUTY = (
    r"\b(?:have|has|need|needs|must|asked|told|supposed|required|wants?|says?|said|so as"
    r"|instructed)\s+(?:me\s+)?(?:to\s+)?"
    r"(?:write|answer|reply|respond|end|finish|put|give|output|print|say|state)"
    r"(?:\s+(?:it|this|that|with|as|like|by|in|the|something|answer|final|line|a|my)\b){0,4}"
)
_FORMAT = pattern(
    rf"(?:{_FORM}|{_DUTY}|\b(?:answer|write|reply|form|respond|something) like|\blike (?:this|so)"
    r"|\(like|\bformatted (?:as|like)"
    r"|\b(?:should|must|shall|will|would|to) (?:look|be|read|appear)(?: exactly| just)? like)"
    + _TO_MARKER, re.IGNORECASE
)  # fmt: skip
# "in the required format: [[50]]" answers
_ANSWERING = pattern(
    r"\b(?:in|using|with|following|per|按照?|以)\s*(?:the|this|your)?\s*(?:required|requested|specified|"
    r"desired|asked|given|correct|proper|right|指定|要求的?|规定的?)?\s*(?:answer\s)?(?:format|form|格式)"
    + _TO_MARKER, re.IGNORECASE
)  # fmt: skip
_EXAMPLE_AFTER = pattern(
    r"^[^\w\n]{0,8}(?:(?:is|was|being|as|(?:would|will|should) be)\s+"
    r"(?:(?:just|only|the|an?)\s+)*(?:example|format|form|template|pattern|placeholder)\b"
    r"|or similar\b|or the like\b|(?:只?是|为)(?:一个)?(?:例|格式|示例)|这样的?格式|的格式)",
    re.IGNORECASE,
)
DENIAL = (
    r"(?:\b(?:not|never|nor|neither|cannot(?: be)?|rather than|instead of|nicht|statt|pas"
    r"|no (?:es|son|era)|non è|ni|weder(?:[^.\n]{1,40}\snoch)?"
    r"|rule[sd]? out|ruling out|eliminat(?:e[sd]?|ing)|exclud(?:e[sd]?|ing)"
    r"|(?:reject|discard)(?:s|ed|ing)?|except)\b|n['’]t\b"
    r"|不是|不会是|不可能是|而非|并非|而不|不为|不等于|不选|不能选|别选|排除|除了|≠|\\neq?\b|(?<![^\W\d_])н[еи])"
)
"""What denies the thing that follows it."""
_OF_DENIED = (
    r"(?:[\s(\[【“\"'’*:]|\b(?:be|been|equal|equals|to|think|believe|it|it's|is|was|that|the|an?|option|options|choose"
    r"|choice|answer|pick|select|say|both|either|选|选项|答案|是)(?![A-Za-z])|[选项答案是])"
)
_DENIED = pattern(rf"{DENIAL}{_OF_DENIED}{{0,12}}$", re.IGNORECASE)
_DENIED_AFTER = pattern(
    r"^[\s)\]】”\"'*]{0,6}(?:选?项)?\s*(?:,\s?which\s(?=(?:is|was)\s(?:wrong|incorrect)))?"
    r"(?:\b(?:is|are|was|were|seems?|looks?|would|will|must|can|could|both|all|be|also|clearly|obviously"
    r"|therefore|then|definitely)\b\s*|[均都也则是明显然]){0,4}"
    r"(?:not\b(?!\s+[(\[\"']{0,3}[A-Z\d])|n['’]t\b|cannot\b|(?:is|are|was|were|does|do|did|could|would|wo|ca)n['’]t\b"
    r"|(?:does|do|did) not\b|wrong|incorrect|false|impossible|invalid|excluded|eliminated|ruled out"
    r"|out\b|too (?!right\b)|fails?\b|(?:ist )?falsch|不(?!是[A-Z\d])|错|太|误|有误|排除|无法"
    r"|没有|(?:は|では)(?:な[いく]|違|間違|誤|正しくな)|ではありません|は\w{0,4}すぎ"
    r"|неверно|неправильно|не подходит|est (?:fausse?|incorrecte?)|es (?:falsa|incorrecta)\b"
    r"|❌|✗|✘)",
    re.IGNORECASE,
)
_STRUCK = pattern(
    r"~~[^~\n]{1,200}~~|<(s|del|strike)>[^<\n]{0,200}</\1>|\\(?:x|b)?cancel\{[^{}\n]{0,200}\}"
    r"|\\sout\{[^{}\n]{0,200}\}",
    re.IGNORECASE,
)


def without_struck(text: str) -> str:
    """The text without what is struck through in it."""
    if "~~" in text or "</" in text or "cancel" in text or "\\sout" in text:
        return _STRUCK.sub(" ", text)
    return text


def is_quoted(text: str, start: int, end: int, said: str, alone: bool) -> bool:
    """Whether a marker from start to end stands there as an example.

    What "e.g." or "for example" announces is one, whatever it says. Behind a word about
    the format only the prompts' own examples are: models also write "in the required
    format: [[72]]", and a right answer may be 50.

    Args:
        text: The reply.
        start: Where the marker begins.
        end: Where it ends.
        said: What the marker says.
        alone: No other marker stands before this one.
    """
    before = text[max(0, start - _WINDOW) : start]
    after = text[end : end + _WINDOW]
    if _EXAMPLE.search(before) or _EXAMPLE_AFTER.match(after):
        return True
    if said not in EXAMPLES or not _FORMAT.search(before):
        return False
    last = alone and not any(c.isalnum() for c in text[end:])
    return not (last and _ANSWERING.search(before))


def is_denied(text: str, start: int, end: int) -> bool:
    """Whether what stands from start to end is denied, before it or after it."""
    before = text[max(0, start - _WINDOW) : start]
    return _DENIED.search(before) is not None or denied_after(text, end)


def denied_after(text: str, end: int) -> bool:
    """Whether the words that follow deny: "… is wrong", "…错误"."""
    return _DENIED_AFTER.match(text[end : end + _WINDOW]) is not None


def begins_with_denial(text: str) -> bool:
    """Whether a text denies what it says: "not 25"."""
    return _BEGINS.match(text) is not None


_BEGINS = pattern(rf"[^\w≠\\]{{0,6}}(?:it\s+)?(?:is\s*)?{DENIAL}", re.IGNORECASE)


def blanked(text: str, spans: list[tuple[int, int]]) -> str:
    """The text with spaces in these places; every other character stays where it is."""
    if not spans:
        return text
    parts, end = [], 0
    for start, stop in sorted(spans):
        parts += [text[end:start], " " * (stop - max(start, end))]
        end = max(end, stop)
    return "".join([*parts, text[end:]])
