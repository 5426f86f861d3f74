"""Fill the templates of pages. Jinja is imported only here, and only if a page is asked for."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import jinja2
from markupsafe import Markup

from datacheck._version import __version__
from datacheck.reporting.page.words import with_commands
from datacheck.reporting.samples import Curve

HOME = "datacheck.reporting.page"


@cache
def _environment() -> jinja2.Environment:
    """Return the environment of the templates installed with the package. All values that are filled in are escaped."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader(HOME),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "commands": with_commands,
        "number": "{:,}".format,
        "data": _data_url,
        "outline": _outline,
        "stretches": _stretches,
    }
    return environment


def _data_url(picture: bytes) -> str:
    """Return a PNG that was encoded here as a data URL."""
    return f"data:image/png;base64,{base64.b64encode(picture).decode()}"


def _outline(line: Curve) -> str:
    """Return the path around a line of values, 100 high: at each step, the greatest and the least value."""
    span = (line.high / 2 - line.low / 2) or 1.0  # halves, since a difference may overflow
    parts, pen = [], "M"
    for at, (low, high) in enumerate(zip(line.lows, line.highs, strict=True)):
        if low is None or high is None:
            pen = "M"
            continue
        for value in dict.fromkeys((high, low)):
            parts.append(f"{pen}{at + 0.5:g} {96 - 92 * (value / 2 - line.low / 2) / span:.1f}")
            pen = "L"
    return "".join(parts)


def _stretches(steps: Sequence[int]) -> list[tuple[int, int]]:
    """Return ascending steps as stretches of consecutive ones: the first step and the length of each."""
    stretches: list[tuple[int, int]] = []
    for step in steps:
        if stretches and sum(stretches[-1]) == step:
            stretches[-1] = stretches[-1][0], stretches[-1][1] + 1
        else:
            stretches.append((step, 1))
    return stretches


def _package_file(name: str) -> tuple[Markup, str]:
    """Return a style sheet or script of the package, and the hash by which the page's policy allows it."""
    environment = _environment()
    assert environment.loader is not None
    text = environment.loader.get_source(environment, name)[0]
    digest = hashlib.sha256(text.encode()).digest()
    return Markup(text), f"'sha256-{base64.b64encode(digest).decode()}'"  # noqa: S704  (it is the package's own)


def rendered(template: str, values: Mapping[str, Any]) -> Iterator[str]:
    """Yield a page piece by piece. It loads nothing, runs only its own script, and sends nothing anywhere."""
    style, style_hash = _package_file("page.css")
    script, script_hash = _package_file("page.js")
    policy = (
        f"default-src 'none'; style-src {style_hash}; script-src {script_hash}; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    stream = (
        _environment()
        .get_template(template)
        .generate(**values, style=style, script=script, policy=policy, version=__version__)
    )
    yield from (it.encode("utf-8", "backslashreplace").decode() for it in stream)


def as_markup(text: str) -> Markup:
    """Return JSON that is safe in a script element, marked as not to be escaped."""
    return Markup(text)  # noqa: S704  (`embedded` has no character that means something to HTML)
