"""The types of the values that options take, and options whose help names the rows of a table."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from datacheck.cli.help import completing

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

_URL = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]+://")


class Bound(click.ParamType):  # type: ignore[type-arg]  # generic only since click 8.4
    """LO:HI, either side of which may be empty.

    `field` allows a field name before it (FIELD=LO:HI), `single` a single integer in its place.
    """

    def __init__(self, name: str, *, field: bool = False, single: bool = False) -> None:
        self.name, self._field, self._single = name, field, single

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not isinstance(value, str):
            value = str(value)
        field, equals, bounds = value.rpartition("=")
        low, colon, high = bounds.partition(":")
        try:
            if self._single and not colon:
                return int(bounds)
            pair = (float(low) if low else None, float(high) if high else None)
        except ValueError:
            colon = ""
        if not colon or (equals and not (self._field and field)):
            self.fail(f"{value!r} is not of the form {self.name}", param, ctx)
        return (field or None, pair) if self._field else pair

    def format(self, value: Any) -> str:
        """Return a value as the command line spells it, so that `convert` would return it again."""
        from datacheck.model.settings import Bounds
        from datacheck.reporting.advice import format_bounds

        field, bounds = value if self._field else (None, value)
        text = str(bounds) if isinstance(bounds, int) else format_bounds(Bounds(*bounds))
        return text if field is None else f"{field}={text}"


class Named(click.Path):
    """A path on this machine. An empty one, as from an unset shell variable, does not mean the working directory.

    Whether it can be read is found out, and said, by the code that opens it.
    """

    def __init__(self, path_type: type[Path] | type[str] = Path) -> None:
        super().__init__(path_type=path_type, readable=False)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not os.fspath(value):
            self.fail("the name is empty", param, ctx)
        if _URL.match(os.fspath(value)):
            self.fail(f"{os.fspath(value)} is a URL; name a path on this machine", param, ctx)
        return super().convert(value, param, ctx)


class FromTable(click.Option):
    """An option whose help names the rows of a table, which is not imported before the help is shown.

    In the help and the metavar, "{a|b}" stands for all rows, as do "{a, b}", "{a or b}" and "{a or, b}".
    """

    def __init__(self, declarations: Sequence[str], *, rows: Callable[[], Sequence[str]], **attributes: Any) -> None:
        super().__init__(declarations, **attributes)
        self._rows = rows

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete a word to the name of a row, or leave it to the shell if the value is a path."""
        if isinstance(self.type, click.Path):
            return super().shell_complete(ctx, incomplete)
        return completing(self._rows)(ctx, self, incomplete)

    @property
    def help(self) -> str | None:
        """The help text with the names of the rows, which a shell shows too."""
        return _with_row_names(self._help, self._rows)

    @help.setter  # noqa: A003  (the name is click's)
    def help(self, text: str | None) -> None:
        self._help = text

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        self.metavar = _with_row_names(self.metavar, self._rows)
        return super().get_help_record(ctx)


def _with_row_names(text: str | None, table: Callable[[], Sequence[str]]) -> str | None:
    """Return a text whose placeholders are replaced by the names of the rows."""
    if text is None or "{a" not in text:
        return text
    rows = table()
    others, last = ", ".join(rows[:-1]), rows[-1]
    spellings = {
        "{a|b}": "|".join(rows),
        "{a, b}": ", ".join(rows),
        "{a or b}": f"{others} or {last}" if others else last,
        "{a or, b}": f"{others} or, {last}" if others else last,
    }
    for place, words in spellings.items():
        text = text.replace(place, words)
    return text


class RowName(click.ParamType):  # type: ignore[type-arg]  # generic only since click 8.4
    """The name of a row of a table, which is not imported before a value is given or the help is shown."""

    name = "choice"

    def __init__(self, rows: Callable[[], Sequence[str]]) -> None:
        self._rows = rows

    def get_metavar(self, param: click.Parameter, ctx: click.Context | None = None) -> str:
        return f"[{'|'.join(self._rows())}]"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        rows = self._rows()
        if value not in rows:
            self.fail(f"{value!r} is not one of {', '.join(map(repr, rows))}.", param, ctx)
        return value

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Complete a word to the name of a row."""
        return completing(self._rows)(ctx, param, incomplete)
