"""Test that the command that keeps all findings of compared stores names all of these stores."""

import json
import shlex

from commanding import datacheck as run
from convention_stores import picture, write


def test_it_finds_the_same_again(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    one = {b"%08d" % at: picture(at) for at in range(120)}
    write(tmp_path / "one", one)
    write(tmp_path / "other", {b"%d" % at: picture(at) for at in range(120)})
    out = run("scan", "one", "other", "--paired").stdout
    (line,) = {it for it in out.splitlines() if it.startswith("all 120 findings: ")}
    words = shlex.split(line.partition(": ")[2])
    assert words == ["datacheck", "scan", "one", "other", "--paired", "--report", "report.json"]
    assert run(*words[1:]).returncode == 1
    reports = json.loads((tmp_path / "report.json").read_text())["reports"]
    assert [len(it["findings"]) for it in reports] == [120, 120]
