"""Find out what must be known of a source before its records are checked, in a worker, which may die of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datacheck.backends.interface import Reader
from datacheck.engines import start_engine
from datacheck.model.finding import Finding
from datacheck.model.settings import Settings
from datacheck.scanning.retry import finding_of_death
from datacheck.scanning.tasks import Job, run_one
from datacheck.workers.interface import Death, MakeEngine, Watch


@dataclass(frozen=True)
class TopDataset:
    """The dataset of a top in one file: its shape and its type class as HDF5 calls it, or why it is missing."""

    shape: tuple[int, ...] = ()
    kind: str = ""
    missing: str | None = None


@dataclass(frozen=True)
class TakeTops:
    """A task that returns the dataset of each top in one file, or None if the file cannot be opened."""

    file: Path
    tops: tuple[str, ...]

    def run(self, job: Job, watch: Watch) -> list[TopDataset] | None:
        from datacheck.backends.hdf5.file import opened
        from datacheck.backends.hdf5.trouble import TROUBLE

        watch.timeout = job.settings.timeout
        watch.note(None)
        try:
            with opened(self.file) as it:
                return [_top_dataset(it.file, name) for name in self.tops]
        except TROUBLE:
            return None  # the scan's own findings say so


def _top_dataset(file: Any, name: str) -> TopDataset:
    """Return what `H5LTfind_dataset` and `H5LTget_dataset_info` would report."""
    from datacheck.backends.hdf5.library.library_failures import reason_of
    from datacheck.backends.hdf5.trouble import TROUBLE, require_of_data

    try:
        link = file.get(name, getlink=True)
        if link is None:
            return TopDataset(missing="there is no such dataset")
        if type(link).__name__ == "ExternalLink":
            return TopDataset(missing="it is a link to another file, which is not followed")
        dataset = file[name]
        if not hasattr(dataset, "dtype"):
            return TopDataset(missing="it is a group")
        return TopDataset(tuple(dataset.shape or ()), KINDS.get(dataset.dtype.kind, "H5T_COMPOUND"))
    except TROUBLE as exc:
        require_of_data(exc)
        return TopDataset(missing=f"it cannot be opened: {reason_of(exc)}")


KINDS = {
    "f": "H5T_FLOAT",
    "i": "H5T_INTEGER",
    "u": "H5T_INTEGER",
    "b": "H5T_ENUM",
    "S": "H5T_STRING",
    "O": "H5T_STRING",
    "c": "H5T_COMPOUND",
}


def probe_tops(
    reader: Reader,
    files: Sequence[Path],
    tops: tuple[str, ...],
    settings: Settings,
    engine: MakeEngine | None,
) -> tuple[list[list[TopDataset] | None], list[Finding]]:
    """Return the datasets of the tops for each file, and findings of what killed a worker.

    A file that cannot be opened has None in place of the datasets.
    """
    datasets: list[list[TopDataset] | None] = []
    findings = []
    with start_engine(Job(reader, settings), 1, engine) as pool:
        for file in files:
            result = run_one(pool, TakeTops(file, tops))
            if isinstance(result, Death):
                findings.append(finding_of_death(result, f"{file.name}: opening it", of_record=False))
                result = None
            datasets.append(result)
    return datasets, findings
