"""Which option an answer names: by its letter, by its text, or in a sentence. Pure.

In a sentence each mention of a letter is asserted ("it is B", "选B", "B is right"), denied
("not A", "A错误", "A, C and D are too short"), or merely mentioned.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from tale_eval.asking.prompts import letter
from tale_eval.grading.forms import unwrap
from tale_eval.grading.numbers import normalise
from tale_eval.grading.quoting import denied_after, is_denied
from tale_eval.patterns import pattern

TAIL_CHARS = 20_000
"""A final answer stands within so many characters of the end, or it begins the reply."""

_OPTION_WORD = pattern(
    r"^(?:option|choice|answer|选项|答案)[\s:：]*(?=[(\[【]?[A-Za-z](?![A-Za-z]))", re.IGNORECASE
)
_LEADING_LETTER = pattern(r"[(\[【]([A-Za-z])[)\]】]|([A-Za-z])(?:[.):]|(?![A-Za-z\d'’]))")
_SEPARATOR = pattern(r"^[\s.):：,，、;；。=—–-]*")
_PUNCTUATED = pattern(r"^\s*(?:[.):：,，;；。=—–(（\[“\"/]|-\s|-$)")
_AND = (
    r"(?:(?:\b(?:and|or|nor|und|oder|et|ou|y|o)\b|[和或及与]|以及)"
    r"(?:\s(?:also|auch|aussi|también)\b)?)"
)
_JOINT = rf"(?:\s*[,、，/&+]\s*{_AND}?|\.?\s*{_AND})\s*"
# "B is correct", "B选项", "B because"; an article is never followed by these
_SAID_OF_ONE = pattern(
    r"(?:is|are|has|must|was|fits?|because|since|as|seems?|would|works?|holds?|matches|for|which|with"
    r"|satisfies|therefore|so|the)\b|选?项|正|对|是|符|因|吧|最|更|这|为"
)
_AND_BETWEEN = pattern(_AND)
_PLURAL = pattern(r"\s*(?:are|were|all|both|do|don['’]t|aren['’]t|have|[均都全])")
_SINGLE = r"[(\[【“\"'*]{0,3}(?<![A-Za-z\d'’\\])([A-%s])[)\]】”\"'*]{0,3}(?![A-Za-z\d'’])"
# "A" before a word is an article
_ARTICLE = pattern(
    r"A (?!(?:is|has|must|was|fits|because|since|and|or|as|cannot|can['’]t|seems|would|works"
    r"|isn['’]t|doesn['’]t|does|nor|but|for|which|rather|not|holds|matches|to|instead)\b)[a-z]"
)
_OPTION_LINE = pattern(r"^[ \t*(•-]{0,9}([A-Z])[.):：]", re.MULTILINE)
_ASSERTED_BEFORE = pattern(
    r"(?:\b(?:it(?:['’]s)?|is|be|choose|chose|pick|select|go(?:ing)? (?:for|with)|answer|answers|"
    r"therefore|thus|so|hence|leaves|leaving|conclusion|ist|est|es|actually|rather)\b|[选是为]|答案|只有|所以|因此|应|故)"
    r"(?:[\s:：,，*]|\b(?:option|choice|clearly|definitely|surely|probably|then|the|answer|only|simply)\b|选项|选"
    r"|答案|是|为){0,12}$",
    re.IGNORECASE,
)
_ASSERTED_AFTER = pattern(
    r"^[\s,)]{0,3}(?:选?项)?(?:\s*\b(?:is|has to be|must be|looks|seems|would be|should be|the"
    r"|only|clearly|also"
    r"|definitely|indeed|one|that is|does)\b|[\s是才最]){0,8}"
    r"(?:\b(?:right|correct|true|best|answer|it|fits|works|holds|matches|satisfies)\b|正确|对|符合|成立|合适|richtig|✓|✅|√)",
    re.IGNORECASE,
)
_WORDS = pattern(r"[^\W\d_]{2}|[\u4e00-\u9fff]")
_OPTION_TEXT = pattern(r"\s?[(（][^()（）\n]{0,200}[)）]|\s?[:：–—-]\s?(?=\w)")
_ASKED = pattern(r"^\W{0,3}[?？]")
_AFFIRMED = pattern(
    r"^\W{0,3}[?？]\W{0,3}(?:yes|correct|right|true|indeed|ja|oui|sí|да|是的|对|正确|はい)(?![A-Za-z])",
    re.IGNORECASE,
)
_SENTENCE_CHARS = 300
_LAST_SENTENCE = pattern(r"(?:(?<=^)|(?<=[.!?。\n]))(?:[^.!?。\n]|\.(?=\d)){1,300}+[.!。]?$")
# "It is not clear whether it is true" asserts nothing
_DOUBTS = pattern(
    r"\b(?:not?|nor|neither|never|if|whether|or|and|but|could|might|may|maybe|perhaps|suppose|assume|would"
    r"|cannot|than|except)\b|n['’]t\b|[?]",
    re.IGNORECASE,
)
_BEFORE_TEXT = r"(?:\b(?:is|are|was|were|be|equals)|['’]s|[=:])\s+(?:(?:the|an?)\s+)?"
_AFTER_TEXT = r"(?:\s+[^\W\d_]+){0,2}[\s.!。*]*$"
_CORRECT_LINE = pattern(
    r"(?<!in)(?<!not )\b(?:correct|right|true)\b|(?<!不)正确|[✓✅✔☑]|\byes\b", re.IGNORECASE
)


@dataclass(frozen=True)
class Mention:
    """A letter, or several joined by "and", in a sentence.

    Attributes:
        start: Where it stands.
        name: The letter; None if they are several, which name no single option.
        asserted: The words around it say that it is the answer.
    """

    start: int
    name: str | None
    asserted: bool


def choice_letter(answer: str, options: Sequence[str]) -> str | None:
    """The option that an answer names: by its letter, or by the option's whole text."""
    answer = answer[:TAIL_CHARS]  # no option's text is longer
    for i, option in enumerate(options):
        if option == answer and len(answer) > 1:
            return letter(i)
    texts = {letter(i): unwrap(normalise(option)) for i, option in enumerate(options)}
    text = unwrap(normalise(answer.replace("**", "")))
    if text.isdigit() and text in texts:  # what is called 1, 2, … after Z
        return text
    # a capital letter is a letter, even where it is also an option's text
    if text and text not in texts:
        for same in (str, _folded):
            said = same(text)
            for name, option in texts.items():
                if same(option) == said:
                    return name
    return _leading_letter(_OPTION_WORD.sub("", text), texts)


def chosen_option(answer: str, options: Sequence[str]) -> str | None:
    """The option that an answer names, in its first word or in a sentence."""
    if name := choice_letter(answer, options):
        return name
    if not _WORDS.search(answer):  # "A, B"
        return None
    last = last_mention(normalise(answer), options)
    return last.name if last else None


def option_in_reply(text: str, options: Sequence[str], cut: bool = False) -> tuple[int, str] | None:
    """Where a reply without any marker names its option, and the text that names it.

    The last asserted letter counts; or else the option that the reply begins with; or
    else the last letter that is mentioned. Of a reply that was cut off, the beginning counts.
    """
    last = None if cut else last_mention(text, options)
    if last and last.asserted:
        return None if last.name is None else (last.start, last.name)
    beginning = text.strip()
    goes_through_several = len(set(_OPTION_LINE.findall(text))) > 1
    for words in dict.fromkeys((beginning, beginning.partition("\n")[0])):
        if not goes_through_several and choice_letter(words, options):
            return 0, words
    if last is None and not cut:
        return _option_said(text, options)
    return None if last is None or last.name is None else (last.start, last.name)


def _option_said(text: str, options: Sequence[str]) -> tuple[int, str] | None:
    """The one option whose text ends the last sentence: "So the rod is 18 cm long."."""
    sentence = _LAST_SENTENCE.search(text[-_SENTENCE_CHARS:].rstrip())
    if sentence is None or _DOUBTS.search(sentence[0]):
        return None
    said = [
        option
        for option in map(str.strip, options)
        if len(option) > 1
        and re.search(
            rf"{_BEFORE_TEXT}{re.escape(option)}{_AFTER_TEXT}", sentence[0], re.IGNORECASE
        )
    ]
    return (len(text) - 1, said[0]) if len(said) == 1 else None


def last_mention(text: str, options: Sequence[str]) -> Mention | None:
    """The last asserted mention of an option in a text, or the last one at all."""
    last = asserted = None
    single = re.compile(_SINGLE % letter(min(len(options), 26) - 1))
    text = _without_option_texts(text, options, single)
    for mention in _mentions(text, max(0, len(text) - TAIL_CHARS), single):
        last = mention
        if mention.asserted:
            asserted = mention
    return asserted or last


def _without_option_texts(text: str, options: Sequence[str], single: re.Pattern[str]) -> str:
    """The text with spaces for the options that hold letters themselves: "triangle A B C"."""
    for option in map(str.strip, options):
        if len(option) > 1 and single.search(option):
            text = text.replace(option, " " * len(option))
    return text


def _mentions(text: str, start: int, single: re.Pattern[str]) -> Iterator[Mention]:
    """The letters in a text that are not denied."""
    lines = {found.start(1): found.group(1) for found in _OPTION_LINE.finditer(text, start)}
    repeated = set(lines) if len(set(lines.values())) > 1 else set()
    looked_at = 0
    for found in re.finditer(rf"{single.pattern}(?:{_JOINT}{single.pattern}){{0,9}}", text[start:]):
        begin, end = start + found.start(1), start + found.end()
        if begin < looked_at:
            continue
        # "B (A event) is right": its text stands in parentheses, or behind a dash
        if remark := _OPTION_TEXT.match(text, end):
            end = looked_at = remark.end()
        if _ARTICLE.match(text, begin):
            continue
        if _ASKED.match(text[end : end + 4]):
            if _AFFIRMED.match(text[end : end + 20]) and found.end() == found.end(1):
                yield Mention(begin, found.group(1), asserted=True)
            continue
        if begin in repeated:  # the question's options are copied: only a verdict counts
            if _CORRECT_LINE.search(text[end : end + 200].partition("\n")[0]):
                yield Mention(begin, found.group(1), asserted=True)
            continue
        end = _before_a_denied_one(text, begin, end)
        if not is_denied(text, start + found.start(), end):
            names = set(single.findall(text, start + found.start(), min(end, start + found.end())))
            name = found.group(1) if len(names) == 1 else None
            yield Mention(begin, name, _asserts(text, start + found.start(), end))


def _before_a_denied_one(text: str, begin: int, end: int) -> int:
    """Where letters end that a comma parts from a denied one: "B, D is wrong", not "B, D are"."""
    comma = max(text.rfind(sign, begin, end) for sign in ",，")
    if comma < 0 or _AND_BETWEEN.search(text, comma, end) or _PLURAL.match(text, end):
        return end
    return comma if denied_after(text, end) else end


def _asserts(text: str, start: int, end: int) -> bool:
    before = text[max(0, start - 60) : start]
    after = text[end : end + 60]
    return bool(_ASSERTED_BEFORE.search(before) or _ASSERTED_AFTER.match(after))


def _leading_letter(text: str, texts: Mapping[str, str]) -> str | None:
    """The letter that a text begins with, if it names an option and no second one."""
    lead = _LEADING_LETTER.match(text)
    if lead is None:
        return None
    name = (lead.group(1) or lead.group(2)).upper()
    if name not in texts:
        return None
    end = lead.end(1) if lead.group(1) else lead.end(2)
    rest = unwrap(_SEPARATOR.sub("", text[end:]))
    if rest == "" or _folded(texts[name]) in (_folded(rest), _folded(unwrap(text[end:]))):
        return name
    if (
        denied_after(text, lead.end())
        or _ASKED.match(text[lead.end() :])
        or _names_another(text, lead, texts)
    ):
        return None
    if (
        lead.group(1)
        or lead.group(0)[-1] in ".):"
        or (lead.group(2).isupper() and _goes_on(text, lead))
    ):
        return name
    return None


def _goes_on(text: str, lead: re.Match[str]) -> bool:
    """Whether a capital letter's sentence goes on about it, and it is no article."""
    rest = text[lead.end() :]
    if _PUNCTUATED.match(rest) or _SAID_OF_ONE.match(rest.lstrip()):
        return True
    return lead.group(2) not in "AI" and rest.lstrip()[:1].islower()


def _names_another(text: str, lead: re.Match[str], texts: Mapping[str, str]) -> bool:
    """Whether a second letter follows at once: "A and B" names no single option."""
    last = max(texts)
    another = re.compile(rf"[)\]】.]?(?:{_JOINT}|\s*){_SINGLE % last}", re.DOTALL).match(
        text, lead.end()
    )
    if another is None or _ARTICLE.match(text, another.start(1)):
        return False
    between = text[lead.end() : another.start(1)]
    joined = re.search(r"[,、，/&+]|and|or|和|或|及|与|und|oder", between) is not None
    alone = not any(c.isalnum() for c in text[another.end() :])
    return (joined or alone) and not denied_after(text, another.end())


def _folded(text: str) -> str:
    """A text without what does not tell options apart: spaces, case, parentheses around it."""
    folded = re.sub(r"\s+", "", text).casefold()
    return folded[1:-1] if folded[:1] in "(（" and folded[-1:] in ")）" else folded
