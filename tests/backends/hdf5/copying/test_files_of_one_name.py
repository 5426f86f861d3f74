"""Episodes in folders of their own, whose files have one name, each with a text about it (DROID)."""

import json

import h5py
import numpy as np
from commanding import datacheck


def episodes(folder, nan):
    for at in range(5):
        (folder / f"Mon_{at}").mkdir(parents=True)
        with h5py.File(folder / f"Mon_{at}" / "trajectory_im128.h5", "w") as file:
            actions = np.random.default_rng(at).normal(size=(30 + at, 7))
            actions[4, 2] = np.nan if at == nan else 0
            file["action/joint_position"], file["observation/joint_position"] = actions, actions[:, ::-1].round(3)
            file["observation/joint_position"][4] = 0.5
        text = {"success": True, "hdf5_path": "trajectory_im128.h5"}
        (folder / f"Mon_{at}" / f"metadata_{at}.json").write_text(json.dumps(text))
    return folder


def test_only_the_text_beside_the_dropped_file_names_it(tmp_path):
    done = datacheck("rebuild", episodes(tmp_path / "a", nan=1), tmp_path / "b", "--drop-bad")
    assert done.returncode == 2
    assert [at for at in range(5) if f"metadata_{at}.json" in done.stderr] == [1]
