"""Configuration of Sphinx for building the documents: `make docs`."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

from pygments.lexers.python import PythonLexer

import datacheck

if TYPE_CHECKING:
    from sphinx.application import Sphinx

ROOT = Path(__file__).parents[1]
URLS = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["urls"]

project = "datacheck"
release = version = datacheck.__version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["pictures"]
source_suffix = {".md": "markdown"}

myst_heading_anchors = 3
myst_enable_extensions = ["attrs_block"]

autodoc_typehints = "none"
autodoc_member_order = "bysource"
napoleon_google_docstring = False
napoleon_use_rtype = False

html_theme = "furo"
html_title = f"datacheck {release}"
html_copy_source = False
html_show_sphinx = False
html_theme_options = {"source_repository": URLS["Source"]}
highlight_language = "text"
pygments_style = "friendly"


def setup(app: Sphinx) -> None:
    """Highlight Snakemake's rules as Python, which they nearly are."""
    app.add_lexer("snakemake", PythonLexer)
