"""`datacheck explain`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import click

from datacheck.cli.help import Grouped, completing
from datacheck.cli.help import codes as all_codes
from datacheck.cli.output import paragraph


@click.command(cls=Grouped)
@click.argument("codes", nargs=-1, metavar="[CODE]...", shell_complete=completing(all_codes))
def explain(codes: Sequence[str]) -> int:
    """Explain each CODE: what it means, why it hurts training, and how to mend it.

    Without a CODE, list them all.
    """
    from datacheck.errors import UsageError
    from datacheck.model.codes import CODES
    from datacheck.model.nearest import nearest

    for code in codes:
        if code not in CODES:
            close = nearest(code, CODES)
            hint = f"did you mean {close!r}? " if close else ""
            raise UsageError(f"no code is called {code!r}; {hint}datacheck explain, without a code, lists them all")
    if not codes:
        width = max(map(len, CODES))
        for code, (verdict, meaning) in CODES.items():
            print(paragraph(f"{code:{width}}  {verdict}: {meaning}", indent=width + 2))
    for number, code in enumerate(codes):
        print("\n" * bool(number) + "\n".join(_lines(code)))
    return 0


def _lines(code: str) -> Iterator[str]:
    from datacheck.model.codes import CODES
    from datacheck.model.explanations import EXPLANATIONS

    verdict, meaning = CODES[code]
    explained = EXPLANATIONS[code]
    yield f"{code} ({verdict}): {meaning}"
    for title, said in (("what it is", explained.what), ("why it hurts", explained.why), ("mend it", explained.mend)):
        yield paragraph(f"  {title + ':':14}{said}", indent=16)
