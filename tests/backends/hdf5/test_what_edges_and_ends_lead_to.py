"""Tell edges between other things, windows, and ends in another dataset from numbers that lead nowhere."""

import h5py
import numpy as np
import pytest

from tests.commanding import datacheck

RANDOM = np.random.default_rng(7)


def _graphs(file, name, edges, nodes=8, count=8):
    for number in range(count):
        group = file.create_group(f"graph_{number}")
        group["x"] = RANDOM.normal(size=(nodes, 4)).astype("f4")
        group[name] = edges(number)


def _scan(path):
    return datacheck("scan", path, "--workers", 1)


@pytest.mark.parametrize("name", ["line_graph_edge_index", "edge_index_user_item"])
def test_edges_of_other_things_may_lead_beyond_the_nodes(tmp_path, name):
    """Of twelve bonds or items, a third has a number that no node has."""
    with h5py.File(tmp_path / "a.h5", "w") as file:
        _graphs(file, name, lambda _: np.stack([RANDOM.integers(0, 8, 30), RANDOM.permutation(30) % 12]))
    assert _scan(tmp_path / "a.h5").returncode == 0


@pytest.mark.parametrize(("name", "wrong"), [("line_graph_edge_index", 99), ("edge_index", 8), ("bond_edge_index", 8)])
def test_one_edge_beyond_the_nodes_is_a_fault(tmp_path, name, wrong):
    """One end that leads to the node after the last is no padding, of which both ends lead there."""

    def edges(number):
        made = RANDOM.integers(0, 8, (2, 30))
        made[0, :8] = range(8)
        made[1, 4] = wrong if number == 3 else 0
        return made

    with h5py.File(tmp_path / "a.h5", "w") as file:
        _graphs(file, name, edges)
    said = _scan(tmp_path / "a.h5")
    assert (said.returncode, f"/graph_3/{name} leads to the nodes {wrong}" in said.stdout) == (1, True)


@pytest.mark.parametrize(("count", "word"), [(1, "suspicious"), (8, "clean: nothing wrong")])
def test_missing_neighbours_may_be_padding(tmp_path, count, word):
    """An edge to the node after the last may be that to a neighbour that a node does not have."""

    def edges(_):
        made = np.stack([np.repeat(range(8), 5), np.tile(range(5), 8)])
        made[1, -1] = 8
        return made

    with h5py.File(tmp_path / "a.h5", "w") as file:
        _graphs(file, "edge_index", edges, count=count)
    said = _scan(tmp_path / "a.h5")
    assert (said.returncode, word in said.stdout) == (0, True)


def test_edges_of_padding_lead_to_the_node_after_the_last(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        _graphs(
            file, "edge_index", lambda _: np.pad(RANDOM.integers(0, 8, (2, 30)), ((0, 0), (0, 5)), constant_values=8)
        )
    assert _scan(tmp_path / "a.h5").returncode == 0


@pytest.mark.parametrize(("last", "status"), [(399, 0), (450, 1)])
def test_events_end_in_the_signal_beside_them(tmp_path, last, status):
    """`event_end_idx` holds a row of the signal for each of the events, which are fewer."""
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["events"] = RANDOM.normal(size=(40, 16)).astype("f4")
        file["signal"] = RANDOM.normal(size=(400, 3)).astype("f4")
        file["event_start_idx"] = np.arange(40) * 10
        file["event_end_idx"] = [*(np.arange(39) * 10 + 9), last]
    said = _scan(tmp_path / "a.h5")
    assert (said.returncode, "/event_end_idx[39] leads to row 450" in said.stdout) == (status, status == 1)


@pytest.mark.parametrize(("step", "verdict"), [(8, "suspicious"), (16, "bad")])
def test_overlapping_windows_may_be_padded(tmp_path, step, verdict):
    """The last window of a signal may end behind it; parts that adjoin may not."""
    starts = np.arange(0, 100, step)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["frames"] = RANDOM.integers(0, 255, (100, 16, 16, 3)).astype("u1")
        file["frame_start_idx"], file["frame_end_idx"] = starts, starts + 16
    assert f"dangling ({verdict})" in _scan(tmp_path / "a.h5").stdout


@pytest.mark.parametrize(("column", "status"), [("image_id", 0), ("caption_length", 1)])
def test_a_number_for_each_may_be_the_largest(tmp_path, column, status):
    """If a column says which picture each caption is of, `captions_per_image` is that of the most."""
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.attrs["captions_per_image"] = 5
        file["images"] = RANDOM.integers(0, 255, (20, 3, 16, 16)).astype("u1")
        file["captions"] = RANDOM.integers(1, 99, (96, 20))
        file[column] = np.sort(RANDOM.integers(1, 20, 96))
    assert _scan(tmp_path / "a.h5").returncode == status


@pytest.mark.parametrize(("adjoining", "status"), [(False, 0), (True, 1)])
def test_clips_may_be_places_in_videos(tmp_path, adjoining, status):
    """Ends mostly beyond the rows are those of something else, unless the ranges adjoin and the rows are cut off."""
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["videos"] = RANDOM.normal(size=(30, 100, 16)).astype("f4")
        file["clips"] = RANDOM.normal(size=(30 if adjoining else 12, 8)).astype("f4")
        file["clip_start_idx"] = np.arange(40) * 5 if adjoining else RANDOM.integers(0, 40, 30)
        file["clip_end_idx"] = np.arange(40) * 5 + 5 if adjoining else RANDOM.integers(60, 100, 30)
    assert _scan(tmp_path / "a.h5").returncode == status


@pytest.mark.parametrize(("name", "verdict"), [("n_samples_total", "suspicious"), ("n_samples", "bad")])
def test_a_total_may_count_the_samples_of_other_folders(tmp_path, name, verdict):
    for part in range(3):
        with h5py.File(tmp_path / f"part_{part}.h5", "w") as file:
            file.attrs[name] = 65
            for number in range(20):
                file[f"sample_{part * 20 + number}/x"] = RANDOM.normal(size=(16, 8)).astype("f4")
    assert f"count ({verdict})" in _scan(tmp_path).stdout


@pytest.mark.parametrize("beyond", [1, 6, 15, 16])
def test_starts_are_of_something_else_if_most_of_their_ends_are(tmp_path, beyond):
    """Clips begin early in long videos, so fewer of the starts than of the ends lie beyond the rows."""
    starts = np.where(np.arange(30) < beyond, 24, 3)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["clips"] = RANDOM.normal(size=(12, 8)).astype("f4")
        file["clip_start_idx"], file["clip_end_idx"] = starts, np.arange(30) + 60
    assert _scan(tmp_path / "a.h5").returncode == 0
