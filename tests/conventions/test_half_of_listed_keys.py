"""A number that is half that of the keys in a list may count samples of two keys each."""

import hashlib
import json

import lmdb
import numpy as np

import datacheck


def test_a_number_of_samples_of_two_keys_each_is_sound(tmp_path):
    names = [hashlib.md5(b"%d" % it, usedforsecurity=False).hexdigest() for it in range(60)]
    values = {f"{it}_x": np.random.default_rng(at).random(8).tobytes() for at, it in enumerate(names)}
    values |= {f"{it}_y": np.random.default_rng(at).random(8).tobytes() for at, it in enumerate(names)}
    lists = {"train_keys": [f"{it}_{part}" for it in names[:40] for part in "xy"]}
    lists["val_keys"] = [f"{it}_{part}" for it in names[40:] for part in "xy"]
    with lmdb.open(str(tmp_path / "env"), map_size=1 << 24) as env, env.begin(write=True) as transaction:
        for key, value in values.items():
            transaction.put(key.encode(), value)
        for key, listed in lists.items():
            transaction.put(key.encode(), json.dumps(listed).encode())
        transaction.put(b"num_train", b"40")
        transaction.put(b"num_val", b"25")
    findings = datacheck.scan(tmp_path / "env", array=["f8:8"]).findings
    assert [(it.code, it.details["said"]) for it in findings] == [("count", 25)]
