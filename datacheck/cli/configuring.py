"""Give a command's options the values of a configuration, and say which configuration it was and what it loosened."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import click
from click.core import ParameterSource

from datacheck.cli.configuration import ConfigurationFile, read_named, search
from datacheck.cli.option_types import Named
from datacheck.cli.options import AS_IF_UNSET, FOUND, FOUND_VALUES, JUDGES_LESS, Found
from datacheck.errors import UsageError
from datacheck.model.nearest import nearest

if TYPE_CHECKING:
    from datacheck.model.settings import Configuration, Settings

F = TypeVar("F", bound=Callable[..., Any])
_FILE, _IGNORED, _KEYS, _NONE = (f"datacheck.cli.configuration.{name}" for name in ("file", "ignored", "keys", "none"))
"""Keys under which the `meta` of a command's context keeps what the parsing of its options found out."""
LONGEST = 300
"""Maximum number of characters that a message quotes from a configuration."""


class Applied(NamedTuple):
    """The configuration that a command ran with, if any; `ignored` are sentences on files that it did not trust.

    `keys` are the options that come from the configuration. `loosens` are those of them that make the command judge
    less; `loosens_of_net` are those that do so only for a network.
    """

    file: ConfigurationFile | None
    ignored: tuple[str, ...]
    loosens: tuple[str, ...]
    loosens_of_net: tuple[str, ...]
    keys: frozenset[str] = frozenset()

    @property
    def found_keys(self) -> frozenset[str]:
        """The options that come from a file that was found, not named; empty if the file was named."""
        return self.keys if self.file is not None and self.file.found else frozenset()

    def settings(self, **options: Any) -> Settings:
        """Return the settings for these options. Raises UsageError as `make_settings.make` does."""
        from datacheck.scanning.settings.make_settings import make

        try:
            return self.to(make(**options))
        except UsageError as exc:
            if self.file is None:
                raise
            raise UsageError(f"{exc} (with the options of {self.file.path})") from exc

    def to(self, settings: Settings, *, net: bool = False) -> Settings:
        """Return the settings with the configuration that they come from; `net` is whether they are for a network."""
        if self.file is None:
            return settings
        import msgspec

        return msgspec.structs.replace(settings, config=self._configuration(self.loosens_of_net if net else ()))

    @property
    def silent_notice(self) -> str | None:
        """The sentence that even a silent command prints if a found file loosened something, or None if none did."""
        if self.file is None or not self.file.found or not self.loosens:
            return None
        return self._configuration().sentence

    def _configuration(self, more: tuple[str, ...] = ()) -> Configuration:
        from datacheck.model.escaping import plain
        from datacheck.model.settings import Configuration

        assert self.file is not None
        return Configuration(plain(str(self.file.path)), tuple(sorted({*self.loosens, *more})))


def applied() -> Applied:
    """Return the configuration of the running command; options that the command line gives too are not its keys."""
    ctx = click.get_current_context()
    keys = {
        key: value
        for key, (name, value) in ctx.meta.get(_KEYS, {}).items()
        if ctx.get_parameter_source(name) is ParameterSource.DEFAULT_MAP
    }
    loosens, of_net = (
        tuple(key for key, value in keys.items() if _found_rule(key, value) is column and not _as_if_unset(key, value))
        for column in (Found.NAMED, Found.OBEYED_OF_STORES)
    )
    file = ctx.meta.get(_FILE) if keys else None
    return Applied(file, tuple(ctx.meta.get(_IGNORED, ())), loosens, of_net, frozenset(keys))


def _found_rule(key: str, value: Any) -> Found | None:
    judges_less = JUDGES_LESS.get(key)
    return Found.NAMED if judges_less is not None and judges_less(value) else FOUND.get(key)


def _as_if_unset(key: str, value: Any) -> bool:
    return value is False or value == [] or str(value) in AS_IF_UNSET.get(key, ())


def configured(command: F) -> F:
    """Give a command the options --config and --no-config, and through them the defaults of its other options."""
    config = click.option(
        "--config",
        type=Named(),
        callback=_configure,
        is_eager=True,
        expose_value=False,
        metavar="FILE",
        help="Take options from here.  [default: datacheck.toml, or [tool.datacheck] in pyproject.toml]",
    )
    none = click.option(
        "--no-config",
        is_flag=True,
        callback=_refuse_configuration,
        is_eager=True,
        expose_value=False,
        help="Ignore all configuration files.",
    )
    return config(none(command))


def _refuse_configuration(ctx: click.Context, param: click.Parameter, wanted: bool) -> None:
    if wanted and _is_file_named(ctx):
        raise click.UsageError("--config and --no-config cannot be used together", ctx)
    ctx.meta[_NONE] = wanted


def is_disabled(ctx: click.Context) -> bool:
    """Return whether the command has --no-config."""
    return bool(ctx.meta.get(_NONE))


def _is_file_named(ctx: click.Context) -> bool:
    file = ctx.meta.get(_FILE)
    return file is not None and not file.found


def _configure(ctx: click.Context, param: click.Parameter, path: Path | None) -> None:
    """Take the defaults of a command's options from a file. Click calls this even if --config is not given."""
    if ctx.resilient_parsing:
        return
    if ctx.meta.get(_NONE):
        if path is not None:
            raise click.UsageError("--config and --no-config cannot be used together", ctx)
        return
    file, ctx.meta[_IGNORED] = search() if path is None else (read_named(path), [])
    if file is not None:
        values = _values(ctx, file)
        ctx.meta[_FILE], ctx.meta[_KEYS] = file, values
        ctx.default_map = dict(values.values())


def _values(ctx: click.Context, file: ConfigurationFile) -> dict[str, tuple[str, Any]]:
    """Return each key of a file that is an option of this command, with the parameter's name and the value.

    One file may set the options of all commands. Raises UsageError for a key that no command has as an option, a key
    that a found file may not set, and a value that the option does not accept.
    """
    options, of_others = _options(ctx.command), set()
    if ctx.parent is not None and isinstance(ctx.parent.command, click.Group):
        of_others = {key for command in ctx.parent.command.commands.values() for key in _options(command)}
    values = {}
    for key, value in file.content.items():
        if key not in options and key not in of_others:
            close = nearest(key[:LONGEST].replace("_", "-"), sorted({*options, *of_others}))
            hint = "" if close is None else f"; did you mean {close!r}?"
            raise UsageError(f"{file.path}: {key[:LONGEST]!r} is not an option of datacheck {ctx.info_name}{hint}")
        if file.found:
            _refuse(file.path, key, value)
        if key in options:
            option = options[key]
            assert option.name is not None
            values[key] = (option.name, _value(ctx, file, option, key, value))
    return values


def _options(command: click.Command) -> dict[str, click.Option]:
    """Return a command's options by their keys in a configuration: the long names without their dashes."""
    return {
        name.removeprefix("--"): param
        for param in command.params
        if isinstance(param, click.Option)
        for name in param.opts
        if name.startswith("--") and name not in ("--config", "--no-config")
    }


def _refuse(path: Path, key: str, value: Any) -> None:
    """Raise UsageError if a found configuration may not set the key, or not to this value."""
    allowed = FOUND_VALUES.get(key)
    if allowed is not None and value not in allowed:
        key = f"{key} = {str(value)[:LONGEST]!r}" if isinstance(value, str) else key
    elif FOUND.get(key, Found.REFUSED) is not Found.REFUSED:
        return
    raise UsageError(
        f"{path}: {key} is refused, since a configuration that is only found may have come with a dataset; "
        "give the option on the command line, name the file with --config, or leave it out with --no-config"
    )


def _value(ctx: click.Context, file: ConfigurationFile, option: click.Option, key: str, value: Any) -> Any:
    """Return a value as the command line's parser takes it. Raises UsageError if the option does not accept it."""
    wanted, types = _toml_type(option)
    values = [_as_list_text(option, it) for it in (value if option.multiple and isinstance(value, list) else [value])]
    for it in values:
        if not isinstance(it, types) or (isinstance(it, bool) and bool not in types):
            raise UsageError(f"{file.path}: {key} must be {wanted}{', or a list of them' * option.multiple}")
    value = values if option.multiple else values[0]
    try:
        option.process_value(ctx, value)
    except click.BadParameter as exc:
        raise UsageError(f"{file.path}: {key}: {exc.message[:LONGEST]}") from exc
    if file.found and key == "workers":
        from datacheck.scanning.settings.make_settings import cores

        return min(value, cores())
    return value


def _as_list_text(option: click.Option, value: Any) -> Any:
    """Return a list as the command line spells it, such as 3,8,8, if the option takes one; else the value unchanged."""
    if isinstance(value, list) and "," in (option.metavar or "") and all(type(it) in (str, int) for it in value):
        return ",".join(map(str, value))
    return value


def _toml_type(option: click.Option) -> tuple[str, tuple[type, ...]]:
    """Return the type of an option's values in TOML, in words and as Python types."""
    if option.is_flag:
        return "true or false", (bool,)
    if isinstance(option.type, click.types.IntParamType):
        return "a whole number", (int,)
    if isinstance(option.type, click.types.FloatParamType):
        return "a number", (int, float)
    return "a text or a number", (str, int, float)
