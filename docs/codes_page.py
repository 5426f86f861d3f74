"""Write docs/codes.md from the tables of the code: `python docs/codes_page.py > docs/codes.md`, or `make pages`."""

from __future__ import annotations

import re
import sys

from datacheck.model.codes import CODES
from datacheck.model.explanations import EXPLANATIONS

HEAD = """\
# Reason codes

Every finding has one of these codes. `datacheck explain CODE` prints the same three texts on the terminal. A record
is `bad` (the data is broken), `suspicious` (legal, but known to hurt training) or `unverifiable` (datacheck could not
decide here). [What it says](findings.md) explains how records are judged.

| code | verdict | meaning |
|---|---|---|
"""


def page() -> str:
    """Return the whole page: a table of the codes, then for each what it is, why it hurts and how to mend it."""
    rows = "".join(f"| [`{code}`](#{code}) | {verdict} | {meaning} |\n" for code, (verdict, meaning) in CODES.items())
    sections = []
    for code, (verdict, meaning) in CODES.items():
        it = EXPLANATIONS[code]
        sections.append(
            f"\n## {code}\n\n*{verdict}: {meaning}*\n\n"
            f"What it is: {_prose(it.what)}\n\nWhy it hurts: {_prose(it.why)}\n\nHow to mend it: {_prose(it.mend)}\n"
        )
    return HEAD + rows + "".join(sections)


def _prose(text: str) -> str:
    """Return a text with its options marked as code, like the names in it, so that Markdown leaves them alone."""
    parts = re.split(r"(`[^`]*`)", text)
    return "".join(it if it.startswith("`") else re.sub(r"(?<![\w-])(--[a-z-]+)", r"`\1`", it) for it in parts)


if __name__ == "__main__":
    sys.stdout.write(page())
