"""`datacheck explain`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import click

from datacheck.cli.help import TOPICS, Grouped, completing
from datacheck.cli.help import codes as all_codes
from datacheck.cli.output import paragraph


@click.command(cls=Grouped)
@click.argument("names", nargs=-1, metavar="[CODE|LIST]...", shell_complete=completing(lambda: [*all_codes(), *TOPICS]))
def explain(names: Sequence[str]) -> int:
    """Explain each CODE: what it means, why it hurts training, and how to mend it.

    Without a CODE, list all codes. A LIST is one of checks, decoders, conventions and rules: the names that options
    take, or that findings of datacheck lint carry, and what each stands for.
    """
    from datacheck.errors import UsageError
    from datacheck.model.codes import CODES
    from datacheck.model.nearest import nearest

    for name in names:
        if name not in CODES and name not in TOPICS:
            topic = next((it for it, rows in TOPICS.items() if name in dict(rows())), None)
            if topic is not None:
                raise UsageError(f"unknown code {name!r}; it is in the list of datacheck explain {topic}")
            close = nearest(name, (*CODES, *TOPICS))
            hint = f"did you mean {close!r}? " if close else ""
            raise UsageError(f"unknown code {name!r}; {hint}datacheck explain, without a code, lists them all")
    if not names:
        _print_table([(code, f"{verdict}: {meaning}") for code, (verdict, meaning) in CODES.items()])
    for number, name in enumerate(names):
        print(end="\n" * bool(number))
        if name in TOPICS:
            _print_table(TOPICS[name]())
        else:
            print("\n".join(_lines(name)))
    return 0


def _print_table(rows: Sequence[tuple[str, str]]) -> None:
    width = max(len(name) for name, _ in rows)
    for name, meaning in rows:
        print(paragraph(f"{name:{width}}  {meaning}", indent=width + 2))


def _lines(code: str) -> Iterator[str]:
    from datacheck.model.codes import CODES
    from datacheck.model.explanations import EXPLANATIONS

    verdict, meaning = CODES[code]
    explained = EXPLANATIONS[code]
    yield f"{code} ({verdict}): {meaning}"
    for title, text in (("what it is", explained.what), ("why it hurts", explained.why), ("mend it", explained.mend)):
        yield paragraph(f"  {title + ':':14}{text}", indent=16)
