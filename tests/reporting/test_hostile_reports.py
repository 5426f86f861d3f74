"""Test earlier reports, which may come from anybody: nothing in them reaches a terminal or a CI log as a command."""

import copy
import json
import re
import shutil

import pytest
from building import key, raw_records, write_lmdb
from commanding import datacheck as command

WORD = "\x1b[31m\n::error::x"
WHERE = {
    "source": ("source", "backend"),
    "family": ("profile", "families", "#"),
    "decoder": ("profile", "families", "#", "decoder"),
    "dtype": ("profile", "families", "#", "fields", "data", "dtype"),
    "key": ("findings", 0, "key"),
    "code": ("findings", 0, "code"),
    "message": ("findings", 0, "message"),
    "count": ("counts", "empty"),
}


def spoiled(document, path):
    """Return a document with WORD appended to the text, or to the name, at a path."""
    made = copy.deepcopy(document)
    at = made
    for step in path[:-1]:
        at = at[step]
    if isinstance(at[path[-1]], str):
        at[path[-1]] += WORD
    else:
        at[path[-1] + WORD] = at.pop(path[-1])
    return made


@pytest.fixture(scope="module")
def scanned(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hostile")
    store = write_lmdb(folder / "env", raw_records(30) | {key(7): b""})
    command("scan", store, "-o", folder / "r.json", "--workers", "1")
    return store, json.loads((folder / "r.json").read_text())


@pytest.mark.parametrize("where", WHERE)
@pytest.mark.parametrize("form", ["json", "jsonl"])
@pytest.mark.parametrize("option", ["--if-changed", "--known", "--from-report"])
def test_no_word_of_a_report_is_a_command(tmp_path, scanned, where, form, option):
    store, document = scanned
    report, page = tmp_path / f"r.{form}", tmp_path / "p.html"
    made = spoiled(document, WHERE[where])
    if form == "json":
        report.write_text(json.dumps(made))
    else:
        findings = made.pop("findings")
        report.write_text("".join(json.dumps(it) + "\n" for it in [*findings, made]))
    if option == "--from-report":
        done = command("rebuild", store, tmp_path / "copy", "--drop-bad", option, report, "-o", page)
    else:
        done = command("scan", store, option, report, "-o", page, "--workers", "1")
    assert done.returncode in (0, 1, 2, 3)
    said = done.stdout + done.stderr + (page.read_text("utf-8") if page.exists() else "")
    assert "internal error" not in said
    assert "\x1b" not in said
    assert not re.search("^::error", said, re.MULTILINE)


def test_a_sound_report_of_a_source_whose_name_has_a_line_break_is_still_that_of_the_source(tmp_path, scanned):
    store = tmp_path / "a\nb"
    shutil.copytree(scanned[0], store)
    command("scan", store, "-o", tmp_path / "r.json", "--workers", "1")
    done = command("scan", store, "--known", tmp_path / "r.json", "--workers", "1")
    assert (done.returncode, done.stderr) == (0, "")
    again = command("scan", store, "--if-changed", tmp_path / "r.json", "--workers", "1")
    assert "unchanged: answered from" in again.stdout
