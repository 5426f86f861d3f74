"""Check texts in and beside a folder that list its HDF5 files: train_files.txt, splits.json, metadata.csv.

A list names several files, nearly all of which are there. Other texts may name files of other folders, or files that
were left out.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable, Iterator, Sequence, Set
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from datacheck.backends.hdf5.in_folders import SUFFIXES
from datacheck.backends.hdf5.names import DIGITS, words
from datacheck.files.regular import NotRegular, TooLarge, is_regular, open_regular, read_whole
from datacheck.model.codes import Verdict
from datacheck.model.escaping import escape
from datacheck.model.finding import Finding, found
from datacheck.model.listing import counted
from datacheck.model.sample_sets import SETS

if TYPE_CHECKING:
    from datacheck.backends.hdf5.reader import Hdf5Reader

LISTS = frozenset({".txt", ".csv", ".tsv", ".lst", ".list", ".names", ".json", ".jsonl"})
"""Suffixes of texts that may list files."""
ENDS = tuple(LISTS)
LIKELY = SETS | frozenset(b"list lists files filelist split splits fold index manifest names metadata meta".split())
"""Words in the names of texts that are likely lists of files."""
LINES = frozenset({".txt", ".lst", ".list", ".names"})
"""Suffixes of texts that may have a line for each file, and name it without its suffix."""
ABOUT = frozenset(
    b"license licence licenses licences copying copyright notice readme changelog changes history citation references "
    b"bibliography authors contributors acknowledgements acknowledgments requirements environment install todo notes "
    b"log logs version usage terms disclaimer agreement eula".split()
)
"""Words in the names of texts about a data set or its code, which are no lists of its samples."""
AFTERWARDS = frozenset(
    b"report reports result results receipt errors failed failures bad broken corrupt corrupted invalid missing skip "
    b"skipped removed deleted dropped exclude excluded ignore ignored quarantine rejected rejects discard discarded "
    b"blacklist blacklisted blocklist denylist outlier outliers duplicates damaged faulty unused".split()
)
"""Words in the names of texts that say what was found in files, or which ones to leave out; these may be gone since."""
DESCRIBING = frozenset(
    b"stat stats statistics duration durations size sizes length lengths checksum checksums md sha hash hashes summary "
    b"timing timings".split()
)
"""Words in the names of texts that say something of each file, and by which no loader needs to go."""
REPORT = re.compile(rb'"datacheck-\w+/[0-9]|"verdict"|^(?:NOT CLEAN|UNDECIDED|INTERRUPTED)\b', re.MULTILINE)
"""Matches near the beginning of a report or receipt of datacheck in any format, and of a saved summary."""
PRODUCTS = frozenset(
    b"all merged combined output outputs result results model models policy checkpoint ckpt weights best latest".split()
)
"""Words in the names of files that a program writes, which a text such as its settings may name beside its input."""
LONG = 4
"""Minimum number of digits of a number that is the name of a file, unless it begins with 0; others may be labels."""
ENDINGS = b"|".join(it[1:].encode() for it in sorted(SUFFIXES))
HINT = re.compile(rb"\.(?:%s)" % ENDINGS, re.IGNORECASE)
"""Matches a part of every such name, and is faster to search for."""
NAME = re.compile(rb"(?<![^\s\"',;:=(\[|])[\w.\-+=@/\\]*\w\.(?:%s)(?![\w.\-])" % ENDINGS, re.IGNORECASE)
"""Names of files with a suffix of HDF5, but no patterns of such names."""
COUNTS = b"metadata.json"
"""Name of the text with counts of samples and rows (see `counts_beside`)."""
TABLE, WAVEFORMS, METADATA = ".csv", "waveforms", "metadata"
"""Suffix of tables that name records, and what SeisBench has in the names of files and of the tables beside them."""
PIECE, LONGEST, BEGINNING = 1 << 20, 1 << 12, 1 << 14
LARGEST = 64 << 20
"""Largest size in bytes of a text that is read."""
MOST_LISTS, MOST_LIKELY, MOST_NAMES, MOST_FILES = 64, 1024, 1 << 20, 100_000
"""Maximum number of texts in a folder, and beside it, of further texts with LIKELY names, of names that are compared,
and of files in and beside it."""
FEWEST, MANY, ABSENT, NAMED = 3, 10, 0.1, 5
"""Minimum number of listed files that are there, and from which the names of the others need not be like theirs;
maximum share of those that are not there, of which one always may be, and how many of them are named."""


def may_be_list(path: Path) -> bool:
    """Check whether a text may be a list of files or samples by its name, not one about the data set or its code."""
    return path.suffix.lower() in LISTS and not _has_word(path, ABOUT)


def _has_word(path: Path, known: Set[bytes]) -> bool:
    """Check whether one of these words is in the name of a file."""
    return not words(os.fsencode(path.name)).isdisjoint(known)


def is_report(path: Path) -> bool:
    """Check whether a text is a report or a receipt of datacheck, which stays true when files are removed later."""
    with contextlib.suppress(OSError, NotRegular), open_regular(path) as file:
        return REPORT.search(file.read(BEGINNING)) is not None
    return False


def lists_beside(path: Path) -> tuple[list[Path], int]:
    """Return the texts beside a store that may be lists, in order, and how many likely ones of very many are left out.

    Of more than MOST_LISTS texts only the likely ones are returned. Reports are left out.
    """
    with contextlib.suppress(OSError), os.scandir(path.absolute().parent) as entries:
        lists = sorted(Path(it.path) for it in entries if may_be_list(Path(it.name)) and is_regular(Path(it.path)))
        likely = lists if len(lists) <= MOST_LISTS else [*filter(_is_likely, lists)]
        return [it for it in likely[:MOST_LIKELY] if not is_report(it)], len(likely[MOST_LIKELY:])
    return [], 0


def findings_of_lists(reader: Hdf5Reader) -> Iterator[Finding]:
    """Yield a finding for each list in or beside a folder that names HDF5 files of it which are not there.

    Yield one, too, for what was not compared: the end of a large list, and texts like those that are lists, if they are
    too many.
    """
    if not reader.path.is_dir() or len(reader.files) < FEWEST or not reader.options.heeded:
        return
    folder = reader.path.absolute()
    lists, left = _lists(folder, _texts(folder))
    own = {it for _, name in _files(folder) for it in _spellings(os.fsencode(name))} if lists else set()
    stems = {_stem(os.fsencode(it.name)) for it in reader.files} if lists else set()
    around = cache(partial(_names_of_files, folder.parent))
    listed = unlikely = False
    of_no_list: set[bytes] = set()
    for path in lists:
        title = escape(os.fsencode(os.path.relpath(path, folder)))
        names, whole = _names_in(path)
        spelled = _base if names else _stem
        compared = (names, own, _base, _is_product) if names else (_words_in(path), stems, _stem, _is_word)
        present, absent = _present_and_absent(*compared)
        listed |= len(present) >= FEWEST
        of_no_list.update([_form(path)] if len(present) < FEWEST else [])
        unlikely |= len(present) >= FEWEST and not _is_likely(path)
        if not whole and len(present) >= FEWEST:
            yield _finding_of_rest(title)
        if not absent:
            continue
        others = around()
        known = set() if others is None else others.union(map(spelled, others))
        absent = [it for it in absent if spelled(it) not in known and not _exists(path.parent, it)]
        if absent:
            sure = not _has_word(path, DESCRIBING)
            yield _absent_finding(title, absent, sure=sure, searched=others is not None)
    others_left = [it for it in left.others if _form(it) not in of_no_list] if unlikely else []
    count = (left.likely if listed else 0) + len(others_left)
    if count:
        text = (
            f"{counted(count, 'further text')} in or beside the folder may be lists of its files, and were "
            "not compared with it"
        )
        yield found("unsupported", text, count=count)


def compared_texts(reader: Hdf5Reader) -> Iterator[Path]:
    """Yield the texts in and beside a folder that may name some of its files, and those with counts of its samples."""
    if not reader.path.is_dir() or not reader.options.heeded:
        return
    folder = reader.path.absolute()
    texts = _texts(folder)
    lists, _ = _lists(folder, texts)
    stems = {_stem(os.fsencode(it.name)) for it in reader.files} if lists else set()
    yield from (it for it in lists if _names_a_file(it, stems))
    yield from (it for it in texts if os.fsencode(it.name) == COUNTS)


def tables_beside(file: Path) -> list[Path]:
    """Return the paths of the tables that may name the records of a file, whether or not there are any."""
    names = dict.fromkeys((file.stem, file.stem.replace(WAVEFORMS, METADATA)))
    return [file.with_name(it + TABLE) for it in names]


def _names_a_file(path: Path, stems: Set[bytes]) -> bool:
    """Check whether the beginning of a text has the name of an HDF5 file, or begins lines with such names."""
    with contextlib.suppress(OSError, NotRegular), open_regular(path) as file:
        if HINT.search(beginning := file.read(PIECE)):
            return True
        return any(_stem(its[0]) in stems for it in beginning.splitlines() if (its := it.replace(b",", b" ").split()))
    return False


def _is_likely(path: Path) -> bool:
    """Check whether a text is named as a list of files or after a set."""
    return _has_word(path, LIKELY)


def _texts(folder: Path) -> list[Path]:
    """Return the files below a folder that have a suffix of lists, in order."""
    return sorted(Path(above, it) for above, it in _files(folder) if it.lower().endswith(ENDS))


class Left(NamedTuple):
    """Texts that are not read since there are too many: how many are named as lists, and the others in the folder."""

    likely: int
    others: Sequence[Path]


def _lists(folder: Path, texts: Sequence[Path]) -> tuple[list[Path], Left]:
    """Return the lists in and beside a folder, and how many texts that may be lists are not read.

    Reports, and lists of what was found in files or is to be left out, are no lists of what has to be there. Up to
    MOST_LISTS of the `texts` in the folder are read, and of more those that are named as a list, too: where each sample
    has a text of its own, such as its caption, these are very many and no lists.
    """
    inside = [*filter(may_be_list, texts)]
    further = inside[MOST_LISTS:]
    likely = [*filter(_is_likely, further)]
    beside, beside_left = lists_beside(folder)
    read = [*inside[:MOST_LISTS], *likely[:MOST_LIKELY]]
    lists = [it for it in (*(it for it in read if not is_report(it)), *beside) if not _has_word(it, AFTERWARDS)]
    return lists, Left(len(likely[MOST_LIKELY:]) + beside_left, [it for it in further if not _is_likely(it)])


def _present_and_absent(
    names: Set[bytes], own: Set[bytes], spelled: Callable[[bytes], bytes], may_differ: Callable[[bytes], bool]
) -> tuple[Set[bytes], list[bytes]]:
    """Return the names that are among the `own` ones, and the others if these are few and like them.

    `may_differ` says of a name that is not like the others whether it may be that of something else.
    """
    present = {it for it in names if spelled(it) in own}
    absent = sorted(names - present)
    if len(present) < FEWEST or len(absent) > max(1, ABSENT * len(present)):
        return present, []
    forms = {DIGITS.sub(b"#", spelled(it)) for it in present}
    if all(DIGITS.sub(b"#", spelled(it)) in forms for it in absent):
        return present, absent
    return present, absent if len(present) >= MANY and not any(map(may_differ, absent)) else []


def _is_product(name: bytes) -> bool:
    """Check whether a file may be one that a program writes, by its name."""
    return not words(_stem(name)).isdisjoint(PRODUCTS)


def _is_word(name: bytes) -> bool:
    """Check whether the name of a file without its suffix may be an ordinary word."""
    return not DIGITS.search(name)


def _may_be_name(word: bytes) -> bool:
    """Check whether a word may be the name of a file without its suffix, and not a label."""
    return not word.isdigit() or len(word) >= LONG or (word.startswith(b"0") and len(word) > 1)


def _spellings(name: bytes) -> Iterator[bytes]:
    """Yield the name of a file as it may be found in a text, in lower case: after a space, only its last word."""
    yield name.lower()
    yield name.lower().rpartition(b" ")[2]


def _exists(folder: Path, name: bytes) -> bool:
    with contextlib.suppress(OSError, ValueError):
        return (folder / os.fsdecode(name)).exists()
    return False


def _base(name: bytes) -> bytes:
    return name.replace(b"\\", b"/").rpartition(b"/")[2].lower()


def _form(path: Path) -> bytes:
    """Return the name of a file with # for each number, which the captions of all samples may have in common."""
    return DIGITS.sub(b"#", os.fsencode(path.name))


def _stem(name: bytes) -> bytes:
    """Return the name of a file without any suffix, in lower case: case0001 for case0001.npy.h5."""
    return _base(name).partition(b".")[0]


def _words_in(path: Path) -> set[bytes]:
    """Return the first word of each line of a text, which may name a file without its suffix; none if it is large."""
    if path.suffix.lower() not in LINES:
        return set()
    with contextlib.suppress(OSError, NotRegular, TooLarge):
        lines = read_whole(path, PIECE).splitlines()
        first = (its[0] for it in lines if (its := it.replace(b",", b" ").split()))
        return set(filter(_may_be_name, first))
    return set()


def _files(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield the folder and the name of each file below a folder; links to folders are not followed."""
    return ((above, name) for above, _, names in os.walk(folder) for name in names)


def _names_of_files(folder: Path) -> set[bytes] | None:
    """Return the names of all files below a folder, in lower case, or None if there are more than MOST_FILES."""
    names: set[bytes] = set()
    for number, (_, name) in enumerate(_files(folder)):
        if number == MOST_FILES:
            return None
        names.add(os.fsencode(name).lower())
    return names


def _names_in(path: Path) -> tuple[set[bytes], bool]:
    """Return the names of HDF5 files in a text, and whether these are all.

    A text larger than LARGEST is read up to there if its beginning has such names.
    """
    names: set[bytes] = set()
    cut, place = b"", 0
    with contextlib.suppress(OSError, NotRegular), open_regular(path) as file:
        large = os.fstat(file.fileno()).st_size > LARGEST
        while piece := file.read(PIECE):
            text, place = cut + piece, place + len(piece)
            end = max(len(text) - LONGEST, text.rfind(b"\n") + 1) if len(piece) == PIECE else len(text)
            names.update(NAME.findall(text[:end]) if HINT.search(text) else ())
            cut = text[end:]
            if len(names) > MOST_NAMES or (large and (place >= LARGEST or not names)):
                return names, False
    return names, True


def _absent_finding(title: str, absent: list[bytes], *, sure: bool, searched: bool) -> Finding:
    """Return the finding for files that a list names; unverifiable if others lie around that were not `searched`."""
    missing = [escape(it) for it in absent[:NAMED]]
    more = f" and {counted(len(absent) - NAMED, 'more file')}" if len(absent) > NAMED else ""
    verb = "are" if len(absent) > 1 else "is"
    text = f"{title} names {', '.join(missing)}{more}, which {verb} not there"
    text += "" if searched else f"; the folder above has more than {MOST_FILES:,} files, which were not searched"
    verdict: Verdict | None = (None if sure else "suspicious") if searched else "unverifiable"
    return found("missing", text, verdict=verdict, path=title, missing=missing)


def _finding_of_rest(title: str) -> Finding:
    text = f"{title} is larger than {LARGEST >> 20} MiB or has more than {MOST_NAMES:,} names: the files that it names "
    return found("unsupported", text + "further on were not compared with the folder", path=title)
