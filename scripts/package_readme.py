"""Give the package its long description: the README, with links that lead somewhere from the package index too."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

LINK = re.compile(r"(!?)(\[[^\]]*\])\((?!https?:|#)([^)]+)\)")


def with_absolute_links(text: str, address: str) -> str:
    """Return a Markdown text whose links into the repository begin with its address."""
    return LINK.sub(lambda it: f"{it[1]}{it[2]}({address}/{'raw' if it[1] else 'blob'}/main/{it[3]})", text)


class ReadmeHook(MetadataHookInterface):
    """Sets `readme`; the address is that of `Source` in `[project.urls]`."""

    def update(self, metadata: dict[str, Any]) -> None:
        text = (Path(self.root) / "README.md").read_text("utf-8")
        text = with_absolute_links(text, metadata["urls"]["Source"])
        metadata["readme"] = {"content-type": "text/markdown", "text": text}
