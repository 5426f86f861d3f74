"""Build files that show each cause of NaN in docs/caffe-nan.md, and the same files after the fix."""

from __future__ import annotations

import io
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
from building import datum, write_lmdb
from log_building import forward, glog, head, run, shown
from PIL import Image

SOLVER = 'net: "net.prototxt"\nbase_lr: 0.01\nlr_policy: "fixed"\nmomentum: 0.9\nmax_iter: 1000\ndisplay: 10\n'
SOLVER += 'snapshot_prefix: "small"\nsolver_mode: CPU\n'
DATA = """name: "small"
layer {
  name: "data"
  type: "Data"
  top: "data"
  top: "label"
  transform_param { scale: 0.00390625 }
  data_param { source: "train_lmdb" batch_size: 10 backend: LMDB }
}
"""
INPUT = """name: "small"
layer {
  name: "data"
  type: "Input"
  top: "data"
  top: "label"
  input_param { shape { dim: 10 dim: 1 dim: 8 dim: 8 } shape { dim: 10 } }
}
"""
SCORES = """layer {
  name: "ip"
  type: "InnerProduct"
  bottom: "data"
  top: "scores"
  inner_product_param { num_output: 10 weight_filler { type: "xavier" } }
}
"""
LOSS = """layer {
  name: "loss"
  type: "SoftmaxWithLoss"
  bottom: "scores"
  bottom: "label"
  top: "loss"
}
"""
CLASSES = 10


@dataclass(frozen=True)
class Cause:
    """Writers of a section's files to a folder: `broken` writes those with the fault, `mended` those after the fix."""

    broken: Callable[[Path], None]
    mended: Callable[[Path], None]


def layer(name: str, kind: str, bottom: str, top: str, *inside: str) -> str:
    """Return the prototxt of a layer, one field per line."""
    fields = (f'name: "{name}"', f'type: "{kind}"', f'bottom: "{bottom}"', f'top: "{top}"', *inside)
    return "layer {\n" + "".join(f"  {it}\n" for it in fields) + "}\n"


def text(**files: str) -> Callable[[Path], None]:
    """Return a function that writes text files to a folder; a name's `_` stands for its dot."""

    def write(folder: Path) -> None:
        for name, content in files.items():
            (folder / name.replace("_", ".")).write_text(content)

    return write


def net(*layers: str, solver: str = SOLVER) -> Callable[[Path], None]:
    return text(net_prototxt="".join(layers), solver_prototxt=solver)


def of_solver(solver: str) -> Callable[[Path], None]:
    return net(INPUT, SCORES, LOSS, solver=solver)


def pixels(at: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(at).integers(0, 256, shape).astype(np.uint8)


def key(at: int) -> bytes:
    return b"%08d" % at


def stored(
    record: Callable[[int], bytes], name: str = "train_lmdb", layers: str = DATA + SCORES + LOSS, solver: str = SOLVER
) -> Callable[[Path], None]:
    """Return a function that writes a database of 100 records and the network that reads it."""

    def write(folder: Path) -> None:
        write_lmdb(folder / name, [(key(at), record(at)) for at in range(100)])
        net(layers, solver=solver)(folder)

    return write


def with_nan(at: int) -> bytes:
    values = np.random.default_rng(at).random((1, 8, 8), np.float32)
    if at == 57:
        values[0, 3, 4] = np.nan
    return datum(values, at % CLASSES)


def without_nan(at: int) -> bytes:
    return datum(np.random.default_rng(at).random((1, 8, 8), np.float32), at % CLASSES)


def jpeg(at: int) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels(at, 32, 32, 3)).save(file, "JPEG", quality=90)
    return file.getvalue()


def cut_picture(at: int) -> bytes:
    data = jpeg(at)
    return datum(data[: len(data) // 2] if at == 57 else data, at % CLASSES, encoded=True)


def whole_picture(at: int) -> bytes:
    return datum(jpeg(at), at % CLASSES, encoded=True)


def labelled(odd: int) -> Callable[[int], bytes]:
    return lambda at: datum(pixels(at, 1, 8, 8), odd if at == 57 else at % CLASSES)


MAPS = """name: "segmentation"
layer {
  name: "pictures"
  type: "Data"
  top: "data"
  transform_param { mean_value: 104 }
  data_param { source: "pictures_lmdb" batch_size: 2 backend: LMDB }
}
layer {
  name: "maps"
  type: "Data"
  top: "label"
  data_param { source: "maps_lmdb" batch_size: 2 backend: LMDB }
}
layer {
  name: "score"
  type: "Convolution"
  bottom: "data"
  top: "scores"
  convolution_param { num_output: 10 kernel_size: 1 weight_filler { type: "xavier" } }
}
"""


def maps(loss: str) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        classes = [np.random.default_rng(at).integers(0, CLASSES, (1, 8, 8)).astype(np.uint8) for at in range(20)]
        for it in classes:
            it[0, :2] = 255  # unlabelled pixels
        write_lmdb(folder / "pictures_lmdb", [(key(at), datum(pixels(at, 3, 8, 8))) for at in range(20)])
        write_lmdb(folder / "maps_lmdb", [(key(at), datum(it)) for at, it in enumerate(classes)])
        net(MAPS, loss)(folder)

    return write


def mean(value: float) -> Callable[[Path], None]:
    from datacheck.caffe.messages import message_class

    def write(folder: Path) -> None:
        blob = message_class("BlobProto")(num=1, channels=1, height=8, width=8)
        values = np.full(64, 33.0)
        values[5] = value
        blob.data.extend(values.tolist())
        (folder / "mean.binaryproto").write_bytes(blob.SerializeToString())
        layers = DATA.replace("scale: 0.00390625", 'scale: 0.00390625 mean_file: "mean.binaryproto"')
        stored(labelled(7), layers=layers + SCORES + LOSS)(folder)

    return write


ROWS = """name: "rows"
layer {
  name: "data"
  type: "HDF5Data"
  top: "data"
  top: "label"
  hdf5_data_param { source: "train.txt" batch_size: 10 }
}
"""


def rows(value: float) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        data = np.random.default_rng(0).random((100, 12), np.float32)
        data[57, 3] = value
        with h5py.File(folder / "train.h5", "w") as file:
            file["data"], file["label"] = data, (np.arange(100) % CLASSES).astype(np.float32)
        (folder / "train.txt").write_text("train.h5\n")
        net(ROWS, SCORES, LOSS)(folder)

    return write


def matrix(value: float) -> Callable[[Path], None]:
    from datacheck.caffe.messages import message_class

    def write(folder: Path) -> None:
        blob = message_class("BlobProto")(num=1, channels=1, height=10, width=10)
        values = np.eye(CLASSES)
        values[3, 3] = value
        blob.data.extend(values.ravel().tolist())
        (folder / "H.binaryproto").write_bytes(blob.SerializeToString())
        loss = LOSS.replace("SoftmaxWithLoss", "InfogainLoss").replace('"scores"', '"p"').rstrip()[:-1]
        loss += '  infogain_loss_param { source: "H.binaryproto" }\n}\n'
        net(INPUT, SCORES, PROBABILITIES, loss)(folder)

    return write


def snapshot(value: float) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        weights = np.random.default_rng(0).normal(0, 0.1, (10, 64)).astype(np.float32)
        weights[2, 5] = value
        with h5py.File(folder / "small_iter_500.caffemodel.h5", "w") as file:
            file["data/ip/0"], file["data/ip/1"] = weights, np.linspace(-0.1, 0.1, 10, dtype=np.float32)

    return write


def losses(values: list[float]) -> Callable[[Path], None]:
    return text(train_log=head() + run(values, step=10))


def healthy(count: int = 60) -> list[float]:
    wave = random.Random(1)
    return [2.3 * 0.97**at + 0.05 + 0.02 * wave.random() for at in range(count)]


def showing_layers(conv: float) -> Callable[[Path], None]:
    lines = head()
    for at in range(5):
        value = conv if at == 4 else 0.5
        lines += forward("data", "data", 0.5) + forward("ip", "scores", value) + forward("loss", "loss", value)
        lines += shown(at, value if value != value else 2.3 - at / 10)
    return text(train_log=lines + glog("done", "Optimization Done."))


def inner(*inside: str, name: str = "ip", bottom: str = "data", top: str = "scores") -> str:
    filler = ('inner_product_param { num_output: 10 weight_filler { type: "xavier" } }',)
    return layer(name, "InnerProduct", bottom, top, *(inside or filler))


EXPLOSION = [2.3, 2.4, 3.1, 8.2, 95, 4100, 6e7, 3e15, 5e31, np.nan, np.nan]
SHARES = (0.3, 0.6, 0.9, 0.9, 0.8, 0.9, 1, 0.9, 0.9, 0.9)
ENTROPY = layer("entropy", "Reduction", "log", "entropy", "reduction_param { operation: MEAN }", "loss_weight: 0.1")
PROBABILITIES = layer("p", "Softmax", "scores", "p")
RELU = layer("relu", "ReLU", "scores", "positive")
INVERSE = layer("inverse", "Power", "positive", "inverse", "power_param { power: -1%s }")
RATIO = layer("ratio", "Reduction", "inverse", "ratio", "loss_weight: 0.1")
CLIP = layer("clip", "Clip", "scores", "clipped", "clip_param { min: -20 max: 20 }")
GROWN = layer("sum", "Reduction", "grown", "sum", "loss_weight: 0.1")
NORM = layer("bn", "BatchNorm", "data", "normal", "batch_norm_param { %s }")
AFTER_NORM = inner(bottom="normal")
POOL = layer("pool", "Pooling", "data", "pooled", "pooling_param { pool: AVE kernel_size: 2 stride: %d }")

CAUSES: dict[str, Cause] = {
    "A record holds NaN or infinity": Cause(stored(with_nan), stored(without_nan)),
    "Rows of an HDF5 file hold NaN": Cause(rows(np.nan), rows(0.5)),
    "A picture is corrupt": Cause(
        stored(cut_picture, layers=DATA + SCORES + LOSS), stored(whole_picture, layers=DATA + SCORES + LOSS)
    ),
    "A label is no class of the network": Cause(stored(labelled(255)), stored(labelled(7))),
    "A label map has pixels of no class": Cause(
        maps(LOSS), maps(LOSS.rstrip()[:-1] + "  loss_param { ignore_label: 255 }\n}\n")
    ),
    "The mean file holds NaN": Cause(mean(np.nan), mean(33.0)),
    "Pixels go in unscaled": Cause(
        stored(labelled(7), layers=DATA.replace("  transform_param { scale: 0.00390625 }\n", "") + SCORES + LOSS),
        stored(labelled(7)),
    ),
    "The learning rate is too high": Cause(
        of_solver(SOLVER.replace("base_lr: 0.01", "base_lr: 10")), of_solver(SOLVER)
    ),
    "The learning rate is no number": Cause(
        of_solver(SOLVER.replace('"fixed"', '"poly"\npower: 0.5').replace("max_iter: 1000\n", "")),
        of_solver(SOLVER.replace('"fixed"', '"poly"\npower: 0.5')),
    ),
    "The loss explodes": Cause(losses(EXPLOSION), losses(healthy())),
    "The loss is NaN from one display to the next": Cause(losses([*healthy(30), np.nan, np.nan]), losses(healthy())),
    "The loss stands at 87.3365": Cause(
        losses([2.3, 2.1, *[87.3365 * it for it in SHARES]]), losses(healthy())
    ),
    "The loss stands still at ln(classes)": Cause(losses([2.3, 2.1, 1.9, 1.7, *[2.30259] * 12]), losses(healthy())),
    "A layer turns values into NaN": Cause(showing_layers(np.nan), showing_layers(0.5)),
    "The logarithm of zero": Cause(
        net(INPUT, SCORES, LOSS, RELU, layer("log", "Log", "positive", "log"), ENTROPY),
        net(INPUT, SCORES, LOSS, RELU, layer("log", "Log", "positive", "log", "log_param { shift: 0.001 }"), ENTROPY),
    ),
    "A division by zero": Cause(
        net(INPUT, SCORES, LOSS, RELU, INVERSE % "", RATIO),
        net(INPUT, SCORES, LOSS, RELU, INVERSE % " shift: 0.001", RATIO),
    ),
    "Pooling windows without a pixel": Cause(
        net(INPUT.replace("dim: 8 dim: 8", "dim: 6 dim: 6"), POOL % 3, inner(bottom="pooled"), LOSS),
        net(INPUT.replace("dim: 8 dim: 8", "dim: 6 dim: 6"), POOL % 2, inner(bottom="pooled"), LOSS),
    ),
    "An exponential overflows": Cause(
        net(INPUT, SCORES, LOSS, CLIP, layer("exp", "Exp", "clipped", "grown", "exp_param { scale: 10 }"), GROWN),
        net(INPUT, SCORES, LOSS, CLIP, layer("exp", "Exp", "clipped", "grown"), GROWN),
    ),
    "A loss weight is too large, or negative": Cause(
        net(INPUT, SCORES, LOSS.rstrip()[:-1] + "  loss_weight: 1000000\n}\n"), net(INPUT, SCORES, LOSS)
    ),
    "Weights begin as zeros": Cause(
        net(INPUT, inner("inner_product_param { num_output: 20 }", name="ip1", top="ip1"), inner(bottom="ip1"), LOSS),
        net(INPUT, inner(name="ip1", top="ip1"), inner(bottom="ip1"), LOSS),
    ),
    "A ReLU on the scores": Cause(
        net(INPUT, SCORES, layer("relu", "ReLU", "scores", "scores"), LOSS), net(INPUT, SCORES, LOSS)
    ),
    "The softmax is applied twice": Cause(
        net(INPUT, SCORES, PROBABILITIES, LOSS.replace('"scores"', '"p"')), net(INPUT, SCORES, LOSS)
    ),
    "A snapshot holds NaN": Cause(snapshot(np.nan), snapshot(0.1)),
    "The infogain matrix is not finite": Cause(matrix(np.inf), matrix(1.0)),
    "BatchNorm divides by zero": Cause(
        net(INPUT, NORM % "eps: 0", AFTER_NORM, LOSS), net(INPUT, NORM % "", AFTER_NORM, LOSS)
    ),
    "BatchNorm keeps statistics of nothing": Cause(
        net(INPUT, NORM % "use_global_stats: true", AFTER_NORM, LOSS), net(INPUT, NORM % "", AFTER_NORM, LOSS)
    ),
}  # fmt: skip
