"""Run the command `datacheck`, also as `python -m datacheck`.

It runs in folders of datasets, which may contain a `numpy.py` or `re.py`. With `-m`, Python puts the working directory
first on the import path, and an empty entry of PYTHONPATH means it too. Until it is removed from the path, only modules
that the interpreter has already loaded may be imported: here and in `datacheck/__init__.py` that means sys, os and
modules that are built into the interpreter.
"""

import _signal  # type: ignore[import-not-found]
import gc
import os
import sys

INTERRUPTED = 130
"""Exit status after an interrupt, as in `datacheck.cli.output`, which must not be imported yet."""

COLLECTED = 250_000
"""Number of new objects after which Python looks for garbage: more than are made while it loads modules, as nothing
that is loaded is garbage."""


def main() -> None:
    """Run the command line. Neither it nor its workers import anything from the working directory."""
    end_template = None
    try:
        collecting = gc.get_threshold()
        gc.set_threshold(COLLECTED)
        end_at_once()
        leave_working_directory()
        from datacheck.cli.early import start_template

        end_template = start_template(sys.argv[1:], collecting)
        from datacheck.cli.entry import main as run

        run()
    except KeyboardInterrupt:  # while loading: nothing has begun
        raise SystemExit(INTERRUPTED) from None
    finally:
        if end_template is not None:
            end_template()
        # The interpreter remembers a KeyboardInterrupt that was raised by executed source text, such as the methods of
        # dataclasses, and would end by SIGINT, whatever the status. Executing another text makes it forget.
        exec("")  # noqa: S102
        gc.freeze()  # the process ends now: collecting garbage gains nothing


def end_at_once() -> None:
    """Make Ctrl-C end the process at once until `datacheck.cli.interrupts` takes over: nothing has begun yet.

    An exception would be lost in code that cannot raise, such as the import system's weak reference callbacks.
    """
    if _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler:
        try:
            _signal.signal(_signal.SIGINT, lambda number, frame: os._exit(INTERRUPTED))
        except ValueError:  # not in the main thread, which alone receives signals
            return


def leave_working_directory() -> None:
    """Remove the working directory from the import path if `-m` or an empty entry of PYTHONPATH put it there.

    An entry that names the folder in full stays, since a user chose it.
    """
    try:
        folder = os.getcwd()  # noqa: PTH109  (pathlib is not loaded yet)
    except OSError:  # it has been removed
        folder = ""
    if __name__ == "__main__" and not sys.flags.safe_path and sys.path and sys.path[0] in ("", folder):
        del sys.path[0]
    named = os.environ.get("PYTHONPATH")
    if not named:
        return
    entries = named.split(os.pathsep)
    kept = [entry for entry in entries if os.path.normpath(entry) != "."]
    if kept != entries:
        sys.path[:] = [entry for entry in sys.path if entry not in ("", ".", folder)]
        os.environ["PYTHONPATH"] = os.pathsep.join(kept)  # for the workers; an empty value is ignored


if __name__ == "__main__":
    main()
