"""Names and texts as the page shows them."""

from __future__ import annotations

import json
import re
from typing import Any

from datacheck.model.escaping import unescape

LONGEST = 500
"""Maximum length of a message or a name on the page, in characters; the JSON report has all of it."""


def readable(name: str) -> str:
    r"""Return an escaped name in readable form, if its bytes are UTF-8 and all characters are visible.

    >>> readable(r"\xe7\x8c\xab.jpg"), readable(r"a\x1b[31m")
    ('猫.jpg', 'a\\x1b[31m')
    """
    if "\\x" not in name:
        return name
    try:
        text = unescape(name).decode()
    except UnicodeDecodeError:
        return name
    return text if text.isprintable() and text.strip() else name


def cut(text: str, limit: int = LONGEST) -> str:
    """Return a text cut after `limit` characters."""
    return text if len(text) <= limit else f"{text[:limit]}..."


def with_commands(text: str) -> list[tuple[str, bool]]:
    """Return the pieces of a text, each with whether it is a command or an option.

    >>> with_commands("Run `make`, with --range.")
    [('Run ', False), ('make', True), (', with ', False), ('--range', True), ('.', False)]
    """
    pieces = re.split(r"`([^`]*)`|(--[a-z]+(?:-[a-z]+)*)", text)
    return [(piece, bool(at % 3)) for at, piece in enumerate(pieces) if piece]


def steps(advice: str | None) -> list[tuple[str, str]]:
    """Return the lines that say what to run next: the purpose of each, and its command ("" if it has none).

    >>> steps("look at one: datacheck show x 1")
    [('look at one', 'datacheck show x 1')]
    """
    result = []
    for line in (advice or "").splitlines():
        purpose, colon, rest = line.partition(": ")
        result.append((purpose, rest) if colon and rest.startswith("datacheck ") else (line, ""))
    return result


def embedded(value: Any) -> str:
    r"""Return JSON that can stand in a script element: nothing in it ends the element or begins a comment.

    >>> print(embedded("</script>"))
    "\u003c/script>"
    """
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return safe_in_script(text)


def safe_in_script(text: str) -> str:
    """Return JSON without the characters that have a meaning in HTML or end a line."""
    text = text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
    return text.encode("utf-8", "backslashreplace").decode()


def size_embedded(text: str) -> int:
    r"""Return the number of bytes that a text takes as `embedded` writes it.

    >>> size_embedded("<b>") == len(embedded("<b>"))
    True
    """
    if not text.isprintable():
        return len(embedded(text).encode())
    return len(text.encode()) + 2 + 5 * text.count("<") + text.count("\\") + text.count('"')
