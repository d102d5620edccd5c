"""Sketch-of-Thought: reasoning in one of three shorthands (Aytes et al., arXiv 2503.05179).

inspect eval tale_eval/gsm8k --solver tale_eval/sketch
inspect eval tale_eval/gsm8k --solver tale_eval/sketch -S paradigm=chunked_symbolism
"""

import json
import re
from functools import cache
from pathlib import Path
from typing import Final, Literal, get_args

from inspect_ai.solver import solver

import tale_eval.asking
from tale_eval.asking.prompts import SYSTEM_PROMPT, QuestionKind, answer_text, format_text
from tale_eval.asking.question import FormatChoice, Question, Way
from tale_eval.budgets.plan import Ask, Plan, ReplyText, Steps
from tale_eval.errors import InvalidValueError
from tale_eval.grading.thinking import without_thinking
from tale_eval.inspect_ext.method import method
from tale_eval.settings import ESTIMATE_MAX_TOKENS

Paradigm = Literal["chunked_symbolism", "conceptual_chaining", "expert_lexicons"]

# the authors' English guides and examples, to the letter, under their licence (MIT)
GUIDES = Path(tale_eval.asking.__file__).parent / "sketch_of_thought"
EXAMPLES = 3
"""Of each paradigm, in the authors' code."""

# ours: theirs is a classifier of 66 million parameters, which is not shipped with its code
ROUTER: Final = (
    "Three shorthands can be used to work out a question:\n"
    "- chunked_symbolism: variables and equations, for calculations\n"
    "- conceptual_chaining: key words joined by arrows, for facts and common sense\n"
    "- expert_lexicons: the symbols and abbreviations of a field, for specialists' questions\n\n"
    "Which one suits the question below? Do not answer it; reply with the name of the shorthand "
    'alone.\n\nQuestion: "{question}"\n'
)
FALLBACK: Final[Paradigm] = "chunked_symbolism"

_FORMAT_SECTION = re.compile(
    r"(?<=4\. \*\*Output Format\*\*\n).*(?=   - \*\*Use minimal)", re.DOTALL
)
_BOX = re.compile(r"\\boxed\{([^{}]*)\}")


@solver
@method
def sketch(
    paradigm: Literal["auto", Paradigm] = "auto",
    examples: int = EXAMPLES,
    router_max_tokens: int = ESTIMATE_MAX_TOKENS,
    system_prompt: str = SYSTEM_PROMPT,
    answer_format: FormatChoice = "auto",
) -> Plan:
    """Ask for reasoning in shorthand, by the authors' guide for one of three paradigms.

    Guide and examples stand before the question in the user's message, where the authors send
    a system message and turns of a chat: so the run's system message stays what it is.

    Args:
        paradigm: "chunked_symbolism", "conceptual_chaining", "expert_lexicons", or "auto": the
            model itself is asked first which suits the question, and a reply that names none
            means chunked_symbolism.
        examples: How many of the authors' examples to show, from 0 to 3.
        router_max_tokens: Cap on the reply to that. Raise it for models that reason before they
            speak.
        system_prompt: Used where the task brings no system message; empty for none.
        answer_format: "auto" (the guides' own, "boxed", on our tasks), "bracketed",
            "answer_line", "boxed", "hashes" or "none".
    """
    if not 0 <= examples <= EXAMPLES:
        raise InvalidValueError(f"examples={examples}: must be a whole number from 0 to {EXAMPLES}")

    def steps(question: Question) -> Steps:
        chosen = paradigm
        if chosen == "auto":
            said: ReplyText = yield Ask(routing, purpose="helper", max_tokens=router_max_tokens)
            chosen = named_paradigm(said)
        yield Ask(lambda q: sketching(q, chosen, examples))

    return Plan(steps, Way(system_prompt, answer_format, own_format="boxed"))


def routing(question: Question) -> str:
    """Ask which paradigm suits the question."""
    before, _, after = ROUTER.partition("{question}")
    return f"{before}{question.text.strip()}{after}"


def named_paradigm(said: str) -> Paradigm:
    """The paradigm that a reply names last; the fallback if it names none."""
    text, _ = without_thinking(said)
    plain = re.sub(r"[\s_-]+", "_", text.lower())
    places: dict[Paradigm, int] = {name: plain.rfind(name) for name in get_args(Paradigm)}
    last = max(places, key=lambda name: places[name])
    return last if places[last] >= 0 else FALLBACK


def sketching(question: Question, paradigm: Paradigm, examples: int) -> str:
    """The guide, the examples, and the question; with the question's own answer format."""
    guide, shown = _guide(paradigm), _examples(paradigm)[:examples]
    if question.answer_format != "boxed":
        asked = format_text(question.answer_format, question.kind, question.language)
        guide = _FORMAT_SECTION.sub(lambda _: f"   - {asked}\n" if asked else "", guide)
        shown = [(q, _BOX.sub(lambda box: _answered(box[1], question), a)) for q, a in shown]
    turns = "".join(f"{asked}\n{answer}\n\n" for asked, answer in shown)
    return f"{guide.rstrip()}\n\n{turns}{question.text}\n"


def _answered(answer: str, question: Question) -> str:
    kind: QuestionKind = "choice" if re.fullmatch("[A-D]", answer) else "cloze"
    return answer_text(answer, question.answer_format, kind, question.language)


@cache
def _guide(paradigm: Paradigm) -> str:
    return (GUIDES / f"{paradigm}.md").read_text(encoding="utf-8")


@cache
def _examples(paradigm: Paradigm) -> list[tuple[str, str]]:
    held = json.loads((GUIDES / "exemplars.json").read_text(encoding="utf-8"))
    return [(row["question"], row["answer"]) for row in held[paradigm]]
