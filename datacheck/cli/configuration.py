"""Find and read the configuration file: `datacheck.toml`, or `[tool.datacheck]` in `pyproject.toml`.

A file that is found, not named by the user, may have come with a dataset. It is used only if no one but the user and
root could have put it there or changed it. Even then, `datacheck.cli.options.FOUND` limits the options that it may set.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any, NamedTuple

from datacheck.errors import UsageError
from datacheck.files.regular import NotRegular, TooLarge, read_whole

NAMES = ("datacheck.toml", "pyproject.toml")
"""The names to search for in each folder; the first file that has settings is used."""
MARKERS = (".git", "pyproject.toml")
"""The search from the working directory upwards ends with the first folder that has one of these."""
LARGEST = 1 << 20
"""Maximum size of a configuration, in bytes."""
LONGEST_KEYS = 20_000_000
"""Limit on the work for dotted keys: tomllib's time grows with the square of their length, to hours for 1 MiB."""


class ConfigurationFile(NamedTuple):
    """A configuration: its path, its settings, and whether it was found rather than named by the user."""

    path: Path
    content: dict[str, Any]
    found: bool


def read_named(path: Path) -> ConfigurationFile:
    """Return the configuration that the user named. Raises UsageError if it cannot be read."""
    return ConfigurationFile(path, settings_of(path, _parse_toml(path, _read_file(path, follow=True))), found=False)


def search() -> tuple[ConfigurationFile | None, list[str]]:
    """Return the configuration found from the working directory upwards, and sentences on files that are ignored.

    The configuration is None if there is none. Raises UsageError if a file that is trusted cannot be read.
    """
    ignored: list[str] = []
    try:
        here = Path.cwd()
    except OSError:  # the working directory has been removed
        return None, ignored
    for folder in (here, *here.parents):
        for path in (folder / name for name in NAMES if _exists(folder / name)):
            reason = _reason_to_distrust(path)
            if reason is not None:
                if _has_settings(path):
                    ignored.append(f"ignored {path}: {reason}; to use it, name it with --config")
                continue
            content = settings_of(path, _parse_toml(path, _read_file(path, follow=False)))
            if content:
                return ConfigurationFile(path, content, found=True), ignored
        if any(_exists(folder / name) for name in MARKERS):
            break
    return None, ignored


def _exists(path: Path) -> bool:
    """Return whether the path exists, also if it is a link to nowhere."""
    try:
        path.lstat()
    except OSError:
        return False
    return True


def _reason_to_distrust(path: Path) -> str | None:
    """Return why others may have written a file, or None if no one but the user and root can have."""
    file, folder = path.lstat(), path.parent.stat()
    if not stat.S_ISREG(file.st_mode):
        return "it is not a regular file"
    for status, noun in ((file, "it"), (folder, "its folder")):
        if status.st_uid not in (0, os.geteuid()):
            return f"{noun} belongs to another user"
        if _others_may_write(status):
            return f"others may write to {noun}"
    return None


def _others_may_write(status: os.stat_result) -> bool:
    """Return whether others than the owner may write.

    If each user has a private group, files are often writable by the group (umask 002), which lets in no one else.
    """
    if status.st_mode & stat.S_IWOTH:
        return True
    return bool(status.st_mode & stat.S_IWGRP) and not _is_private_group(status.st_gid, status.st_uid)


def _is_private_group(gid: int, uid: int) -> bool:
    """Return whether a group is private to a user: it has the user's name, is primary, and has no other members."""
    import grp
    import pwd

    try:
        group, user = grp.getgrgid(gid), pwd.getpwuid(uid)
    except KeyError:
        return False
    return group.gr_name == user.pw_name and user.pw_gid == gid and set(group.gr_mem) <= {user.pw_name}


def _has_settings(path: Path) -> bool:
    """Return whether an ignored file would have set anything; most pyproject.toml files say nothing about datacheck."""
    if path.name != "pyproject.toml":
        return True
    try:
        return bool(settings_of(path, _parse_toml(path, _read_file(path, follow=True))))
    except UsageError:  # a file that cannot be read sets nothing
        return False


def _read_file(path: Path, *, follow: bool) -> bytes:
    """Return the bytes of a regular file.

    Raises UsageError for anything else, such as a pipe, which could block, and for more than LARGEST bytes.
    """
    try:
        return read_whole(path, LARGEST, follow=follow)
    except (NotRegular, IsADirectoryError) as exc:
        raise UsageError(f"{path}: is not a regular file; a configuration is a TOML file") from exc
    except TooLarge as exc:
        raise UsageError(f"{path}: is larger than {LARGEST:,} bytes; a configuration is not") from exc
    except OSError as exc:
        raise UsageError(f"{path}: could not be read: {exc.strerror}") from exc


def _parse_toml(path: Path, content: bytes) -> dict[str, Any]:
    import tomllib

    dots = [line.count(b".") for line in content.split(b"\n")]
    largest = max(dots)
    if sum((count + 1) * (count + largest + 1) for count in dots) > LONGEST_KEYS:
        raise UsageError(f"{path}: is not read: it has lines with too many dots, which take too long as keys of TOML")
    try:
        return tomllib.loads(content.decode())
    except RecursionError as exc:
        raise UsageError(f"{path}: is nested too deeply for a configuration") from exc
    except ValueError as exc:  # not TOML, not UTF-8, or a number of thousands of digits
        raise UsageError(f"{path}: is not TOML: {exc}") from exc


def settings_of(path: Path, content: dict[str, Any]) -> dict[str, Any]:
    """Return the part of a file that is datacheck's: [tool.datacheck] in pyproject.toml, the whole of other files."""
    if path.name != "pyproject.toml":
        return content
    for name in ("tool", "datacheck"):
        content = content.get(name, {})
        if not isinstance(content, dict):
            raise UsageError(f"{path}: {name!r} is not a table; the settings are in [tool.datacheck]")
    return content
