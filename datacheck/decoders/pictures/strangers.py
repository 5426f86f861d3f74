"""Recognize files that lie among pictures but are none: error pages, pointers to files, leftovers of file managers."""

from __future__ import annotations

from datacheck.decoders.interface import Value

HEAD = 256
KINDS: tuple[tuple[bytes, str], ...] = (
    (b"version https://git-lfs", "a git-lfs pointer, not the file it stands for; fetch it with 'git lfs pull'"),
    (b"/annex/objects/", "a git-annex pointer, not the file it stands for; fetch it with 'git annex get'"),
    (b"\0\5\x16\7\0\2\0\0", "an AppleDouble file, which macOS writes beside others as ._NAME"),
    (b"\0\0\0\1Bud1", "a .DS_Store file of macOS"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an OLE file, as Thumbs.db of Windows is"),
)
"""The first bytes of a file, and what it is."""


def describe_non_picture(value: Value) -> str | None:
    """Describe a value that was taken for a picture but is none; None if its first bytes do not tell.

    >>> describe_non_picture(b"<!DOCTYPE html><title>404 Not Found")
    'an HTML page, most likely the error page of a download'
    """
    head = bytes(value[:HEAD])
    for magic, description in KINDS:
        if head.startswith(magic):
            return description
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()[:HEAD].lower()
    if start.startswith((b"<!doctype html", b"<html")):
        return "an HTML page, most likely the error page of a download"
    if start.startswith(b"<?xml") and b"<error>" in start:
        return "an error message in XML, as storage services send it in place of a file"
    return None
