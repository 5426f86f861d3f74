"""What a command was asked to do: its settings, with the configuration that gives its defaults."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from datacheck.cli.configuring import Applied, applied
from datacheck.cli.output import complain

if TYPE_CHECKING:
    from datacheck.model.settings import Settings


def settings_of(options: dict[str, Any]) -> Settings:
    """Return the settings that a command's options ask for. Raises UsageError for one that makes no sense."""
    ranges = dict(options.pop("ranges"))
    checks = options.pop("checks")
    return configuration_of().settings(range=ranges or None, checks=checks or None, **given_options(options))


def configuration_of() -> Applied:
    """Return the configuration that the command runs with; say which files were not trusted."""
    for sentence in applied().ignored:
        complain(sentence)
    return applied()


def end_silent(*, silent: bool) -> None:
    """End a command: where it was told to be silent, say what a configuration that was found loosened."""
    unsaid = applied().unsaid
    if silent and unsaid is not None:
        complain(unsaid)


def given_options(options: dict[str, Any]) -> dict[str, Any]:
    """Return the options that were given; the others have their defaults where they are used."""
    return {name: value for name, value in options.items() if value is not None}
