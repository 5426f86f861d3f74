"""Test what is found in the working directory but not given: configurations, modules to import, library plugins."""

import grp
import json
import os
import pwd
import socket
import stat
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from types import SimpleNamespace

import click
import numpy as np
import pytest
from building import datum, fingerprint, key, pixels, raw_records, write_lmdb
from commanding import datacheck as run
from commanding import process
from log_building import run as log_of
from patching import copied

from datacheck.cli import configuration
from datacheck.cli.configuration import LARGEST, search
from datacheck.cli.configuring import applied
from datacheck.cli.entry import cli
from datacheck.cli.options import FOUND, Found
from datacheck.errors import UsageError
from datacheck.model.escaping import plain
from datacheck.scanning.settings.make_settings import cores

OBEYED = "range labels shape together convention like workers format no-progress strict"
NAMED = "label-field array skip check allow-nan sample max-bad ignore decoder backend timeout known quiet"
REFUSED = "report save quarantine force drop drop-bad keep fill accept-losses from-report resume checksums"
REFUSED_TOO = "engine scheduler to config no-config schema dry-run net schedule plot"
TAKING = ("scan", "rebuild", "show", "info", "lint")
"""The commands that take a configuration."""
ARGUMENTS = {
    "scan": ["store"],
    "rebuild": ["store", "copy"],
    "show": ["store", "0"],
    "info": ["store"],
    "lint": ["net.prototxt"],
}
ROOT = os.geteuid() == 0


@pytest.fixture
def here(tmp_path, monkeypatch):
    """The working directory, at which the search for a configuration ends."""
    folder = tmp_path / "here"
    folder.mkdir(mode=0o755)
    (folder / ".git").mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def store(here):
    return write_lmdb(here / "store", raw_records(30) | {key(7): b"", key(9): datum(pixels(9), None)})


@pytest.fixture
def clean(here):
    return write_lmdb(here / "clean", raw_records(30))


def parsed(command, *args):
    """Return the parameters that a command would run with, and the configuration that they come from."""
    group = click.Context(cli, **cli.context_settings)
    with cli.commands[command].make_context(command, [*args, *ARGUMENTS[command]], parent=group) as ctx:
        return ctx.params, applied()


def options_of(command):
    for param in cli.commands[command].params:
        if isinstance(param, click.Option):
            for name in param.opts + param.secondary_opts:
                if name.startswith("--"):
                    yield name.removeprefix("--"), param


ALL = sorted((command, name) for command in cli.commands for name, _ in options_of(command))
SETTABLE = [(command, name) for command, name in ALL if command in TAKING and name not in ("config", "no-config")]
TEXTS = {
    "engine": "dask",
    "range": "0:9",
    "labels": "0:9",
    "sample": "50%",
    "max-bad": "3%",
    "shape": "3,8,8",
    "together": "a,b",
}
TEXTS |= {"phase": "TEST", "format": "json", "to": "lmdb", "array": "f4:3,64,64", "fork": "SSD", "picture": "always"}


def toml_value(command, name):
    """Return a value for an option, different from its default, as TOML."""
    option = dict(options_of(command))[name]
    if option.is_flag:
        return "true"
    if isinstance(option.type, (click.types.IntParamType, click.types.FloatParamType)):
        return "2"
    return json.dumps(TEXTS.get(name, "nothing"))


# ---- the table


@pytest.mark.parametrize(("command", "name"), ALL)
def test_every_option_has_its_column(command, name):
    assert name in FOUND, f"add --{name} of datacheck {command} to options.FOUND"


@pytest.mark.parametrize(
    ("names", "columns"),
    [
        (OBEYED, {Found.OBEYED, Found.OBEYED_OF_STORES}),
        (NAMED, {Found.NAMED}),
        (REFUSED, {Found.REFUSED}),
        (REFUSED_TOO, {Found.REFUSED}),
    ],
)
def test_the_columns_are_those_of_the_design(names, columns):
    assert {name: FOUND[name] for name in names.split() if FOUND[name] not in columns} == {}


@pytest.mark.parametrize(("command", "name"), SETTABLE)
def test_a_found_configuration_sets_what_it_may(here, command, name):
    """A refused option gives one sentence that says how to set it; an option that judges less is listed."""
    value = toml_value(command, name)
    (here / "datacheck.toml").write_text(f"{name} = {value}\n")
    if FOUND[name] is Found.REFUSED:
        with pytest.raises(UsageError) as error:
            parsed(command)
        assert str(error.value).startswith(f"{here}/datacheck.toml: {name} is refused")
        assert "--config" in str(error.value)
        return
    params, config = parsed(command)
    option = dict(options_of(command))[name]
    assert params[option.name] != option.get_default(click.Context(cli.commands[command]))
    assert config.file.path == here / "datacheck.toml"
    assert config.loosens == ((name,) if FOUND[name] is Found.NAMED else ())
    assert config.loosens_of_net == ((name,) if FOUND[name] is Found.OBEYED_OF_STORES else ())


@pytest.mark.parametrize(("command", "name"), SETTABLE)
def test_a_named_configuration_sets_everything(here, command, name):
    (here / "mine.toml").write_text(f"{name} = {toml_value(command, name)}\n")
    params, config = parsed(command, "--config", "mine.toml")
    option = dict(options_of(command))[name]
    assert params[option.name] != option.get_default(click.Context(cli.commands[command]))
    assert (str(config.file.path), config.file.found) == ("mine.toml", False)


@pytest.mark.parametrize("command", TAKING)
def test_what_is_refused_is_refused_by_the_commands_that_lack_it_too(here, command):
    for name in ("force", "report", "save", "schedule", "plot"):
        (here / "datacheck.toml").write_text(f"{name} = true\n")
        with pytest.raises(UsageError, match=f"{name} is refused"):
            parsed(command)


def test_an_option_of_another_command_is_passed_over(here):
    (here / "datacheck.toml").write_text("phase = 'TEST'\nskip = 'constant'\nmax-bad = 5\n")
    _, config = parsed("lint")
    assert (config.file, config.loosens) == (None, ())


@pytest.mark.parametrize("key", ["nonsense", "config", "no-config", "help", "engines", ""])
@pytest.mark.parametrize("how", [[], ["--config", "datacheck.toml"]])
def test_a_key_that_is_no_option_is_an_error(here, key, how):
    (here / "datacheck.toml").write_text(f"'{key}' = 1\n")
    with pytest.raises(UsageError, match=f"datacheck.toml: '{key}' is not an option of datacheck scan"):
        parsed("scan", *how)


@pytest.mark.parametrize(
    "value", ["skip = []", "allow-nan = []", "quiet = false", "max-bad = 0", "max-bad = '0%'", "sample = '100%'"]
)
def test_what_changes_nothing_loosens_nothing(here, value):
    (here / "datacheck.toml").write_text(f"{value}\nstrict = false\n")
    assert parsed("scan")[1].loosens == ()


def test_the_command_line_overrides_and_is_not_listed(here):
    (here / "datacheck.toml").write_text("max-bad = 5\nskip = ['constant', 'label']\nsample = 10\n")
    params, config = parsed("scan", "--max-bad", "1", "--skip", "label")
    assert (params["max_bad"], params["skip"], config.loosens) == ("1", ("label",), ("sample",))
    params, config = parsed("scan", "--max-bad", "1", "--skip", "label", "--sample", "3")
    assert (config.file, config.loosens) == (None, ())


def test_a_found_file_may_not_ask_for_more_workers_than_cores(here):
    (here / "datacheck.toml").write_text("workers = 100000\n")
    assert parsed("scan")[0]["workers"] == cores()
    assert parsed("scan", "--config", "datacheck.toml")[0]["workers"] == 100000
    (here / "datacheck.toml").write_text("workers = 1\n")
    assert parsed("scan")[0]["workers"] == 1


def test_lists_are_written_as_toml_has_them(here):
    (here / "datacheck.toml").write_text("shape = [3, 8, 8]\ntogether = [['a', 'b'], 'c,d']\n")
    params, _ = parsed("scan")
    assert (params["shape"], params["together"]) == ((3, 8, 8), [["a", "b"], ["c", "d"]])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("strict = 1", "strict must be true or false"),
        ("strict = 'yes'", "strict must be true or false"),
        ("workers = 'x'", "workers must be a whole number"),
        ("workers = true", "workers must be a whole number"),
        ("workers = 2.5", "workers must be a whole number"),
        ("timeout = '10'", "timeout must be a number"),
        ("label-field = ['a']", "label-field must be a text or a number"),
        ("label-field = {a = 1}", "label-field must be a text or a number"),
        ("label-field = 2020-01-01", "label-field must be a text or a number"),
        ("shape = [[3], 8]", "shape must be a text or a number"),
        ("skip = [1, [2]]", "skip must be a text or a number, or a list of them"),
        ("labels = 'x'", "labels: 'x' is not of the form"),
        ("shape = '3,x'", "shape: '3,x' is not of the form"),
        ("range = 5", "range: '5' is not of the form"),
        ("format = 5", "format is refused"),
        ("format = 'github'", "format = 'github' is refused"),
    ],
)
def test_a_value_that_an_option_cannot_have_is_one_sentence(here, content, words):
    (here / "datacheck.toml").write_text(f"{content}\n")
    with pytest.raises(UsageError) as error:
        parsed("scan")
    assert str(error.value).startswith(f"{here}/datacheck.toml: {words}")


@pytest.mark.parametrize("content", ["skip = ['foo']", "timeout = nan", "timeout = inf", "workers = 0", "max-bad = -1"])
def test_a_setting_that_makes_no_sense_names_the_file(here, clean, content):
    (here / "datacheck.toml").write_text(f"{content}\n")
    done = run("scan", clean)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert done.stderr.endswith(f"(with the options of {here}/datacheck.toml)\n")


# ---- what is read


@pytest.mark.parametrize("name", ["datacheck.toml", "pyproject.toml"])
@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"not toml", "is not TOML"),
        (b"labels = \xff", "is not TOML"),
        (b"\xef\xbb\xbflabels = 1", "is not TOML"),
        (b"labels = " + b"9" * 5000, "is not TOML"),
        (b"labels = " + b"[" * 100_000, "is nested too deeply"),
        (b"labels = " + b"{a = " * 100_000, "is nested too deeply"),
        (b"#" * (LARGEST + 1), "is larger than"),
        (b".".join([b"a"] * 100_000) + b" = 1", "too many dots"),
    ],
)
@pytest.mark.parametrize("how", ["found", "named"])
def test_a_broken_file_is_one_sentence(here, clean, name, content, words, how):
    (here / name).write_bytes(content)
    done = run("scan", clean, *(["--config", name] if how == "named" else []))
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert done.stderr.startswith(f"datacheck: {here}/{name}: " if how == "found" else f"datacheck: {name}: ")
    assert words in done.stderr


@pytest.mark.parametrize("content", ["tool = 5", "[tool]\ndatacheck = [1]", "[[tool.datacheck]]\nskip = 'constant'"])
def test_what_is_no_table_is_said(here, content):
    (here / "pyproject.toml").write_text(content)
    with pytest.raises(UsageError, match=r"is not a table; the settings are in \[tool.datacheck\]"):
        search()


def test_dots_in_sound_files_are_no_keys(here):
    lines = [f'    "package-{number}>=1.2.{number}", "https://a.b.c.example.org/x.y.z"' for number in range(2000)]
    line = ", ".join(f'"package{number}>=1.2.3"' for number in range(200))
    content = f"[project]\nx = [{line}]\ny = [\n{(',' + chr(10)).join(lines)}\n]\n[tool.datacheck]\nlabels = 3\n"
    (here / "pyproject.toml").write_text(content)
    assert search()[0].content == {"labels": 3}


def other_kinds(path, kind):
    if kind == "FIFO":
        os.mkfifo(path)
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as it:
            it.bind(path.name)
    elif kind == "folder":
        path.mkdir()
    elif kind == "link":
        path.with_name("mine.toml").write_text("quiet = true\n")
        path.symlink_to("mine.toml")
    else:
        path.symlink_to({"device": "/dev/zero", "nowhere": "nowhere", "loop": path.name}[kind])


@pytest.mark.parametrize("kind", ["FIFO", "socket", "folder", "link", "device", "nowhere", "loop"])
def test_what_is_no_file_is_ignored_and_said(here, clean, kind):
    other_kinds(here / "datacheck.toml", kind)
    done = run("scan", clean)
    assert (done.returncode, done.stdout.count("clean: nothing wrong")) == (0, 1)
    assert done.stderr == (
        f"datacheck: ignored {here}/datacheck.toml: it is not a regular file; to use it, name it with --config\n"
    )
    named = run("scan", clean, "--config", "datacheck.toml")
    if kind == "link":
        assert (named.returncode, named.stdout, named.stderr) == (0, "", "")
    else:
        assert (named.returncode, named.stdout, named.stderr.count("\n")) == (2, "", 1)


def test_a_link_from_pyproject_matters_only_with_a_table(here):
    (here / "other").write_text("[project]\nname = 'x'\n")
    (here / "pyproject.toml").symlink_to("other")
    assert search() == (None, [])
    (here / "other").write_text("[tool.datacheck]\nquiet = true\n")
    assert search()[1] == [f"ignored {here}/pyproject.toml: it is not a regular file; to use it, name it with --config"]


# ---- the owner of the file


def test_a_file_of_others_is_ignored_and_said(here, store, monkeypatch):
    (here / "datacheck.toml").write_text("max-bad = 5\n")
    assert search()[0] is not None
    if ROOT:
        os.chown(here / "datacheck.toml", 54321, -1)
        done = run("scan", store)
        assert (done.returncode, "NOT CLEAN" in done.stdout) == (1, True)
        assert done.stderr.startswith(f"datacheck: ignored {here}/datacheck.toml: it belongs to another user")
    else:
        monkeypatch.setattr(configuration.os, "geteuid", lambda: 54321)
    found, (said,) = search()
    assert (found, "it belongs to another user" in said) == (None, True)


def test_a_file_in_a_folder_of_others_is_ignored_and_said(here, monkeypatch):
    """The owner of the folder can put a file of the user's there, by a hard link and a rename."""
    (here / "datacheck.toml").write_text("max-bad = 5\n")
    real = Path.stat

    def of_another(path, **options):
        status = real(path, **options)
        return os.stat_result([*status[:4], 54321, *status[5:]]) if path == here else status

    monkeypatch.setattr(Path, "stat", of_another)
    found, (said,) = search()
    assert (found, "its folder belongs to another user" in said) == (None, True)


@pytest.mark.parametrize(("what", "words"), [("datacheck.toml", "may write to it"), (".", "may write to its folder")])
def test_what_others_may_write_is_ignored_and_said(here, store, what, words):
    (here / "datacheck.toml").write_text("max-bad = 5\n")
    path = here / what
    path.chmod(path.stat().st_mode | stat.S_IWOTH)
    done = run("scan", store)
    assert (done.returncode, words in done.stderr, done.stderr.count("\n")) == (1, True, 1)
    assert run("scan", store, "--config", "datacheck.toml").returncode == 0


@pytest.mark.parametrize(
    ("group", "members", "primary", "trusted"),
    [
        ("me", [], True, True),
        ("me", ["me"], True, True),
        ("me", ["me", "you"], True, False),
        ("me", [], False, False),
        ("staff", [], True, False),
        (None, [], True, False),
    ],
)
@pytest.mark.parametrize("what", ["datacheck.toml", "."])
def test_a_group_counts_as_others_unless_it_is_the_users_alone(
    here, monkeypatch, group, members, primary, trusted, what
):
    """With umask 002 every file is writable by a group of which only its owner is a member."""
    (here / "datacheck.toml").write_text("max-bad = 5\n")
    path = here / what
    path.chmod(path.stat().st_mode | stat.S_IWGRP)
    gid = path.stat().st_gid

    def group_of(number):
        if group is None:
            raise KeyError(number)
        return SimpleNamespace(gr_name=group, gr_mem=members)

    monkeypatch.setattr(grp, "getgrgid", group_of)
    monkeypatch.setattr(pwd, "getpwuid", lambda uid: SimpleNamespace(pw_name="me", pw_gid=gid if primary else gid + 1))
    found, said = search()
    assert (found is not None, len(said)) == (trusted, 0 if trusted else 1)


@pytest.mark.skipif(not ROOT, reason="only root can become another user")
def test_an_ordinary_user_obeys_roots_file_and_no_other_users(monkeypatch):
    with tempfile.TemporaryDirectory() as name:  # the parent folders of pytest's own are closed to other users
        folder = Path(name)
        folder.chmod(0o755)
        (folder / ".git").mkdir()
        (folder / "datacheck.toml").write_text("max-bad = 5\n")
        monkeypatch.chdir(folder)
        seen = []
        for owner in (0, 54321, 12345):
            os.chown(folder / "datacheck.toml", owner, -1)
            child = os.fork()
            if not child:
                os.setuid(12345)
                found, said = search()
                os._exit(10 * (found is not None) + len(said))
            seen.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        monkeypatch.undo()
        assert seen == [10, 1, 10]


# ---- where it is searched for


def test_it_is_looked_for_upwards(here, monkeypatch):
    (here / "datacheck.toml").write_text("labels = 3\n")
    below = here / "a" / "b"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    assert search()[0].path == here / "datacheck.toml"
    (here / "a" / "datacheck.toml").write_text("labels = 4\n")
    assert search()[0].path == here / "a" / "datacheck.toml"


@pytest.mark.parametrize("marker", [".git", ".git file", ".git link", "pyproject.toml"])
def test_it_is_not_looked_for_above_the_project(here, monkeypatch, marker):
    (here / "datacheck.toml").write_text("labels = 3\n")
    below = here / "project"
    (below / "a").mkdir(parents=True)
    name = below / marker.split()[0]
    if marker == ".git":
        name.mkdir()
    elif marker == ".git link":
        name.symlink_to("nowhere")
    else:
        name.write_text("")
    monkeypatch.chdir(below / "a")
    assert search() == (None, [])
    (below / "datacheck.toml").write_text("labels = 4\n")
    assert search()[0].path == below / "datacheck.toml"


def test_what_is_ignored_does_not_hide_what_lies_above(here, monkeypatch):
    (here / "datacheck.toml").write_text("strict = true\n")
    below = here / "data"
    below.mkdir()
    os.mkfifo(below / "datacheck.toml")
    monkeypatch.chdir(below)
    found, said = search()
    assert (found.path, len(said)) == (here / "datacheck.toml", 1)


def test_datacheck_toml_comes_before_pyproject(here):
    (here / "pyproject.toml").write_text("[tool.datacheck]\nlabels = 3\n")
    assert search()[0].path == here / "pyproject.toml"
    (here / "datacheck.toml").write_text("labels = 4\n")
    assert search()[0].path == here / "datacheck.toml"


def test_a_pyproject_of_others_is_nothing(here):
    (here / "pyproject.toml").write_text("[tool.ruff]\nline-length = 100\n")
    assert search() == (None, [])


def test_a_working_directory_that_is_gone_has_none(here, monkeypatch, tmp_path):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert search() == (None, [])


@pytest.mark.parametrize("args", [["--version"], ["--help"], ["scan", "--help"], ["scan", "x", "--help"]])
def test_nothing_is_read_for_help_and_version(here, args):
    (here / "datacheck.toml").write_text("not toml")
    done = run(*args)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout


def test_no_config_looks_for_none(here, store):
    (here / "datacheck.toml").write_text("not toml")
    assert run("scan", store, "--no-config").returncode == 1
    assert run("scan", store).returncode == 2


@pytest.mark.parametrize("args", [["--config", "mine.toml", "--no-config"], ["--no-config", "--config", "mine.toml"]])
def test_config_and_no_config_exclude_each_other(here, clean, args):
    (here / "mine.toml").write_text("labels = 10\n")
    done = run("scan", clean, *args)
    assert (done.returncode, done.stdout) == (2, "")
    assert "--config and --no-config cannot be used together" in done.stderr


# ---- what is printed


def test_the_text_says_which_file_and_what_it_loosens(here, store, clean):
    (here / "datacheck.toml").write_text("max-bad = 5\nskip = 'constant'\nlabels = 10\n")
    done = run("scan", store, clean)
    assert (done.returncode, done.stderr) == (0, "")
    said = f"settings from {here}/datacheck.toml; it loosens: max-bad, skip\n"
    assert done.stdout.count(said) == 2
    (here / "datacheck.toml").write_text("labels = 10\n")
    assert f"settings from {here}/datacheck.toml\n" in run("scan", store).stdout
    assert "settings from" not in run("scan", store, "--no-config").stdout


@pytest.mark.parametrize(
    ("content", "config"),
    [
        (None, None),
        ("labels = 10\n", {"path": "HERE/datacheck.toml", "loosened": []}),
        ("skip = 'constant'\nmax-bad = 5\n", {"path": "HERE/datacheck.toml", "loosened": ["max-bad", "skip"]}),
        ("iterations = 5\n", None),
    ],
)
def test_the_json_says_so_for_any_number_of_workers(here, store, content, config):
    if content is not None:
        (here / "datacheck.toml").write_text(content)
    if config is not None:
        config["path"] = config["path"].replace("HERE", str(here))
    said = []
    for workers in (1, 3):
        done = run("scan", store, "--format", "json", "--workers", workers)
        document = json.loads(done.stdout)
        assert document["settings"]["config"] == config
        del document["seconds"], document["started"], document["settings"]["workers"]
        said.append(document)
    assert said[0] == said[1]


def test_a_named_file_is_said_too(here, store):
    (here / "mine.toml").write_text("max-bad = 5\n")
    done = run("scan", store, "--config", "mine.toml", "--report", "r.json")
    assert "settings from mine.toml; it loosens: max-bad\n" in done.stdout
    settings = json.loads((here / "r.json").read_text())["settings"]
    assert settings["config"] == {"path": "mine.toml", "loosened": ["max-bad"]}


def test_rebuild_show_and_lint_say_so(here, store):
    (here / "datacheck.toml").write_text("skip = 'label'\ntimeout = 20\nroot = '.'\nstrict = true\n")
    done = run("rebuild", store, "copy", "--drop-bad", "--report", "receipt.json")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"settings from {here}/datacheck.toml; it loosens: skip, timeout\n" in done.stdout
    receipt = json.loads((here / "receipt.json").read_text())
    assert receipt["config"] == {"path": f"{here}/datacheck.toml", "loosened": ["skip", "timeout"]}
    done = run("show", store, "00000000")
    assert done.stdout.endswith(f"settings from {here}/datacheck.toml; it loosens: skip, timeout\n")
    (here / "solver.prototxt").write_text('net: "net.prototxt"\nbase_lr: 0.1\nlr_policy: "fixed"\nmax_iter: 5\n')
    done = run("lint", "solver.prototxt", "--report", "lint.json")
    assert f"settings from {here}/datacheck.toml; it loosens: root\n" in done.stdout
    config = json.loads((here / "lint.json").read_text())["settings"]["config"]
    assert config == {"path": f"{here}/datacheck.toml", "loosened": ["root"]}


@pytest.mark.parametrize(
    ("content", "args", "said"),
    [
        ("quiet = true\n", [], "quiet"),
        ("quiet = true\nformat = 'json'\n", [], "quiet"),
        ("skip = 'label'\nmax-bad = 9\n", ["--quiet"], "max-bad, skip"),
        ("skip = 'label'\nmax-bad = 9\nquiet = true\n", [], "max-bad, quiet, skip"),
        ("labels = 10\n", ["--quiet"], None),
        ("quiet = true\n", ["--quiet"], None),
        ("quiet = true\nmax-bad = 9\n", ["--config", "datacheck.toml"], None),
    ],
)
def test_quiet_hides_no_configuration_that_was_found(here, clean, content, args, said):
    (here / "datacheck.toml").write_text(content)
    done = run("scan", clean, *args)
    line = "" if said is None else f"datacheck: settings from {here}/datacheck.toml; it loosens: {said}\n"
    assert (done.returncode, done.stdout, done.stderr) == (0, "", line)


def test_a_quiet_rebuild_hides_no_configuration_that_was_found(here, store):
    (here / "datacheck.toml").write_text("skip = 'label'\n")
    done = run("rebuild", store, "copy", "--drop-bad", "--quiet")
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == f"datacheck: settings from {here}/datacheck.toml; it loosens: skip\n"


def test_a_path_reaches_the_terminal_in_plain_characters(tmp_path, monkeypatch):
    folder = tmp_path / "a\x1b[31m\nb\udcff"
    folder.mkdir(mode=0o755)
    (folder / ".git").mkdir()
    monkeypatch.chdir(folder)
    store = write_lmdb(tmp_path / "clean", raw_records(30))
    (folder / "datacheck.toml").write_text("max-bad = 9\n")
    for args in ([], ["--quiet"]):
        done = run("scan", store, *args)
        assert done.returncode == 0
        assert f"settings from {plain(str(folder))}/datacheck.toml; it loosens: max-bad\n" in done.stdout + done.stderr
        assert "\x1b" not in done.stdout + done.stderr
    document = json.loads(run("scan", store, "--format", "json").stdout)
    assert document["settings"]["config"]["path"] == f"{plain(str(folder))}/datacheck.toml"


NET = """
layer { name: "data" type: "Data" top: "data" top: "label" data_param { source: "clean" batch_size: 10 backend: LMDB } }
layer { name: "ip" type: "InnerProduct" bottom: "data" top: "ip" inner_product_param { num_output: 5 } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" }
"""


def test_labels_that_replace_those_of_a_network_are_named(here, clean):
    """The classifier has 5 outputs; records with the labels 5 to 9 would abort Caffe."""
    (here / "net.prototxt").write_text(NET)
    assert json.loads(run("scan", "net.prototxt", "--format", "json").stdout)["bad"] > 0
    (here / "datacheck.toml").write_text("labels = 10\nshape = '3,8,8'\n")
    done = run("scan", "net.prototxt", clean, "--format", "json")
    of_store, of_net = sorted(json.loads(done.stdout)["reports"], key=lambda report: "layer" in report)
    assert of_net["settings"]["config"]["loosened"] == ["labels", "shape"]
    assert of_store["settings"]["config"]["loosened"] == []


def test_the_schema_knows_the_configuration(here):
    schema = json.loads(run("scan", "--schema").stdout)
    assert set(schema["$defs"]["Configuration"]["properties"]) == {"path", "loosened", "not_there"}
    assert "config" in schema["$defs"]["Settings"]["properties"]


def test_an_attack_that_comes_with_a_dataset(here, store):
    """Nothing is written or replaced, and every check still runs."""
    (here / "victim").write_text("mine")
    before = fingerprint(store) | fingerprint(here / "victim")
    names = sorted(here.iterdir())
    for content in ("report = ['victim.json']", "force = true", "save = 'victim'", "schema = true", "net = 'x'"):
        (here / "datacheck.toml").write_text(f"{content}\nskip = ['finite', 'label']\nmax-bad = '100%'\n")
        assert run("scan", store).returncode == 2
        assert run("rebuild", store, "victim", "--drop-bad").returncode == 2
        (here / "datacheck.toml").unlink()
    assert fingerprint(store) | fingerprint(here / "victim") == before
    assert sorted(here.iterdir()) == names


# ---- what is imported

HOSTILE = (
    *("numpy", "click", "lmdb", "h5py", "msgspec", "hdf5plugin", "PIL", "tqdm"),
    *("xxhash", "cramjam", "deflate", "simplejpeg", "google_crc32c"),
    *("google", "plyvel", "cloudpickle", "matplotlib"),
    *("__future__", "re", "typing", "signal", "random", "json", "tomllib", "mmap", "csv"),
    *("shlex", "tempfile", "grp", "pwd", "multiprocessing", "dataclasses"),
)
"""Modules that some command or its workers need or try to import."""


def plant(folder, mark, names, *, when="True"):
    """Write modules to a folder that leave a mark and end the process when they are imported."""
    for name in names:
        code = f"    with open({str(mark)!r}, 'a') as file: print(__name__, file=file)\n    os._exit(77)\n"
        (folder / f"{name}.py").write_text(f"import os, sys\nif {when}:\n{code}")


PROTOTXT = 'net: "net.prototxt"\nbase_lr: 0.1\nlr_policy: "fixed"\nmax_iter: 5\n'


@pytest.fixture
def mined(here):
    """A working directory full of modules, with everything that the commands work on."""
    h5py = pytest.importorskip("h5py")
    plugins = pytest.importorskip("hdf5plugin")
    write_lmdb(here / "store", raw_records(30) | {key(7): b""})
    with h5py.File(here / "rows.h5", "w") as file:
        file.create_dataset("data", data=np.arange(60.0).reshape(20, 3), chunks=(5, 3), **plugins.Zstd())
    (here / "net.prototxt").write_text(NET)
    (here / "solver.prototxt").write_text(PROTOTXT)
    (here / "train.log").write_text(log_of([2.3 / (place + 1) for place in range(20)]))
    return here


COMMANDS = [
    (["scan", "store", "rows.h5", "--report", "../report.json"], 1),
    (["scan", "."], 1),
    (["rebuild", "store", "../copy", "--drop-bad", "--quarantine", "../quarantine"], 0),
    (["rebuild", "rows.h5", "../copy.h5"], 0),
    (["show", "store", "00000003"], 0),
    (["lint", "solver.prototxt", "--schedule", "../schedule.png"], 0),
    (["log", "train.log", "--plot", "../plot.png"], 0),
    (["demo", "../demo"], 0),
    (["--version"], 0),
]
DECLARED = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]["scripts"]["datacheck"]


def console_script(folder):
    """Write the script that an installer makes from the project's entry point."""
    module, name = DECLARED.split(":")
    script = folder / "bin" / "datacheck"
    script.parent.mkdir()
    script.write_text(f"#!{sys.executable}\nimport sys\nfrom {module} import {name}\nsys.exit({name}())\n")
    script.chmod(0o755)
    return [str(script)]


BEFORE_US = ("sitecustomize", "usercustomize")
"""Modules that Python imports by PYTHONPATH before a program can act; in the case of a worker, that is the command."""


@pytest.mark.parametrize(
    ("way", "path"), [("script", None), ("module", None), ("script", ":"), ("module", "."), ("script", "./:/nowhere")]
)
def test_nothing_is_imported_from_the_working_directory(mined, tmp_path, way, path):
    command = console_script(tmp_path) if way == "script" else [sys.executable, "-m", "datacheck"]
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    if path is not None:
        env["PYTHONPATH"] = path
    mark = tmp_path / "mark"
    plant(mined, mark, HOSTILE)
    plant(mined, mark, BEFORE_US, when="True" if path is None else "'-c' in sys.orig_argv")
    if way == "script" and path is None:
        (mined / "datacheck").mkdir()
        plant(mined / "datacheck", mark, ["__init__", "cli", "pool"])
    # `python -m` puts the folder on the path; a script and a variable mean the same to each command
    for args, status in COMMANDS if (way, path) == ("module", None) else COMMANDS[:4]:
        done = subprocess.run([*command, *args], capture_output=True, text=True, env=env, timeout=120, check=False)
        assert not mark.exists(), f"{args}: {mark.read_text()}"
        assert done.returncode == status, done.stderr
        assert "Traceback" not in done.stderr


def test_the_mines_would_go_off(mined, tmp_path):
    plant(mined, tmp_path / "mark", HOSTILE)
    done = subprocess.run([sys.executable, "-c", "import numpy"], check=False)
    assert (done.returncode, (tmp_path / "mark").read_text()) == (77, "numpy\n")


def test_a_checkout_runs_itself_and_its_workers_too(here, tmp_path):
    """`python -m datacheck` in a checkout runs the checkout's code, although its folder is removed from the path."""
    copied(here / "datacheck")
    started, mark = tmp_path / "started", tmp_path / "mark"
    with (here / "datacheck" / "workers" / "interface.py").open("a") as file:
        print(
            f"import os\nwith open({str(started)!r}, 'a') as file: print(os.getpid(), __file__, file=file)", file=file
        )
    plant(here, mark, HOSTILE)
    store = write_lmdb(tmp_path / "store", raw_records(30))
    done = process("scan", store)
    assert (done.returncode, done.stderr, mark.exists()) == (0, "", False)
    lines = [line.split(" ", 1) for line in started.read_text().splitlines()]
    assert len({pid for pid, _ in lines}) > 1
    assert {file for _, file in lines} == {f"{here}/datacheck/workers/interface.py"}


@pytest.mark.parametrize("start", ["-c", "file"])
def test_from_python_workers_find_the_callers_own_modules(here, clean, start):
    """A notebook's path begins with its folder, or with the empty entry that stands for it."""
    (here / "mine.py").write_text(
        "from dataclasses import dataclass\nfrom datacheck import found\n\n"
        "@dataclass(frozen=True)\nclass Every:\n"
        "    def __call__(self, batch):\n"
        "        for at in range(len(batch.rows)):\n"
        "            yield at, found('nan', 'mine')\n"
    )
    code = (
        "import sys, mine, datacheck\nprint(sys.path[0])\n"
        f"print(datacheck.scan({str(clean)!r}, validators=[mine.Every()]).bad)\n"
    )
    (here / "script.py").write_text(code)
    args = ["-c", code] if start == "-c" else ["script.py"]
    done = subprocess.run([sys.executable, *args], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.split("\n")[:2] == ["" if start == "-c" else str(here), "30"]


def test_an_absolute_entry_of_the_path_is_kept(here):
    """PYTHONPATH=/the/folder is a decision; an empty entry is a slip in the shell."""
    code = (
        "import sys, os; from datacheck.__main__ import leave_working_directory\n"
        "leave_working_directory(); print(os.getcwd() in sys.path, os.environ.get('PYTHONPATH'))"
    )
    said = []
    for path in (str(here), f"{here}/a:", "", ":/x::."):
        env = {**os.environ, "PYTHONPATH": path}
        done = subprocess.run([sys.executable, "-P", "-c", code], env=env, capture_output=True, text=True, check=True)
        said.append(done.stdout.strip())
    assert said == [f"True {here}", f"False {here}/a", "False", "False /x"]


def test_no_settings_of_matplotlib_are_taken_from_the_working_directory(mined, tmp_path):
    pytest.importorskip("matplotlib")
    assert process("lint", "solver.prototxt", "--schedule", "../a.png").returncode == 0
    (mined / "matplotlibrc").write_text("figure.facecolor: black\nsavefig.facecolor: black\n")
    assert process("lint", "solver.prototxt", "--schedule", "../b.png").returncode == 0
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    (mined / "matplotlibrc").unlink()
    os.mkfifo(mined / "matplotlibrc")
    assert process("lint", "solver.prototxt", "--schedule", "../c.png").returncode == 0


# ---- plugins of HDF5

UNKNOWN_FILTER = 30_123


def write_filtered(path, number):
    """Write a dataset whose chunks claim to have passed a filter that is not installed."""
    import h5py

    with h5py.File(path, "w") as file:
        created = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        created.set_chunk((4, 3))
        created.set_filter(number, h5py.h5z.FLAG_OPTIONAL, (1, 2))
        space = h5py.h5s.create_simple((8, 3))
        at = h5py.h5d.create(file.id, b"data", h5py.h5t.NATIVE_DOUBLE, space, created)
        for row in (0, 4):
            at.write_direct_chunk((row, 0), bytes(96), 0)


@pytest.fixture
def plugins(tmp_path):
    """A folder of plugins with a FIFO in place of one: its missing bytes show whether it was opened and read."""
    folder = tmp_path / "plugins"
    folder.mkdir()
    os.mkfifo(folder / "libfilter.so")
    pipe = os.open(folder / "libfilter.so", os.O_RDWR | os.O_NONBLOCK)
    os.write(pipe, bytes(BYTES))
    yield SimpleNamespace(folder=folder, left=lambda: len(os.read(pipe, 2 * BYTES)))
    os.close(pipe)


BYTES = 4096
READ = "import h5py, sys; print(h5py.File(sys.argv[1])['data'][:])"


def test_the_plugins_would_be_loaded(here, plugins):
    write_filtered(here / "rows.h5", UNKNOWN_FILTER)
    others = {name: it for name, it in os.environ.items() if not name.startswith("HDF5_")}
    env = {**others, "HDF5_PLUGIN_PATH": str(plugins.folder)}
    subprocess.run([sys.executable, "-c", READ, "rows.h5"], env=env, capture_output=True, timeout=60, check=False)
    assert plugins.left() < BYTES


@pytest.mark.parametrize("preload", [None, "", "libfilter.so"])
def test_no_plugin_is_loaded_from_the_folders_of_a_variable(here, plugins, preload):
    write_filtered(here / "rows.h5", UNKNOWN_FILTER)
    env = {**os.environ, "HDF5_PLUGIN_PATH": str(plugins.folder)}
    if preload is not None:
        env["HDF5_PLUGIN_PRELOAD"] = preload
    done = run("scan", "rows.h5", "--format", "json", env=env)
    assert done.returncode == 3, done.stdout + done.stderr
    assert set(json.loads(done.stdout)["counts"]) == {"missing-filter"}
    for args in (["show", "rows.h5", "/[0]"], ["rebuild", "rows.h5", "copy.h5"]):
        assert "Traceback" not in run(*args, env=env).stderr
    assert plugins.left() == BYTES


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HDF5_PLUGIN_PATH", "/nowhere"),
        ("HDF5_VOL_CONNECTOR", "evil"),
        ("HDF5_DRIVER", "evil"),
        ("HDF5_DRIVER_CONFIG", "evil"),
        ("HDF5_DEBUG", "all"),
    ],
)
def test_no_variable_of_hdf5_changes_a_verdict(here, plugins, name, value):
    h5py = pytest.importorskip("h5py")
    filters = pytest.importorskip("hdf5plugin")
    with h5py.File(here / "rows.h5", "w") as file:
        file.create_dataset("data", data=np.arange(60.0).reshape(20, 3), chunks=(5, 3), **filters.Zstd())
    env = {**os.environ, "HDF5_PLUGIN_PATH": str(plugins.folder), name: value}
    done = run("scan", "rows.h5", "--format", "json", env=env)
    assert (done.returncode, json.loads(done.stdout)["checked"], done.stderr) == (0, 20, "")
    assert plugins.left() == BYTES
