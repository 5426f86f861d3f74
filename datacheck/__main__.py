"""The command `datacheck`, and `python -m datacheck`, which is the same program.

It runs in folders of datasets, where a `numpy.py` or `re.py` may lie. Python puts the working directory first on the
import path for `-m`, and an empty entry of PYTHONPATH means it too. Until it is off the path, nothing may be imported
that the interpreter has not loaded before: here and in `datacheck/__init__.py` that is all but sys, os and what is
built into the interpreter.
"""

import _signal  # type: ignore[import-not-found]
import gc
import os
import sys

INTERRUPTED = 130
"""The exit status that `datacheck.cli.output` has, which is not to be imported yet."""

COLLECTED = 20_000
"""Python looks for garbage each time so many more objects were made: what is loaded is none."""


def main() -> None:
    """Run the command line, which imports nothing from the working directory; nor do its workers."""
    try:
        gc.set_threshold(COLLECTED)
        end_at_once()
        leave_working_directory()
        from datacheck.cli.entry import main as run

        run()
    except KeyboardInterrupt:  # while it was loaded: nothing has begun
        raise SystemExit(INTERRUPTED) from None
    finally:
        # The interpreter remembers a KeyboardInterrupt that came out of a text that was executed, as dataclasses have
        # theirs executed, and would end by SIGINT, whatever the status. Executing another text makes it forget.
        exec("")  # noqa: S102
        gc.freeze()  # all goes now: nothing is gained by looking for what is garbage


def end_at_once() -> None:
    """Have Ctrl-C end the process at once, until `datacheck.cli.interrupts` takes over: nothing has begun yet.

    An exception would be lost where none can be raised, as in what the import system does to weak references.
    """
    if _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler:
        try:
            _signal.signal(_signal.SIGINT, lambda number, frame: os._exit(INTERRUPTED))
        except ValueError:  # not in the main thread, where signals do not come
            return


def leave_working_directory() -> None:
    """Take the working directory off the import path, where it is there by `-m` or by an empty entry of PYTHONPATH.

    An entry that names the folder in full stays: that was somebody's decision.
    """
    try:
        here = os.getcwd()  # noqa: PTH109  (pathlib is not loaded yet)
    except OSError:  # it has been removed
        here = ""
    if __name__ == "__main__" and not sys.flags.safe_path and sys.path and sys.path[0] in ("", here):
        del sys.path[0]
    named = os.environ.get("PYTHONPATH")
    if not named:
        return
    entries = named.split(os.pathsep)
    kept = [entry for entry in entries if os.path.normpath(entry) != "."]
    if kept != entries:
        sys.path[:] = [entry for entry in sys.path if entry not in ("", ".", here)]
        os.environ["PYTHONPATH"] = os.pathsep.join(kept)  # for the workers; an empty one is none


if __name__ == "__main__":
    main()
