"""Run the recipes of docs/loaders.md as they are written, with each framework that is installed.

`pip install --group loaders` installs them.
"""

import importlib.util
import io
import re
import tarfile
from pathlib import Path

import lmdb
import numpy as np
import pytest
from building import datum, key, pixels, raw_records, write_lmdb

import datacheck
from datacheck.torch import skip_bad

PAGE = (Path(__file__).parents[2] / "docs/loaders.md").read_text()
BAD = (7, 31)
SOUND = [at for at in range(60) if at not in BAD]


def recipe(title, number=0):
    """Return a block of Python from the section with this title."""
    section = re.split(rf"^## {re.escape(title)}\n", PAGE, flags=re.MULTILINE)[1].split("\n## ")[0]
    return re.findall(r"^```python\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)[number]


def installed(name):
    return pytest.mark.skipif(importlib.util.find_spec(name) is None, reason=f"{name} is not installed here")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A folder with a store of 60 records, two of them bad, and the report of its scan."""
    write_lmdb(tmp_path / "train_lmdb", raw_records(60) | {key(7): b"", key(31): datum(pixels(31), 1)[:-9]})
    datacheck.scan(tmp_path / "train_lmdb", workers=1, reports=[tmp_path / "report.json"])
    monkeypatch.chdir(tmp_path)
    return tmp_path


def read_lmdb(path):
    with lmdb.open(path, readonly=True, lock=False) as environment, environment.begin() as transaction:
        yield from transaction.cursor()


class Numbers:
    """A dataset whose samples are their indices."""

    def __init__(self, path="train_lmdb"):
        self.path = path

    def __len__(self):
        return 60

    def __getitem__(self, at):
        return np.float32(at)


@installed("torch")
@pytest.mark.filterwarnings("ignore")  # warnings about versions of other packages
def test_pytorch():
    import torch

    names = {"torch": torch, "dataset": Numbers()}
    exec(recipe("PyTorch"), names)
    assert sorted(int(it) for batch in names["loader"] for it in batch) == SOUND


@installed("lightning")
@pytest.mark.filterwarnings("ignore")
def test_lightning(folder):
    import lightning
    import torch

    names = {"lightning": lightning, "torch": torch, "datacheck": datacheck}
    names |= {"skip_bad": skip_bad, "MyDataset": Numbers}
    exec(recipe("Lightning"), names)
    seen = []

    class Model(lightning.LightningModule):
        def __init__(self):
            super().__init__()
            self.weight = torch.nn.Parameter(torch.zeros(1))

        def training_step(self, batch, at):
            seen.extend(int(it) for it in batch)
            return (self.weight * batch).sum()

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), lr=0.1)

    trainer = lightning.Trainer(
        max_epochs=1,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=folder,
    )
    trainer.fit(Model(), names["Data"]())
    assert sorted(seen) == SOUND


@installed("tensorflow")
@pytest.mark.filterwarnings("ignore")
def test_tf_data():
    import tensorflow

    names = {"tf": tensorflow, "datacheck": datacheck, "read_lmdb": read_lmdb}
    exec(recipe("tf.data"), names)
    values = dict(read_lmdb("train_lmdb"))
    assert [it.numpy() for it in names["dataset"]] == [values[key(at)] for at in SOUND]


@installed("webdataset")
@pytest.mark.filterwarnings("ignore")
def test_webdataset():
    import webdataset

    with tarfile.open("shard-000000.tar", "w") as tar:
        for name, value in read_lmdb("train_lmdb"):
            info = tarfile.TarInfo(f"{name.decode()}.bin")
            info.size = len(value)
            tar.addfile(info, io.BytesIO(value))
    names = {"wds": webdataset, "datacheck": datacheck, "shards": "shard-000000.tar"}
    exec(recipe("WebDataset, or any loop"), names)
    assert [it["__key__"] for it in names["sound"]] == [f"{at:08d}" for at in SOUND]


def test_any_loop():
    trained = []
    names = {"datacheck": datacheck, "train": trained.append}
    names["bad"] = frozenset(datacheck.load_report("report.json").bad_keys())
    exec(recipe("WebDataset, or any loop", 1), names)
    assert len(trained) == len(SOUND)
