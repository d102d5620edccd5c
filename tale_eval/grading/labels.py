"""The words that announce an answer, in the languages that models answer in. Pure."""

import re

from tale_eval.patterns import pattern

LABEL = (
    r"(?:final\s+answer|answer|choice|solution|最终答案|正确答案|答案|选项|答え|解答|정답|답"
    r"|Antwort|Lösung|réponse|respuesta|risposta|resposta|ответ|cevap|odpowiedź)"
)
"""What stands before the colon of "Answer: 72"."""

PLACEHOLDERS = {"answer", "choice", "答案", "选项", "budget", "$answer", "$letter", "...",
                "your answer", "final answer", "number", "letter"}  # fmt: skip
"""What the prompts print where the answer belongs, and small models copy."""

PHRASE = pattern(
    r"(?:answer|choice|option)\s+(?:is|must be|should be|would be|will be)\s*:?"
    r"|final\s+answer\s*[*_]*[:：]|答案(?:应该|应)?(?:是|为|[:：])\s*[:：]?"
    r"|(?:选择|故选|应选)\s*[:：]?|选\s*(?=[A-Z](?![A-Za-z]))"
    r"|(?:答え|正解|解答)は\s*|ответ\s*[—–-]"
    r"|réponse\s+est|respuesta(?:\s+correcta)?\s+es|Antwort\s+(?:ist|lautet)|risposta\s+è",
    re.IGNORECASE,
)
"""What stands before the answer in a sentence."""

PHRASE_ROOTS = ("answer", "choice", "option", "答案", "选", "réponse", "respuesta", "antwort",
                "risposta", "答え", "正解", "解答", "ответ")  # fmt: skip
"""A lower-case text without any of these holds no such phrase, and that is quickly seen."""

LABEL_WORDS = pattern(
    rf"\b(?:the|my|final|correct|right|is|option|so|therefore)\b|{LABEL}|是|为|故?选",
    re.IGNORECASE,
)
"""Words that say no more than that an answer follows."""
