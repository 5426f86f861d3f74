"""Test the recipes of docs/ci.md, the action and the hooks: parsed as their tools do, and their commands run."""

import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
import scripting
import yaml
from building import datum, key, pixels, raw_records, write_lmdb

import datacheck
from datacheck.reporting.files import REPORTS

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "ci.md").read_text("utf-8")
COMMANDS = Path(sys.executable).parent


def blocks(language, section):
    """Return the code blocks of a language in a section of the page."""
    part = re.search(rf"^## {section}\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)[1]
    return re.findall(rf"^```{language}\n(.*?)^```", part, re.MULTILINE | re.DOTALL)


def make(folder, *, sound):
    """Make a folder with a sound or a bad dataset, and a training that leaves a model behind."""
    records = raw_records(60) | ({} if sound else {key(31): datum(pixels(31), 1)[:-9]})
    write_lmdb(folder / "train_lmdb", records)
    (folder / "train.py").write_text("import pathlib\npathlib.Path('model').write_text('trained')\n")
    return folder


def bash(script, folder, **more):
    environment = {**os.environ, "PATH": f"{COMMANDS}:{os.environ['PATH']}", **more}
    return scripting.run(script, folder, environment)


both = pytest.mark.parametrize("sound", [True, False])


def test_the_table_has_every_format():
    assert all(f"`{suffix}`" in PAGE or f"r{suffix}`" in PAGE for suffix in REPORTS if suffix != ".html")


def test_the_workflows_use_what_there_is():
    first, second = map(yaml.safe_load, blocks("yaml", "GitHub"))
    action = yaml.safe_load((ROOT / "action.yml").read_text())
    (step,) = [it for it in first["jobs"]["check"]["steps"] if it.get("id") == "datacheck"]
    assert set(step["with"]) <= set(action["inputs"])
    used = re.findall(r"steps\.datacheck\.outputs\.(\w+)", str(first))
    assert used
    assert set(used) <= set(action["outputs"])
    assert any("--format github" in it.get("run", "") for it in second["jobs"]["check"]["steps"])


@both
def test_the_workflow_without_the_action(tmp_path, sound):
    make(tmp_path, sound=sound)
    steps = yaml.safe_load(blocks("yaml", "GitHub")[1])["jobs"]["check"]["steps"]
    *_, scan, summary = [it["run"] for it in steps if "run" in it]
    done = bash(scan, tmp_path, GITHUB_STEP_SUMMARY=str(tmp_path / "summary"))
    assert done.returncode == (0 if sound else 1), done.stderr
    assert ("::error " in done.stdout) == (not sound)
    assert bash(summary, tmp_path, GITHUB_STEP_SUMMARY=str(tmp_path / "summary")).returncode == 0
    assert (tmp_path / "summary").read_text().startswith("# datacheck: " + ("clean" if sound else "NOT CLEAN"))


@both
def test_the_action_runs(tmp_path, sound):
    make(tmp_path, sound=sound)
    action = yaml.safe_load((ROOT / "action.yml").read_text())
    assert action["runs"]["using"] == "composite"
    (step,) = [it for it in action["runs"]["steps"] if it.get("id") == "check"]
    inputs = {name: it.get("default", "") for name, it in action["inputs"].items()}
    inputs |= {"sources": "train_lmdb\n\n", "options": "--skip constant --strict"}
    environment = {
        name: re.sub(r"\$\{\{ inputs\.([a-z-]+) \}\}", lambda match: inputs[match[1]], value)
        for name, value in step["env"].items()
    }
    files = {name: str(tmp_path / name) for name in ("GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT")}
    done = bash(step["run"], tmp_path, **environment, **files, RUNNER_TEMP=str(tmp_path), GITHUB_ACTION="one")
    assert done.returncode == (0 if sound else 1), done.stderr
    output = dict(line.split("=", 1) for line in (tmp_path / "GITHUB_OUTPUT").read_text().splitlines())
    assert output["status"] == str(done.returncode)
    report = json.loads((Path(output["reports"]) / "datacheck.json").read_text())
    assert "constant" not in report["settings"]["checks"]
    assert {it.name for it in Path(output["reports"]).iterdir()} >= {"datacheck.xml", "datacheck.sarif"}
    assert (tmp_path / "GITHUB_STEP_SUMMARY").read_text().startswith("# datacheck: ")


def test_an_input_of_the_action_runs_no_command(tmp_path):
    action = yaml.safe_load((ROOT / "action.yml").read_text())
    scripts = [it["run"] for it in action["runs"]["steps"] if "run" in it]
    assert len(scripts) == 2
    assert all("${{" not in it for it in scripts)
    files = {name: str(tmp_path / name) for name in ("GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT")}
    hostile = {"COMMAND": "scan", "SOURCES": "$(touch owned)\n; touch owned", "OPTIONS": "`touch owned`"}
    done = bash(scripts[1], tmp_path, **hostile, **files, RUNNER_TEMP=str(tmp_path), GITHUB_ACTION="one")
    assert done.returncode == 2
    assert not (tmp_path / "owned").exists()
    assert "status=2" in (tmp_path / "GITHUB_OUTPUT").read_text()


def test_the_hooks_take_what_they_are_for(tmp_path):
    hooks = {it["id"]: it for it in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())}
    used = yaml.safe_load(blocks("yaml", "pre-commit")[0])["repos"][0]["hooks"]
    assert {it["id"] for it in used} == set(hooks) == {"datacheck-lint", "datacheck-scan"}
    for hook, taken, left in (
        ("datacheck-lint", ["net/solver.prototxt"], ["solver.txt"]),
        ("datacheck-scan", ["data/train_lmdb/data.mdb", "a.h5", "b.hdf5"], ["train_lmdb/lock.mdb", "a.h5.txt"]),
    ):
        row = hooks[hook]
        for name in (*taken, *left):
            chosen = re.search(row["files"], name) and not re.search(row.get("exclude", "^$"), name)
            assert bool(chosen) == (name in taken), name
    make(tmp_path, sound=True)
    args = next(it for it in used if it["id"] == "datacheck-scan")["args"]
    done = bash(f"{hooks['datacheck-scan']['entry']} {' '.join(args)} train_lmdb/data.mdb", tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    (tmp_path / "net.prototxt").write_text('layer { name: "a" type: "ReLU" bottom: "nowhere" top: "b" }\n')
    assert bash(f"{hooks['datacheck-lint']['entry']} net.prototxt", tmp_path).returncode == 1


@both
def test_gitlab(tmp_path, sound):
    make(tmp_path, sound=sound)
    job = yaml.safe_load(blocks("yaml", "GitLab")[0])["check-data"]
    install, scan = job["script"]
    assert install == "pip install datacheck-ml"
    assert bash(scan, tmp_path).returncode == (0 if sound else 1)
    for name in (*job["artifacts"]["paths"], job["artifacts"]["reports"]["junit"]):
        assert (tmp_path / name).exists()


@both
def test_dvc(tmp_path, sound):
    make(tmp_path, sound=sound)
    stages = yaml.safe_load(blocks("yaml", "DVC")[0])["stages"]
    assert list(stages) == ["check", "train"]
    for stage in stages.values():
        assert all((tmp_path / it).exists() for it in stage["deps"])
        if bash(stage["cmd"], tmp_path).returncode:
            break
        assert all((tmp_path / it).exists() for it in stage["outs"])
    assert (tmp_path / "model").exists() == sound


@both
def test_snakemake(tmp_path, sound):
    """Snakemake is not a dependency of the tests; its rules are parsed like this part of its language."""
    make(tmp_path, sound=sound)
    (text,) = blocks("snakemake", "Snakemake")
    rules = {}
    for name, body in re.findall(r"^rule (\w+):\n((?:    .*\n)+)", text, re.MULTILINE):
        rules[name] = {}
        for line in body.splitlines():
            field, value = re.fullmatch(r"    (input|output|shell): (.*)", line).groups()
            call = ast.parse(f"f({value})", mode="eval").body
            named = {it.arg: ast.literal_eval(it.value) for it in call.keywords}
            rules[name][field] = named or ast.literal_eval(call.args[0])
    assert set(rules) == {"all", "check", "train"}

    def build(target):
        rule = next((it for it in rules.values() if it.get("output") == target), None)
        if rule is None:
            return (tmp_path / target).exists()
        inputs = rule["input"] if isinstance(rule["input"], dict) else {"": rule["input"]}
        if not all(map(build, inputs.values())):
            return False
        shell = rule["shell"].replace("{output}", rule["output"])
        for name, value in inputs.items():
            shell = shell.replace(f"{{input.{name}}}" if name else "{input}", value)
        assert "{" not in shell
        return bash(shell, tmp_path).returncode == 0

    assert build(rules["all"]["input"]) == sound
    assert (tmp_path / "model").exists() == sound


@both
def test_airflow(tmp_path, sound, monkeypatch):
    """Airflow is not a dependency of the tests; a stand-in provides what the page uses of it."""
    make(tmp_path, sound=sound)
    tasks = []

    class Dag:
        def __init__(self, name, *, start_date, schedule, catchup):
            self.name = name

        def __enter__(self):
            return self

        def __exit__(self, *exc):
            pass

    class BashOperator:
        def __init__(self, *, task_id, bash_command, cwd, skip_on_exit_code=99):
            self.command, self.before = bash_command, []
            tasks.append(self)

        def __rshift__(self, other):
            other.before.append(self)

    modules = {name: ModuleType(name) for name in ("airflow", "airflow.operators", "airflow.operators.bash")}
    modules["airflow"].DAG = Dag
    modules["airflow.operators.bash"].BashOperator = BashOperator
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    (text,) = blocks("python", "Airflow")
    exec(compile(text, "dag.py", "exec"), {})
    check, train = tasks
    assert train.before == [check]
    assert (bash(check.command, tmp_path).returncode == 0) == sound
    assert bash(train.command, tmp_path).returncode == 0
    monkeypatch.chdir(tmp_path)
    if not sound:
        with pytest.raises(datacheck.NotClean, match="NOT CLEAN: 1 bad"):
            datacheck.scan("train_lmdb", workers=1).require_clean()


@both
def test_slurm(tmp_path, sound):
    make(tmp_path, sound=sound)
    job, chain = blocks("bash", "Slurm")
    done = bash(job, tmp_path)
    assert done.returncode == (0 if sound else 1), done.stderr
    assert (tmp_path / "model").exists() == sound
    assert (tmp_path / "bad.jsonl").exists()
    assert subprocess.run(["bash", "-n", "-c", chain], check=False).returncode == 0
    fake = tmp_path / "bin"
    fake.mkdir()
    (fake / "sbatch").write_text('#!/bin/bash\necho "$@" >> sbatch.log\necho 17\n')
    (fake / "sbatch").chmod(0o755)
    assert bash(f'PATH="{fake}:$PATH"\n{chain}', tmp_path).returncode == 0
    assert (tmp_path / "sbatch.log").read_text().splitlines()[1] == "--dependency afterok:17 train.sh"


def test_every_recipe_is_one_of_these():
    assert re.findall(r"^## (.*)$", PAGE, re.MULTILINE) == [
        *("Shell", "Make", "Python", "GitHub", "pre-commit", "GitLab", "DVC", "Snakemake", "Airflow", "Slurm"),
    ]
