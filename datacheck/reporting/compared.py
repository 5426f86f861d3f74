"""The result of a comparison in a report: with a checksum file, or with another store."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from datacheck.model.listing import and_more

if TYPE_CHECKING:
    from datacheck.reporting.report import Report

FIRST = 20
"""Maximum number of names listed of records that are otherwise only counted."""
LISTED = 5
"""Maximum number of these names in a summary."""


class Checksums(msgspec.Struct):
    """The result of comparing a store with a checksum file.

    `recorded` is the number of records in the file, `compared` how many of them were read. `new` counts records that
    the file does not have, `first_new` are the names of the first of them.
    """

    path: str
    recorded: int
    compared: int = 0
    changed: int = 0
    lost: int = 0
    new: int = 0
    first_new: list[str] = []

    @property
    def sentence(self) -> str:
        """The result in one line."""
        text = f"{self.compared:,} of {self.recorded:,} recorded value{'' if self.recorded == 1 else 's'} compared"
        text += f", {self.changed:,} changed" if self.changed else ""
        text += f", {self.lost:,} lost" if self.lost else ""
        if not self.new:
            return text
        return f"{text}, {self.new:,} new: {and_more(self.first_new, self.new)}"


class Comparison(msgspec.Struct):
    """The result of comparing the records of a store with each other and with those of `others`.

    `compared` is the number of records compared, `different` the number of different values among them. `shared` counts
    the records whose value another store has too, `alone` those whose value no other has; `first_alone` are the names
    of the first of the latter. `left_out` counts the records that are not compared, by what they are. `pictures` is the
    number of pictures compared by their looks.
    """

    others: list[str]
    compared: int
    different: int
    shared: int = 0
    alone: int = 0
    first_alone: list[str] = []
    left_out: dict[str, int] = {}
    pictures: int | None = None

    def sentences(self) -> list[str]:
        """Return the result as lines of text."""
        lines = [f"{_counted(self.compared, 'values')} compared, {self.different:,} distinct"]
        if self.pictures is not None:
            lines[0] += f"; {_counted(self.pictures, 'pictures')} compared by their looks"
        if self.others:
            are = "is" if self.shared == 1 else "are"
            lines.append(
                f"{_counted(self.shared, 'records')} {are} also in another store, {self.alone:,} only in this one"
            )
            if self.alone and self.shared:
                more = ", ..." if self.alone > len(self.first_alone[:LISTED]) else ""
                lines[-1] += f" ({', '.join(self.first_alone[:LISTED])}{more})"
        if self.left_out:
            lines.append("not compared: " + ", ".join(_counted(count, name) for name, count in self.left_out.items()))
        return lines


SINGULAR = {"values": "value", "records": "record", "pictures": "picture", "rows that are": "row that is"}
"""First words of a phrase that says what is counted, and their singular."""


def _counted(count: int, noun: str) -> str:
    """Return a number and what it counts, in the singular if it is 1.

    >>> _counted(2, "values under 32 bytes"), _counted(1, "values under 32 bytes")
    ('2 values under 32 bytes', '1 value under 32 bytes')
    """
    for plural, singular in SINGULAR.items() if count == 1 else ():
        if noun == plural or noun.startswith(f"{plural} "):
            noun = singular + noun.removeprefix(plural)
    return f"{count:,} {noun}"


def only_compared(report: Report) -> bool:
    """Return whether a report is that of `compare`, which judges no record and which a scan does not repeat."""
    return report.comparison is not None and not report.settings.duplicates
