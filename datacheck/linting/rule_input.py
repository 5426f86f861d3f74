"""The inputs of lint rules (a solver, or a layer of a network in one phase), and the problems that they yield."""

from __future__ import annotations

import difflib
import math
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from datacheck.caffe.forks import Forks, forks_of_type
from datacheck.caffe.gradients import Cause, refused_gradients
from datacheck.caffe.initial_weights import partly_frozen, zeros_before_others
from datacheck.caffe.layers import LAYER_TYPES, is_loss
from datacheck.caffe.network import Layer, State
from datacheck.caffe.parameters import Owner, owners
from datacheck.caffe.prototxt import Prototxt
from datacheck.caffe.ranges import Interval
from datacheck.caffe.rates import Schedule
from datacheck.caffe.shapes import Place
from datacheck.files.regular import irregular, is_regular
from datacheck.model.codes import Verdict


@dataclass(frozen=True)
class Problem:
    """A problem that a rule found: its code, a message, the path of the field at fault, and the fix.

    The path of a problem in a layer is relative to the layer. If `verdict` is None, it is the verdict of the code.
    `forks` are the forks in which this is not a problem.
    """

    code: str
    message: str
    path: str = ""
    fix: str = ""
    verdict: Verdict | None = None
    forks: Forks = ()


@dataclass(frozen=True)
class Folders:
    """The folders in which files named by a prototxt are searched; Caffe uses the folder that it is started in."""

    root: Path | None
    beside: Path

    @property
    def places(self) -> list[Path]:
        """The folders to search, in order; none if `root` is not a folder, so that a wrong root is noticed."""
        if self.root is not None and not self.root.is_dir():
            return []
        return [Path() if self.root is None else self.root, self.beside]

    def has_folder(self, name: str) -> bool:
        """Return whether the folder `name` exists in one of the places."""
        return any((folder / name).is_dir() for folder in self.places)

    def database(self, name: str) -> Path | None:
        """Return the folder of a database in the first place that has it, or None."""
        if not name or "\0" in name:
            return None
        return next((folder / name for folder in self.places if (folder / name).is_dir()), None)

    def root_with(self, name: str) -> Path | None:
        """Return the nearest folder above the prototxt in which there is a file `name`, or None."""
        above = () if Path(name).is_absolute() else self.beside.resolve().parents
        return next((it for it in above if is_regular(it / name)), None)

    def find(self, name: str) -> Path | None:
        """Return the file in `root` (or the working directory, if not set), else beside the prototxt, or None.

        If there is no regular file, but a special one such as a pipe, that is returned; reading it raises an error.
        """
        files = [folder / name for folder in self.places]
        special = next((file for file in files if irregular(file)), None)
        return next((file for file in files if is_regular(file)), special)


@dataclass(frozen=True)
class SolverCase:
    """A solver: its prototxt, the schedule of its learning rate, and the number of iterations of the run."""

    prototxt: Prototxt
    schedule: Schedule
    iterations: int
    folders: Folders

    @property
    def solver(self) -> Any:
        return self.prototxt.message

    def has(self, name: str) -> bool:
        return bool(self.solver.HasField(name))


@dataclass(frozen=True)
class NetCase:
    """A network in one state: its layers with their shapes, and the intervals of their bottoms' values.

    `labels` are the lowest and highest label, or None if unknown. `finetuned` is True if the initial weights come from
    a file, `trained` if the network belongs to a solver.
    """

    prototxt: Prototxt
    state: State
    places: Sequence[Place]
    ranges: Sequence[Sequence[Interval | None]]
    folders: Folders
    labels: tuple[int, int] | None = None
    finetuned: bool = False
    trained: bool = False
    hints: Hints = field(default_factory=lambda: Hints())

    @cached_property
    def unsure(self) -> frozenset[str]:
        """The paths of the layers with unknown fields or values, as forks have them."""
        return frozenset(it.path.partition(".")[0] for it in self.prototxt.unknown)

    @cached_property
    def unknown_types(self) -> frozenset[str]:
        """Layer types that neither BVLC Caffe nor a known fork has, and that are not spelled like one of Caffe's.

        Such a network is for a fork that is not known, whose versions of Caffe's layers may take more bottoms and tops.
        """
        known = {it.lower() for it in LAYER_TYPES}
        kinds = {place.layer.type for place in self.places if not place.layer.old}
        return frozenset(it for it in kinds if it and it.lower() not in known and not forks_of_type(it))

    @cached_property
    def owners(self) -> dict[str, Owner]:
        """The owner of each named param, that is, the first layer that has it."""
        return owners(self.places)

    @cached_property
    def partly_frozen(self) -> bool:
        """Whether some layers are frozen while others learn, as in fine-tuning."""
        return partly_frozen(self.places)

    @cached_property
    def zeros_before_others(self) -> list[int]:
        """The numbers of the layers with all-zero initial weights in front of other layers with weights."""
        return zeros_before_others(self.places)

    @cached_property
    def refused_gradients(self) -> dict[tuple[int, int], Cause]:
        """The numbers of layer and bottom for each bottom that accepts no gradient but would get one, and why it would.

        A network without a loss is not trained, so its force_backward has no effect.
        """
        forced = self.training and bool(self.prototxt.message.force_backward)
        return refused_gradients(self.places, forced=forced)

    @cached_property
    def keeping_statistics(self) -> list[int]:
        """The numbers of the BatchNorm layers with use_global_stats."""
        layers = enumerate(place.layer for place in self.places)
        return [
            index for index, it in layers if it.type == "BatchNorm" and it.message.batch_norm_param.use_global_stats
        ]

    @cached_property
    def training(self) -> bool:
        """Whether the network can be trained in this state: it is the training phase and there is a loss."""
        return self.state.phase == "TRAIN" and any(
            is_loss(place.layer.type, list(place.layer.message.loss_weight)) for place in self.places
        )

    def cases(self) -> Iterator[LayerCase]:
        """Yield the layers one by one; the `producers` of each are valid only until the next is requested."""
        producers: dict[str, Layer] = {}
        for number, place in enumerate(self.places):
            yield LayerCase(self, number, place, producers)
            for name in place.layer.tops:
                producers[name] = place.layer


@dataclass(frozen=True)
class LayerCase:
    """A layer of a network; `producers` maps each blob's name to the last layer before this one that made it."""

    net: NetCase
    number: int
    place: Place
    producers: dict[str, Layer]

    @property
    def layer(self) -> Layer:
        return self.place.layer

    @property
    def message(self) -> Any:
        return self.place.layer.message

    @property
    def known(self) -> bool:
        return self.layer.type in LAYER_TYPES

    @property
    def unsure(self) -> bool:
        """Whether the layer has unknown fields or values, as forks have them, which may change what it does."""
        return self.layer.path in self.net.unsure

    @property
    def interval(self) -> Interval | None:
        """The interval of the values of the first bottom, or None if unknown."""
        bottoms = self.net.ranges[self.number]
        return bottoms[0] if bottoms else None


def not_finite(message: Any, prefix: str = "") -> Iterator[tuple[str, float]]:
    """Yield the path and value of every floating-point field of a message that is NaN or infinite."""
    for descriptor, value in message.ListFields():
        path = f"{prefix}{descriptor.name}"
        if descriptor.cpp_type == descriptor.CPPTYPE_MESSAGE:
            if hasattr(value, "ListFields"):
                yield from not_finite(value, f"{path}.")
            else:
                for number, item in enumerate(value):
                    yield from not_finite(item, f"{path}[{number}].")
        elif descriptor.cpp_type in (descriptor.CPPTYPE_FLOAT, descriptor.CPPTYPE_DOUBLE):
            if isinstance(value, float):
                if not math.isfinite(value):
                    yield path, value
            else:
                yield from ((f"{path}[{number}]", item) for number, item in enumerate(value) if not math.isfinite(item))


def number(value: float) -> str:
    """Return a number as a prototxt spells it."""
    return f"{value:g}"


def nearest(word: str, words: Iterable[str]) -> str | None:
    """Return the word that was most likely meant, ignoring case, or None if none is similar."""
    lower = {it.lower(): it for it in words}
    matches = difflib.get_close_matches(word.lower(), lower, 1, cutoff=0.7)
    return lower[matches[0]] if matches else None


@dataclass
class Hints:
    """A search for similar names, limited to `left` calls because each call goes through all the names."""

    left: int = 100

    def nearest(self, word: str, words: Collection[str]) -> str | None:
        """Return the nearest word, or None if none is similar, no calls are left, or there are too many words."""
        self.left -= 1
        return nearest(word, words) if self.left >= 0 and len(words) <= MOST_NAMES else None


MOST_NAMES = 5000
