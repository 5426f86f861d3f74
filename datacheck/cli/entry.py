"""The command line: arguments -> library call -> rendered report -> exit status.

Until a command runs, click is the only library that is imported, and of the commands only the one that runs. So
`datacheck --help` is quick.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import click

from datacheck._version import __version__
from datacheck.cli import interrupts, streams
from datacheck.cli.early import ONE_THREAD
from datacheck.cli.help import Commands, Program
from datacheck.cli.output import INTERRUPTED, complain
from datacheck.cli.streams import COULD_NOT_RUN
from datacheck.errors import DatacheckError


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line and exit with its status."""
    arguments = sys.argv[1:] if argv is None else argv
    interrupts.end_at_once()
    streams.prepare()
    cli.commands.get(next(iter(arguments), ""))  # load it while an interrupt still ends the process at once
    try:
        interrupts.heed()
        os.environ.setdefault(*ONE_THREAD)
        status = streams.written(lambda: _status(arguments))
        interrupts.ignore()  # nothing is left to interrupt
    except KeyboardInterrupt:
        status = _interrupted()
    sys.exit(status)


def _status(argv: Sequence[str]) -> int:
    """Run the command line and return its status; report what goes wrong in a sentence on standard error."""
    from datacheck.model.escaping import plain

    try:
        if os.environ.get("_DATACHECK_COMPLETE"):
            return _completed(list(argv))
        with cli.make_context("datacheck", list(argv)) as context:  # `cli.main` would exit with 1 for a closed pipe
            status = cli.invoke(context)
    except click.exceptions.Exit as exc:
        return exc.exit_code
    except (click.exceptions.Abort, KeyboardInterrupt):
        return _interrupted()
    except click.ClickException as exc:
        error = _naming_file(exc, argv)
        error.message = plain(error.message)  # type: ignore[misc]  # an argument is quoted in it
        error.show()
        return COULD_NOT_RUN
    except DatacheckError as exc:
        complain(exc)
        return COULD_NOT_RUN
    except OSError:
        raise
    except Exception as exc:  # noqa: BLE001  (the outermost border: a mistake of our own is a sentence, too)
        if interrupts.is_caused_by_interrupt(exc):
            return _interrupted()
        from datacheck.scanning.blame import lines_of

        for line in lines_of(exc):
            complain(line)
        return COULD_NOT_RUN
    return status if isinstance(status, int) else 0


def _naming_file(error: click.ClickException, argv: Sequence[str]) -> click.ClickException:
    """Return an error that says how to name the file, if an argument that is no option is the name of one."""
    named = next((it for it in argv if it.startswith("-") and os.path.lexists(it)), None)
    if named is None or not isinstance(error, click.NoSuchOption):
        return error
    return click.UsageError(f"{error.message.removesuffix('.')}; to name the file: ./{named}", error.ctx)


def _completed(argv: list[str]) -> int:
    """Answer a shell that asks for completions.

    Click exits with 1, the status for bad records, if it does not know the request. COULD_NOT_RUN is returned instead.
    """
    try:
        cli.main(argv, prog_name="datacheck")
    except SystemExit as exc:
        if exc.code in (None, 0):
            return 0
    asked = os.environ["_DATACHECK_COMPLETE"]
    shells = "bash_source, zsh_source and fish_source"
    complain(f"_DATACHECK_COMPLETE is {asked!r}, which asks for nothing that there is; {shells} print completions")
    return COULD_NOT_RUN


def _interrupted() -> int:
    """Print what an interrupted command leaves, if it has come so far as to leave anything; return its status."""
    for sentence in interrupts.take_sentences():
        complain(f"interrupted; {sentence}")
    return INTERRUPTED


@click.group(
    cls=Program, commands=Commands(), context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110}
)
@click.version_option(__version__, "-V", "--version", message="datacheck %(version)s")
def cli() -> None:
    """Find the records that would poison a training run in LMDB, LevelDB and HDF5 datasets.

    The source is never written to. Exit status: 0 clean, 1 bad records, 2 could not run, 3 undecided, 130 interrupted.
    """
