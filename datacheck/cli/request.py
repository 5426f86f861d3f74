"""The request that a command carries out: its settings, with the configuration that gives its defaults."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from datacheck.cli.configuring import Applied, applied, is_disabled
from datacheck.cli.option_types import Bound
from datacheck.cli.options import SHARED
from datacheck.cli.output import complain

if TYPE_CHECKING:
    from datacheck.model.settings import Settings
    from datacheck.reporting.advice import Asked


def settings_of(options: dict[str, Any]) -> Settings:
    """Return the settings that a command's options ask for. Raises UsageError for an invalid option."""
    ranges = dict(options.pop("ranges"))
    checks = options.pop("checks")
    return configuration_of().settings(range=ranges or None, checks=checks or None, **given_options(options))


def configuration_of() -> Applied:
    """Return the configuration that the command runs with, and print which files were not trusted."""
    for sentence in applied().ignored:
        complain(sentence)
    return applied()


def end_silent(*, silent: bool) -> None:
    """End a command. If it was silent, print what a found configuration loosened."""
    notice = applied().silent_notice
    if silent and notice is not None:
        complain(notice)


def given_options(options: dict[str, Any]) -> dict[str, Any]:
    """Return the options that were given; the others have their defaults where they are used."""
    return {name: value for name, value in options.items() if value is not None}


OF_SCAN = ("phase", "stages", "root", "batch_size", "checksums", "duplicates")
"""Options that only `scan` has and that change what it finds, by the names of their parameters."""


def asked() -> Asked:
    """Return the words of the running command that the commands which it suggests repeat."""
    from datacheck.reporting.advice import Asked

    ctx = click.get_current_context()
    given = [
        param
        for param in ctx.command.params
        if isinstance(param, click.Option)
        and param.name is not None
        and ctx.get_parameter_source(param.name) is ParameterSource.COMMANDLINE
    ]

    def words(wanted: Iterable[str]) -> tuple[str, ...]:
        return tuple(word for it in given if it.name in wanted for word in _words(it, ctx.params[it.name or ""]))

    shared = [name for name in SHARED if name != "sample"]
    configuration = applied()
    config: tuple[str, ...] = ("--no-config",) if is_disabled(ctx) else ()
    if configuration.file is not None:
        config = ("--config", str(configuration.file.path))
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    return Asked(words(shared), words(OF_SCAN), words(["sample"]), config, encoding)


def _words(option: click.Option, value: Any) -> Iterator[str]:
    """Yield an option and its value as the command line spells them."""
    name = max(option.opts, key=len)
    if option.is_flag:
        yield from [name] if value else []
        return
    for it in value if option.multiple else [value]:
        yield name
        if isinstance(option.type, Bound):
            yield option.type.format(it)
        else:
            yield ",".join(map(str, it)) if isinstance(it, list | tuple) else str(it)
