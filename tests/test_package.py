"""Test the package: one address in one place, a long description with valid links, and the metadata for pip."""

import importlib.util
import re
import sys
import tomllib
from types import ModuleType

import pytest
from documents import PAGES, ROOT

import datacheck

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
URLS = PROJECT["project"]["urls"]


@pytest.fixture
def readme_hook(monkeypatch):
    """The hook that hatchling calls, with a stand-in for its base class, since hatchling is not installed here."""
    name = "hatchling.metadata.plugin.interface"
    base = ModuleType(name)
    base.MetadataHookInterface = type("MetadataHookInterface", (), {"root": str(ROOT)})
    for at in range(1, 4):
        part = ".".join(name.split(".")[:at])
        monkeypatch.setitem(sys.modules, part, ModuleType(part))
    monkeypatch.setitem(sys.modules, name, base)
    path = ROOT / PROJECT["tool"]["hatch"]["metadata"]["hooks"]["custom"]["path"]
    spec = importlib.util.spec_from_file_location("package_readme", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.ReadmeHook


def test_the_links_of_the_long_description_are_absolute(readme_hook):
    metadata = {"urls": {"Source": "https://host/here"}}
    readme_hook().update(metadata)
    text = metadata["readme"]["text"]
    links = re.findall(r"\]\(([^)]+)\)", text)
    assert len(links) == len(re.findall(r"\]\(", PAGES["README.md"]))
    assert all(it.startswith("https://host/here/") for it in links)
    assert "https://host/here/raw/main/docs/pictures/page.png" in links
    assert "https://host/here/blob/main/docs/python.md#checks-of-your-own" in links
    assert re.sub(r"\]\([^)]+\)", "", text) == re.sub(r"\]\([^)]+\)", "", PAGES["README.md"])


def test_the_address_stands_in_one_place():
    address = URLS["Source"]
    assert all(it.startswith(address) for it in URLS.values())
    texts = {**PAGES, "action": (ROOT / "action.yml").read_text(), "make": (ROOT / "Makefile").read_text()}
    assert not [name for name, text in texts.items() if address in text]


def test_the_version_is_that_of_the_code_and_of_the_changelog():
    assert PROJECT["tool"]["hatch"]["version"]["path"] == "datacheck/_version.py"
    assert re.search(r"^## (\S+)", PAGES["CHANGELOG.md"], re.MULTILINE)[1] == datacheck.__version__


def test_it_says_that_it_has_types():
    assert (ROOT / "datacheck" / "py.typed").exists()
    assert "Typing :: Typed" in PROJECT["project"]["classifiers"]
