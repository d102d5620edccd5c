"""Names and messages as a reader sees them, whatever they hold. Pure.

A model's name, a task's argument or a log's path comes from somebody else: it may hold what
a terminal obeys, or what hides or turns round the text beside it.
"""

import unicodedata


def visible(text: str) -> str:
    """The text with an escape such as \\x1b for every character that shows nothing."""
    if text.isprintable():
        return text
    return "".join(c if _shows(c) else c.encode("unicode_escape").decode("ascii") for c in text)


def visible_lines(text: str) -> str:
    """The same for a message of several lines."""
    return "\n".join(visible(line) for line in text.split("\n"))


def in_markdown(text: str) -> str:
    """The text as Markdown shows it: no end of a cell, no tag, link or picture."""
    return visible(text).translate(_MARKDOWN)


_MARKDOWN = str.maketrans({"<": "&lt;", "&": "&amp;"} | {c: f"\\{c}" for c in "\\|[]`*"})


def _shows(character: str) -> bool:
    # not only the space of ASCII: Chinese has one of its own
    return character.isprintable() or unicodedata.category(character) == "Zs"
