"""Test which layers of a network are sources, what their labels must be, and the command that scans them."""

import json
from dataclasses import dataclass

import jsonschema
import msgspec
import pytest
from building import SHARED, datum, fingerprint, key, pixels, raw_records, write_lmdb
from click.testing import CliRunner

import datacheck
from datacheck.caffe.net_flow import Classifier
from datacheck.caffe.net_sources import net_sources
from datacheck.caffe.prototxt import parse_prototxt
from datacheck.cli.entry import cli
from datacheck.reporting.document import schema

REAL = SHARED / "real"

DATA = """
layer { name: "data" type: "Data" top: "data" top: "label" include { phase: TRAIN }
  data_param { source: "train" backend: LMDB batch_size: 64 } }
layer { name: "data" type: "Data" top: "data" top: "label" include { phase: TEST }
  data_param { source: "test" backend: LMDB batch_size: 100 } }
"""
IP = """
layer { name: "ip" type: "InnerProduct" bottom: "data" top: "ip" inner_product_param { num_output: 10 } }
"""
LOSS = 'layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" }\n'
ACCURACY = 'layer { name: "acc" type: "Accuracy" bottom: "ip" bottom: "label" include { phase: TEST } }\n'


def of(text, phases=("TRAIN", "TEST")):
    return net_sources(parse_prototxt("net.prototxt", text), phases)


def test_each_phase_has_its_layer():
    train, test = of(DATA + IP + LOSS + ACCURACY)
    assert (train.path, train.phases, train.batch_size, train.line) == ("train", ("TRAIN",), 64, 2)
    assert (test.path, test.phases, test.batch_size, test.line) == ("test", ("TEST",), 100, 4)
    assert train.classifier == test.classifier == Classifier("ip", 10)
    assert of(DATA, ("TEST",))[0].path == "test"


CLASSIFIERS = {
    "through a softmax, a dropout and an in-place layer": (
        'layer { type: "ReLU" bottom: "ip" top: "ip" } layer { type: "Softmax" bottom: "ip" top: "p" }'
        'layer { type: "MultinomialLogisticLoss" bottom: "p" bottom: "label" }',
        Classifier("ip", 10),
    ),
    "accuracy alone": ('layer { type: "Accuracy" bottom: "ip" bottom: "label" }', Classifier("ip", 10)),
    "a loss goes before an accuracy": (
        'layer { type: "Accuracy" bottom: "ip" bottom: "label" accuracy_param { ignore_label: 3 } }'
        'layer { type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" loss_param { ignore_label: 255 } }',
        Classifier("ip", 10, 255),
    ),
    "the fewest classes of several": (
        'layer { name: "few" type: "InnerProduct" bottom: "data" top: "few" inner_product_param { num_output: 5 } }'
        'layer { type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" }'
        'layer { type: "SoftmaxWithLoss" bottom: "few" bottom: "label" }',
        Classifier("few", 5),
    ),
    "several side by side": (
        'layer { type: "InnerProduct" bottom: "data" top: "b" inner_product_param { num_output: 5 } }'
        'layer { type: "Concat" bottom: "ip" bottom: "b" top: "c" }'
        'layer { type: "SoftmaxWithLoss" bottom: "c" bottom: "label" }',
        Classifier("ip", 15),
    ),
    "a convolution, and labels that are reshaped": (
        'layer { name: "score" type: "Convolution" bottom: "data" top: "s" '
        "convolution_param { num_output: 21 kernel_size: 1 } }"
        'layer { type: "Flatten" bottom: "label" top: "flat" }'
        'layer { type: "SoftmaxWithLoss" bottom: "s" bottom: "flat" }',
        Classifier("score", 21),
    ),
    "a layer that datacheck does not know": (
        'layer { type: "Python" bottom: "ip" top: "odd" }'
        'layer { type: "SoftmaxWithLoss" bottom: "odd" bottom: "label" }',
        Classifier("ip", 10),
    ),
    "a regression": ('layer { type: "EuclideanLoss" bottom: "ip" bottom: "label" }', None),
    "labels that nothing reads": ("", None),
}


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_the_classes_are_those_of_what_reaches_the_loss(name):
    layers, classifier = CLASSIFIERS[name]
    assert {it.classifier for it in of(DATA + IP + layers)} == {classifier}


def test_old_files_are_read_as_caffe_upgrades_them():
    (source,) = of("""
        layers { name: "d" type: DATA top: "data" top: "label"
          data_param { source: "db" batch_size: 8 scale: 0.5 crop_size: 7 mean_file: "mean" } }
        layers { name: "fc" type: INNER_PRODUCT bottom: "data" top: "fc" inner_product_param { num_output: 3 } }
        layers { name: "loss" type: SOFTMAX_LOSS bottom: "fc" bottom: "label" }
    """)
    assert (source.type, source.backend, source.phases) == ("Data", "leveldb", ("TRAIN", "TEST"))
    assert (source.transform.scale, source.transform.crop_size, source.transform.mean_file) == (0.5, 7, "mean")
    assert source.classifier == Classifier("fc", 3)


def test_the_label_of_hdf5_is_the_top_that_reaches_the_loss():
    (source,) = of(
        'layer { name: "d" type: "HDF5Data" top: "kind" top: "data" hdf5_data_param { source: "l" batch_size: 4 } }'
        + IP + 'layer { type: "SoftmaxWithLoss" bottom: "ip" bottom: "kind" }'
    )  # fmt: skip
    assert (source.label, source.classifier) == ("kind", Classifier("ip", 10))


# --- the command


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A working directory with a network and its two databases, of which the second has a fault."""
    write_lmdb(tmp_path / "train", raw_records(200))
    write_lmdb(tmp_path / "test", raw_records(100) | {key(7): datum(pixels(7), 10)})
    (tmp_path / "net.prototxt").write_text(DATA + IP + LOSS)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments):
    return CliRunner().invoke(cli, ["scan", *map(str, arguments)], standalone_mode=False)


@pytest.mark.parametrize("arguments", [("--net", "net.prototxt"), ("net.prototxt",)])
def test_the_layers_of_a_network_have_a_report_each(home, arguments):
    before = fingerprint(home)
    done = run(*arguments, "--format", "json", "--workers", 1)
    assert fingerprint(home) == before
    document = json.loads(done.output)
    jsonschema.validate(document, schema())
    assert document["schema"] == "datacheck-reports/1"
    train, test = document["reports"]
    assert [it["layer"]["phases"] for it in (train, test)] == [["TRAIN"], ["TEST"]]
    assert (train["bad"], test["bad"], done.return_value) == (0, 1, 1)
    (finding,) = test["findings"]
    assert (finding["key"], finding["code"]) == ("00000007", "label")
    assert finding["details"]["caffe"].startswith("trains on in silence")
    assert train["balance"]["batch_size"] == 64


def test_a_phase_picks_the_layers(home):
    assert run("--net", "net.prototxt", "--phase", "train").return_value == 0
    assert [it.source.path for it in datacheck.scan_net("net.prototxt", phase="TEST")] == ["test"]
    with pytest.raises(datacheck.UsageError, match="phase is 'DEPLOY'"):
        datacheck.scan_net("net.prototxt", phase="DEPLOY")


def test_workers_change_nothing(home):
    def timeless(report):
        document = report.document()
        document.seconds, document.started = 0, ""
        document.settings = msgspec.structs.replace(document.settings, workers=0)
        return document

    one, two = (datacheck.scan_net("net.prototxt", workers=workers) for workers in (1, 2))
    assert [timeless(it) for it in one] == [timeless(it) for it in two]
    assert one[1].bad == 1


def test_names_are_looked_for_from_the_root_and_then_beside_the_prototxt(home, monkeypatch, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    monkeypatch.chdir(elsewhere)
    (report,) = datacheck.scan_net(home / "net.prototxt", phase="TRAIN")
    assert (report.status, report.layer.beside, report.checked) == (0, True, 200)
    (report,) = datacheck.scan_net(home / "net.prototxt", phase="TRAIN", root=home)
    assert (report.status, report.layer.beside) == (0, False)
    done = run("--net", home / "net.prototxt", "--phase", "TRAIN")
    assert "found beside the prototxt" in done.output
    with pytest.raises(datacheck.UsageError, match="is not a directory"):
        datacheck.scan_net(home / "net.prototxt", root=home / "nowhere")


def test_options_go_before_what_the_network_says(home):
    (report,) = datacheck.scan_net("net.prototxt", phase="TEST", labels=11, batch_size=5, skip=["constant"])
    assert (report.bad, report.balance.batch_size, report.balance.classes) == (0, 5, 11)
    (report,) = datacheck.scan_net("net.prototxt", phase="TEST", skip=["label"])
    assert report.bad == 0


@dataclass(frozen=True)
class Dark:
    """A validator that reports pictures with a mean below 100."""

    def __call__(self, batch):
        if batch.field == "data":
            for at in range(len(batch.rows)):
                if batch.values[at].mean() < 100:
                    yield at, datacheck.found("constant", "dark", field="data")


def test_checks_of_your_own_are_run_too(home):
    write_lmdb(home / "dark", raw_records(50) | {key(7): datum(pixels(7) // 4, 7)})
    (home / "net.prototxt").write_text((DATA + IP + LOSS).replace('"train"', '"dark"'))
    (report,) = datacheck.scan_net("net.prototxt", phase="TRAIN", validators=[Dark()])
    (finding,) = report.findings
    assert (finding.key, finding.message) == ("00000007", "dark")
    assert finding.details["caffe"].startswith("trains on in silence")


def test_several_networks_and_stores_go_into_one_document(home):
    done = run("train", "--net", "net.prototxt", "--format", "json")
    reports = json.loads(done.output)["reports"]
    assert [(it["source"]["path"], "layer" in it) for it in reports] == [
        ("train", True), ("test", True), ("train", False),
    ]  # fmt: skip


def test_a_clean_copy_rests_on_the_report_of_the_network(home):
    done = run("--net", "net.prototxt", "--report", "r.json", "--workers", 1)
    options = "--labels 0:9 --label-field label --decoder datum --from-report r.json"
    copy = f"a clean copy: datacheck rebuild test test_clean --drop-bad {options}\n"
    assert done.stdout.endswith(f"{copy}2 sources: 1 clean, 1 NOT CLEAN; 300 records checked: 1 bad\n")
    receipt = datacheck.rebuild("test", "test_clean", drop_bad=True, from_report="r.json")
    assert (receipt.kept, receipt.dropped) == (99, 1)
    (home / "net.prototxt").write_text((DATA + IP + LOSS).replace('"test"', '"test_clean"'))
    assert run("--net", "net.prototxt", "--workers", 1).return_value == 0


GARBAGE = {
    "binary": (b"\x00\x01\x02\xff" * 100, "is binary, not a prototxt"),
    "empty": (b"", "is an empty file"),
    "a log": (b"I1125 10:00:00.000000 1 solver.cpp:239] Iteration 0, loss = 1\n", "is a log, not a prototxt"),
    "prose": (b"Dear Caffe, please train.\n", "is not a prototxt"),
    "a broken one": (b'layer { name: "data" type: }\n', "expected a value, found '}'"),
    "a solver": (
        b'net: "net.prototxt"\nbase_lr: 0.1\nlr_policy: "fixed"\n',
        "is a solver, and its network net.prototxt is not there",
    ),
    "one that reads nothing": (
        b'layer { name: "relu" type: "ReLU" bottom: "a" top: "a" }\n',
        "has no layer that reads data",
    ),
}


@pytest.mark.parametrize("name", GARBAGE)
def test_what_is_no_network_is_refused_in_one_sentence(tmp_path, name):
    content, words = GARBAGE[name]
    path = tmp_path / "it.prototxt"
    path.write_bytes(content)
    for arguments in (("--net", path), (path,)):
        done = run(*arguments)
        assert (done.return_value, done.stdout) == (2, "")
        assert words in done.stderr
        assert done.stderr.count("\n") == 1
    with pytest.raises(datacheck.SourceUnknown):
        datacheck.scan_net(path)


def test_what_is_neither_store_nor_network_is_called_no_store(tmp_path):
    (tmp_path / "it").write_text("hello")
    for arguments, words in (
        ([tmp_path / "it"], "is not an LMDB, LevelDB or HDF5 store"),
        (["--net", tmp_path / "nowhere"], "there is nothing at this path"),
    ):
        done = run(*arguments)
        assert (done.return_value, done.stdout) == (2, "")
        assert words in done.stderr


def test_a_layer_that_datacheck_does_not_read_is_said(tmp_path):
    path = tmp_path / "net.prototxt"
    path.write_text(
        'layer { name: "w" type: "WindowData" top: "d" top: "l" window_data_param { source: "w.txt" batch_size: 2 } }'
    )
    (report,) = datacheck.scan_net(path)
    assert [(it.code, it.verdict) for it in report.findings] == [("unsupported", "unverifiable")]
    assert report.status == 3


# --- stores that Caffe wrote

HEALTHY = {
    "lmdb-caffe-raw": 'mean_file: "mean-40x40.binaryproto" crop_size: 32 scale: 0.00390625',
    "leveldb-caffe-raw": 'mean_file: "mean-40x40.binaryproto"',
    "lmdb-caffe-encoded": "mean_value: 104 mean_value: 117 mean_value: 123 crop_size: 57",
    "leveldb-caffe-encoded": "mean_value: 128 force_color: true",
    "lmdb-caffe-encoded-original": "crop_size: 32",
    "lmdb-caffe-fashion": "scale: 0.00390625",
    "leveldb-mnist-test": "scale: 0.00390625",
}


@pytest.mark.skipif(not REAL.is_dir(), reason="the folder of real stores is not here")
@pytest.mark.parametrize("name", HEALTHY)
def test_what_caffe_wrote_and_trained_on_is_clean(tmp_path, name):
    backend = name.partition("-")[0].upper()
    path = tmp_path / "net.prototxt"
    path.write_text(
        f'layer {{ name: "d" type: "Data" top: "data" top: "label" transform_param {{ {HEALTHY[name]} }} '
        f'data_param {{ source: "{name}" backend: {backend} batch_size: 10 }} }}' + IP + LOSS
    )
    before = fingerprint(REAL / name)
    (report,) = datacheck.scan_net(path, root=REAL)
    assert (report.status, len(report.findings)) == (0, 0)
    assert report.balance.classes == 10
    assert fingerprint(REAL / name) == before


@pytest.mark.skipif(not REAL.is_dir(), reason="the folder of real stores is not here")
def test_pictures_of_several_sizes_need_a_crop(tmp_path):
    path = tmp_path / "net.prototxt"
    path.write_text(DATA.replace("train", "lmdb-caffe-encoded-original") + IP + LOSS)
    (report,) = datacheck.scan_net(path, root=REAL, phase="TRAIN")
    assert report.counts.keys() == {"shape"}


@pytest.mark.skipif(not REAL.is_dir(), reason="the folder of real stores is not here")
def test_the_hdf5_files_of_caffe_are_clean(tmp_path):
    (tmp_path / "list.txt").write_text("hdf5-caffe/sample_data.h5\nhdf5-caffe/sample_data_2_gzip.h5\n")
    path = tmp_path / "net.prototxt"
    path.write_text(
        'layer { name: "d" type: "HDF5Data" top: "data" top: "label" '
        'hdf5_data_param { source: "list.txt" batch_size: 5 } }'
    )
    (report,) = datacheck.scan_net(path, root=REAL)
    assert (report.status, report.checked, len(report.findings)) == (0, 20, 0)
