"""Test that an empty name, as an unset shell variable gives it, is not taken for the working directory."""

import pytest
from trees import run, store, tree

import datacheck

COMMANDS = {
    "target": ["rebuild", "SOURCE", ""],
    "quarantine": ["rebuild", "SOURCE", "t", "--drop-bad", "--quarantine", ""],
    "earlier report": ["rebuild", "SOURCE", "t", "--from-report", ""],
    "receipt": ["rebuild", "SOURCE", "t", "--drop-bad", "--report", ""],
    "report": ["scan", "SOURCE", "--report", ""],
    "root": ["scan", "SOURCE", "--root", ""],
    "configuration": ["scan", "SOURCE", "--config", ""],
    "record": ["show", "SOURCE", "00000003", "--save", ""],
    "network": ["lint", ""],
    "schedule": ["lint", "n.prototxt", "--schedule", ""],
    "problems": ["lint", "n.prototxt", "--report", ""],
    "series": ["log", "t.log", "--report", ""],
    "plot": ["log", "t.log", "--plot", ""],
    "demo": ["demo", ""],
}


@pytest.mark.parametrize("what", COMMANDS)
def test_an_empty_name_is_refused_as_one(tmp_path, monkeypatch, what):
    monkeypatch.chdir(tmp_path)
    source = store("lmdb", tmp_path)
    for name in ("n.prototxt", "t.log"):
        (tmp_path / name).touch()
    before = tree(tmp_path)
    status, said, complaint = run(*(source if it == "SOURCE" else it for it in COMMANDS[what]))
    assert (status, said) == (2, "")
    assert complaint.endswith(": the name is empty\n")
    assert tree(tmp_path) == before


@pytest.mark.parametrize("what", ["target", "quarantine", "from_report"])
def test_the_function_refuses_an_empty_name_too(tmp_path, what):
    places = {"target": tmp_path / "t", what: ""}
    with pytest.raises(datacheck.UsageError, match=f"{what}: the name is empty"):
        datacheck.rebuild(store("lmdb", tmp_path), drop_bad=True, **places)
