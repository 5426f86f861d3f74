"""Tables beside HDF5 files that name each trace, as STEAD and SeisBench have them."""

import h5py
import numpy as np
import pytest
from hdf5_walks import forget_walks

from datacheck import open_store

COUNT = 20
NAMES = [f"B{at:03}.TA_2006_EV" for at in range(COUNT)]


def stead(folder, names=NAMES, quoted="a"):
    with h5py.File(folder / "merge.hdf5", "w") as file:
        for at, name in enumerate(NAMES):
            file[f"data/{name}"] = np.random.default_rng(at).normal(size=(60, 3)).astype("f4")
    lines = [f'2,"{quoted}, {at}",{name},{at}' for at, name in enumerate(names)]
    (folder / "merge.csv").write_text("\n".join(["snr,place,trace_name,magnitude", *lines, ""]))
    return folder


def seisbench(folder, rows=6, buckets=3):
    with h5py.File(folder / "waveforms.hdf5", "w") as file:
        file["data_format/component_order"] = "ZNE"
        for at in range(buckets):
            file[f"data/bucket{at}"] = np.random.default_rng(at).normal(size=(rows, 3, 40 + at)).astype("f4")
    lines = [f'{at},"bucket{at // 6}${at % 6},:3,:{40 + at // 6}",100' for at in range(18)]
    (folder / "metadata.csv").write_text("\n".join(["index,trace_name,rate", *lines, ""]))
    return folder


def told(path):
    forget_walks()
    return [(it.code, it.verdict, it.details["missing"]) for it in open_store(path).layout().findings]


@pytest.mark.parametrize("whole", [True, False])
def test_a_trace_that_a_table_names_has_to_be_there(tmp_path, whole):
    stead(tmp_path, [*NAMES, "B999.TA_2006_EV"])
    assert told(tmp_path if whole else tmp_path / "merge.hdf5") == [("missing", "suspicious", ["B999.TA_2006_EV"])]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"quoted": "a town\nin two lines"},
        {"names": NAMES[:-3]},
        {"names": [*NAMES, *(f"C{at}" for at in range(9))]},
        {"names": [str(at) for at in range(COUNT)]},
        {"names": []},
    ],
)
def test_other_tables_may_name_anything(tmp_path, options):
    assert told(stead(tmp_path, **options)) == []


@pytest.mark.parametrize(("rows", "buckets", "missing"), [(6, 3, 0), (5, 3, 3), (6, 2, 5)])
def test_a_row_of_a_bucket_has_to_be_there(tmp_path, rows, buckets, missing):
    findings = told(seisbench(tmp_path, rows, buckets))
    assert [(code, verdict, len(names)) for code, verdict, names in findings] == [("missing", "bad", missing)] * (
        missing > 0
    )
