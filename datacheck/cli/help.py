"""The help of the commands: options in groups, examples and lists of names (TOPICS); and shell completion."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, MutableMapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

import click

from datacheck.cli.streams import COULD_NOT_RUN

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

READING, RIGHT, HOW, COUNTS = "How it is read", "What is right", "What is looked at", "What counts"
NET, COPY, SHOWN, OUTPUT, CONFIG = "Networks", "The copy", "What is shown", "Output", "Configuration"
FILES = "What the files do not say"
OTHERS = "Others"
GROUPS = {
    COPY: (
        *("drop_bad", "drop", "keep", "fill", "dry_run", "from_report", "quarantine", "to", "force", "accept_losses"),
        *("keep_numbers", "renumber", "drop_rows"),
    ),
    SHOWN: ("bad", "field", "save", "picture"),
    READING: ("backend", "decoder", "array", "label_field", "together", "convention"),
    RIGHT: ("ranges", "labels", "shape", "allow_nan", "paired", "like", "like_tolerance", "checksums", "duplicates"),
    HOW: (
        *("near", "checks", "skip", "sample", "stats", "strict_pictures", "if_changed", "timeout", "max_time"),
        *("workers", "engine", "scheduler", "batch_size"),
    ),
    COUNTS: ("max_bad", "strict", "ignore", "known"),
    NET: ("nets", "phase", "stages", "root"),
    FILES: ("iterations", "forks"),
    OUTPUT: (
        *(
            "out",
            "replace",
            "reports",
            "report",
            "resume",
            "form",
            "plot",
            "schedule",
            "quiet",
            "verbose",
            "no_progress",
        ),
        "schema",
    ),
    CONFIG: ("config", "no_config"),
    OTHERS: ("version", "help"),
}
"""The groups of options by title, with the names of their parameters, in the order in which the help has them."""
EXAMPLES: dict[str, tuple[tuple[str, str], ...]] = {
    "scan": (
        ("scan train_lmdb --labels 1000 -o bad.jsonl", "check a dataset, keep every finding"),
        ("scan data/ --ignore constant --max-bad 0.1%", "all stores in a folder; tolerate a little"),
        ("scan --net train_val.prototxt", "what a network would be fed"),
    ),
    "rebuild": (
        ("rebuild train_lmdb clean_lmdb --drop-bad --dry-run", "print what would be dropped"),
        ("rebuild train_lmdb clean_lmdb --drop-bad --quarantine bad", "write the copy, keep what was dropped"),
        ("rebuild broken_lmdb saved_lmdb --drop-bad", "save what can be read of a damaged store"),
    ),
    "show": (
        ("show train_lmdb 00000041", "one record, each field a line"),
        ("show train_lmdb --bad 5 --save looks", "the first five bad ones, their pictures into a folder"),
        ("show rows.h5 '/[17]' --field data", "one field in full"),
    ),
    "info": (("info train_lmdb", "what is in it, from a sample"),),
    "compare": (
        ("compare train_lmdb val_lmdb", "records in both, and how the two differ"),
        ("compare train_lmdb val.h5 -o pairs.html --near", "pictures that look the same, side by side"),
    ),
    "checksum": (
        ("checksum train_lmdb --out train.sums", "record what is there today"),
        ("scan train_lmdb --checksums train.sums", "find every record that changed since"),
    ),
    "lint": (
        ("lint solver.prototxt", "a solver with the networks that it names"),
        ("lint net.prototxt --labels 0:9 --shape 3,32,32", "a network, with what the data is"),
    ),
    "log": (("log train.log --plot train.png", "when and why a training went wrong, and its curves"),),
    "explain": (
        ("explain nan truncated", "two codes"),
        ("explain conventions", "the conventions, and which projects use them"),
    ),
    "datacheck": (
        ("demo", "try it on small damaged datasets"),
        ("scan train_lmdb", "check every record; the exit status is the gate"),
        ("rebuild train_lmdb clean_lmdb --drop-bad", "write a clean copy"),
        ("explain nan", "what a code means, and how to mend it"),
    ),
}
"""Examples of each command: its arguments, and what they do."""
SECTIONS = {
    "Datasets": {
        "scan": "check every record of datasets; the exit status is the gate",
        "rebuild": "write a clean copy, compared with its source",
        "show": "show single records as datacheck sees them",
        "info": "say what a dataset holds, from a sample",
        "compare": "say what datasets share, and where they differ",
        "checksum": "record a digest of every record, for scan --checksums",
    },
    "Training with Caffe": {
        "lint": "judge solver and network files without running Caffe",
        "log": "say when and why a training went wrong",
    },
    "Help": {
        "explain": "say what a code means, and how to mend it",
        "doctor": "say what this machine can read, and what is missing",
        "demo": "make small damaged datasets and scan them",
    },
}
"""The sections of the program's own help, with the commands and a short description of each."""


def _checks() -> list[tuple[str, str]]:
    from datacheck.checks.validators import VALIDATORS

    return [(name, (it.__doc__ or "").splitlines()[0]) for name, it in VALIDATORS.items()]


def _decoders() -> list[tuple[str, str]]:
    from datacheck.decoders import DECODERS

    return [(name, it.decodes) for name, it in DECODERS.items() if not it.rows]


def _conventions() -> list[tuple[str, str]]:
    from datacheck.conventions import CONVENTIONS, NONE

    return [*((name, it.by) for name, it in CONVENTIONS.items()), (NONE, "keep no convention")]


def _rules() -> list[tuple[str, str]]:
    from datacheck.linting.rules import manual

    return manual()


TOPICS: dict[str, Callable[[], list[tuple[str, str]]]] = {
    "checks": _checks,
    "decoders": _decoders,
    "conventions": _conventions,
    "rules": _rules,
}
"""Lists of names that options take or that findings carry, with their meanings. They are too long for --help."""


class Grouped(click.Command):
    """A command whose help has its options in groups, then examples, then where to find lists of names."""

    topics: tuple[str, ...] = ()

    def groups(self, ctx: click.Context) -> Iterator[tuple[str, list[tuple[str, str]]]]:
        """Yield each group of options: its title, and the spelling and the help text of each option."""
        records = {it.name: it.get_help_record(ctx) for it in self.get_params(ctx) if isinstance(it, click.Option)}
        known = {name for names in GROUPS.values() for name in names}
        groups = {**GROUPS, OTHERS: (*(name for name in records if name not in known), *GROUPS[OTHERS])}
        for title, names in groups.items():
            rows = [record for name in names if (record := records.get(name)) is not None]
            if rows:
                yield title, rows

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, group by group."""
        for title, rows in self.groups(ctx):
            with formatter.section(title):
                formatter.write_dl(rows)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples, and where to find the lists of names."""
        write_examples(str(self.name), formatter)
        if self.topics:
            formatter.write_paragraph()
            formatter.write_text(f"For lists of names: datacheck explain {'|'.join(self.topics)}")

    def manual(self) -> Iterator[tuple[str, list[tuple[str, str]]]]:
        """Yield the title and the rows of each list of names, which the manual page has in full."""
        for topic in self.topics:
            yield topic.capitalize(), TOPICS[topic]()


class ScanCommand(Grouped):
    """A command that scans, or begins with a scan."""

    topics = ("checks", "decoders", "conventions")


class LintCommand(Grouped):
    """`datacheck lint`."""

    topics = ("rules",)


class Commands(MutableMapping[str, click.Command]):
    """The commands by name, in the order of SECTIONS; each is imported when it is first accessed."""

    def __init__(self) -> None:
        self._loaded: dict[str, click.Command] = {}
        self._names = [name for names in SECTIONS.values() for name in names]

    def __getitem__(self, name: str) -> click.Command:
        if name not in self._loaded:
            if name not in self._names:
                raise KeyError(name)
            self._loaded[name] = getattr(import_module(f"datacheck.cli.{name}"), name)
        return self._loaded[name]

    def __setitem__(self, name: str, command: click.Command) -> None:
        self._loaded[name] = command
        self._names += [] if name in self._names else [name]

    def __delitem__(self, name: str) -> None:
        self._names.remove(name)
        self._loaded.pop(name, None)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def __contains__(self, name: object) -> bool:
        return name in self._names


class Program(click.Group):
    """The program itself, whose help has the commands in sections."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments. Without any, show the help, in whatever way the version of click would do that."""
        if not args and not ctx.resilient_parsing:
            click.echo(ctx.get_help(), err=True)
            ctx.exit(COULD_NOT_RUN)
        return super().parse_args(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands, section by section."""
        for title, names in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(name, meaning) for name, meaning in names.items() if name in self.commands])

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples."""
        write_examples("datacheck", formatter)
        formatter.write_paragraph()
        formatter.write_text("Each command has its own help: datacheck scan --help")


def write_examples(name: str, formatter: click.HelpFormatter) -> None:
    """Write the examples of a command."""
    if name in EXAMPLES:
        with formatter.section("Examples"):
            formatter.write_dl(
                [(f"datacheck {words}", meaning) for words, meaning in EXAMPLES[name]],
                col_max=min(64, formatter.width // 2),
            )


class Source(click.ParamType):  # type: ignore[type-arg]  # generic only since click 8.4
    """A source, given as any text; a shell completes it as a path."""

    name = "source"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the text unchanged: the code that opens the source reports what is wrong with it."""
        return value

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Leave the completion to the shell, which knows the files."""
        from click.shell_completion import CompletionItem

        return [CompletionItem(incomplete, type="file")]


Complete = Callable[[click.Context, click.Parameter, str], "list[CompletionItem]"]


def completing(rows: Callable[[], Iterable[str]]) -> Complete:
    """Return a function that completes a word to one of these names."""

    def complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        from click.shell_completion import CompletionItem

        return [CompletionItem(name) for name in rows() if name.startswith(incomplete)]

    return complete


def codes() -> Sequence[str]:
    """Return the reason codes."""
    from datacheck.model.codes import CODES

    return list(CODES)


def codes_and_verdicts() -> Sequence[str]:
    """Return the reason codes, and the verdicts."""
    from datacheck.model.codes import CODES, VERDICTS

    return [*VERDICTS, *CODES]


def checks() -> Sequence[str]:
    """Return the names of the checks."""
    from datacheck.model.settings import CHECKS

    return CHECKS
