"""Test that what the pages on clusters, on resuming and on scale show is true."""

import ast
import re
from pathlib import Path

import pytest
import scripting
from building import raw_records, write_lmdb

import datacheck

DOCS = Path(__file__).parents[1] / "docs"
PAGES = ("resume.md", "clusters.md", "scale.md")


def blocks(page, language):
    return re.findall(rf"^```{language}\n(.*?)^```", (DOCS / page).read_text("utf-8"), re.MULTILINE | re.DOTALL)


def shell(script, folder):
    return scripting.run(script, folder, shell="sh")


@pytest.fixture
def folder(tmp_path):
    write_lmdb(tmp_path / "train_lmdb", raw_records(30))
    return tmp_path


@pytest.mark.parametrize("command", blocks("resume.md", "sh"))
def test_the_commands_of_resuming_run(folder, command):
    done = shell(command, folder)
    assert done.returncode in (0, 3), done.stderr
    assert not list(folder.glob("*partial*"))


def test_the_session_of_resuming_is_true(folder):
    def interrupt(done, total, bad):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        datacheck.scan(folder / "train_lmdb", resume=folder / "train.jsonl", progress=interrupt)
    (folder / "train.jsonl.partial").touch()  # a store this small has no mark yet
    (session,) = blocks("resume.md", "console")
    command, said = re.fullmatch(r"\$ (.*)\n(.*)\n", session).groups()
    done = shell(command, folder)
    assert (done.returncode, done.stderr) == (0, said + "\n")
    assert sorted(it.name for it in folder.iterdir()) == ["train.jsonl", "train_lmdb"]


@pytest.mark.parametrize("page", PAGES)
def test_what_is_shown_is_python(page):
    for block in blocks(page, "python"):
        ast.parse(block)
        assert set(re.findall(r"datacheck\.(\w+)", block)) <= {*datacheck.__all__, "engines"}


@pytest.mark.filterwarnings("ignore")
def test_the_cluster_of_the_page_runs(folder, monkeypatch, capsys):
    pytest.importorskip("distributed", reason="distributed is not installed (the extra dask)")
    monkeypatch.chdir(folder)
    exec(blocks("clusters.md", "python")[0], {})
    assert capsys.readouterr().out == "0 0\n"


def test_the_options_of_the_pages_are_options():
    from datacheck.cli.scan import scan

    known = {name for param in scan.params for name in param.opts}
    for page in PAGES:
        for command in blocks(page, "sh") + blocks(page, "console"):
            for words in re.findall(r"datacheck scan (.*)", command):
                assert set(re.findall(r"(?<=\s)--?[a-z-]+", words)) <= known


@pytest.mark.parametrize("option", ["resume", "engine", "scheduler"])
def test_a_configuration_that_is_found_may_not_name_files_and_hosts(folder, option):
    (folder / "datacheck.toml").write_text(f'{option} = "tcp://evil:1"\n')
    done = shell("datacheck scan train_lmdb", folder)
    assert done.returncode == 2
    assert f"{option} is refused" in done.stderr
