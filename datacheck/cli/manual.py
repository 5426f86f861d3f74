"""Make the manual page from the help of the commands: `python -m datacheck.cli.manual > datacheck.1`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import click

from datacheck._version import __version__
from datacheck.cli.entry import cli
from datacheck.cli.help import EXAMPLES, SECTIONS, Grouped

STATUSES = {
    "0": "clean, or the copy is written and verified",
    "1": "bad records found, or with --strict suspicious ones",
    "2": "could not run: wrong usage, no such file, not a store",
    "3": "undecided: nothing bad, but something could not be verified, or not every record was looked at",
    "130": "interrupted; what was found until then is reported",
}
VARIABLES = {
    "NO_COLOR": "If set, no colours are used, not even on a terminal.",
    "FORCE_COLOR": "If set to anything except 0, verdicts are coloured in a pipe too.",
    "GITHUB_ACTIONS": "If set, text that GitHub's runner would take for commands is fenced.",
    "COLUMNS": "Width of the lines on a terminal; in a pipe no line is cut.",
    "TMPDIR": "Where temporary files go.",
    "DATACHECK_TRACEBACK": "If set, an internal error is shown with its traceback.",
}


def page() -> str:
    """Return the page as roff with the man macros."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield f'.TH DATACHECK 1 "" "datacheck {__version__}" "User Commands"'
    yield from (".SH NAME", r"datacheck \- find the records that would poison a training run")
    yield from (".SH SYNOPSIS", ".B datacheck", r"\fICOMMAND\fR [\fIOPTIONS\fR] [\fIARGUMENTS\fR]")
    yield ".SH DESCRIPTION"
    yield from _paragraphs(cli.help or "")
    yield from _example_lines("datacheck")
    with click.Context(cli, info_name="datacheck", **cli.context_settings) as program:
        for title, names in SECTIONS.items():
            yield f".SH {roff(title.upper())}"
            for name, short in names.items():
                yield from _command(program, name, short)
    yield from _section("EXIT STATUS", STATUSES)
    yield from _section("ENVIRONMENT", VARIABLES)
    yield from _section(
        "FILES",
        {"datacheck.toml, pyproject.toml": "Defaults for the options, by their long names; see --config of a command."},
    )


def _command(program: click.Context, name: str, short: str) -> Iterator[str]:
    command = cli.commands[name]
    with click.Context(command, info_name=name, parent=program) as ctx:
        pieces = " ".join(command.collect_usage_pieces(ctx))
        yield f".SS {roff(f'datacheck {name} {pieces}')}"
        yield from _paragraphs(command.help or short)
        if isinstance(command, Grouped):
            for title, rows in (*command.groups(ctx), *command.manual()):
                yield from (".PP", f"\\fB{roff(title)}\\fR")
                yield from _rows(rows)
    yield from _example_lines(name)


def _rows(rows: Sequence[tuple[str, str]]) -> Iterator[str]:
    for term, meaning in rows:
        yield from (".TP", f"\\fB{roff(term)}\\fR", roff(meaning))


def _example_lines(name: str) -> Iterator[str]:
    if name in EXAMPLES:
        yield from (".PP", "\\fBExamples\\fR")
        yield from _rows([(f"datacheck {words}", meaning) for words, meaning in EXAMPLES[name]])


def _section(title: str, rows: Mapping[str, str]) -> Iterator[str]:
    yield f".SH {title}"
    yield from _rows(list(rows.items()))


def _paragraphs(text: str) -> Iterator[str]:
    for paragraph in text.split("\n\n"):
        yield from (".PP", roff(" ".join(paragraph.split())))


def roff(text: str) -> str:
    r"""Return a text escaped for roff.

    >>> print(roff(r".a-b\c"))
    \&.a\-b\ec
    """
    escaped = text.replace("\\", r"\e").replace("-", r"\-")
    return rf"\&{escaped}" if escaped.startswith((".", "'")) else escaped


if __name__ == "__main__":
    print(page(), end="")
