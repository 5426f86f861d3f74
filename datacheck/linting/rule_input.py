"""What a lint rule is given to judge, and what it says: a solver, or a layer of a network in one phase."""

from __future__ import annotations

import difflib
import math
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from datacheck.caffe.forks import Forks
from datacheck.caffe.initial_weights import partly_frozen, zeros_before_others
from datacheck.caffe.layers import LAYER_TYPES, is_loss
from datacheck.caffe.network import Layer, State
from datacheck.caffe.parameters import Owner, learned_bottoms, owners
from datacheck.caffe.prototxt import Prototxt
from datacheck.caffe.ranges import Interval
from datacheck.caffe.rates import Schedule
from datacheck.caffe.shapes import Place
from datacheck.files.regular import irregular, is_regular
from datacheck.model.codes import Verdict


@dataclass(frozen=True)
class Problem:
    """One thing wrong: its code, what it is, the path of the field it lies in, and what to do about it.

    Within a layer the path begins in the layer. The verdict is that of the code where it is None. `forks` are those for
    which it is no problem at all.
    """

    code: str
    message: str
    path: str = ""
    fix: str = ""
    verdict: Verdict | None = None
    forks: Forks = ()


@dataclass(frozen=True)
class Folders:
    """Where the files that a prototxt names are looked for: Caffe takes them from the folder it is started in."""

    root: Path | None
    beside: Path

    @property
    def places(self) -> list[Path]:
        """The folders to look in, in their order; none if the root is no folder, which would else go unnoticed."""
        if self.root is not None and not self.root.is_dir():
            return []
        return [Path() if self.root is None else self.root, self.beside]

    def folder(self, name: str) -> bool:
        """Return whether there is such a folder."""
        return any((place / name).is_dir() for place in self.places)

    def find(self, name: str) -> Path | None:
        """Return the file, in `root` (else in the working directory), or beside the prototxt; None if there is none.

        What is no file, but a pipe, is returned if there is nothing else: reading it says so.
        """
        files = [place / name for place in self.places]
        special = next((file for file in files if irregular(file)), None)
        return next((file for file in files if is_regular(file)), special)


@dataclass(frozen=True)
class SolverCase:
    """A solver: its SolverParameter, the schedule of its learning rate, and how many iterations the run has."""

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
    """A network in one phase: its layers with their shapes, and the intervals of their bottoms' values.

    `labels` are the least and greatest label, where they are known. `finetuned` says that the weights come from a
    file, `trained` that a solver trains it.
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
        """The paths of the layers that have fields or values of a fork."""
        return frozenset(it.path.partition(".")[0] for it in self.prototxt.unknown)

    @cached_property
    def owners(self) -> dict[str, Owner]:
        """The first layer that has each named param."""
        return owners(self.places)

    @cached_property
    def partly_frozen(self) -> bool:
        """Whether some layers are frozen beside others that learn, as in fine-tuning."""
        return partly_frozen(self.places)

    @cached_property
    def zeros_before_others(self) -> list[int]:
        """The numbers of the layers that begin as zeros and lie before others with weights."""
        return zeros_before_others(self.places)

    @cached_property
    def learned_bottoms(self) -> set[tuple[int, int]]:
        """Where a gradient would go into a bottom that takes none: layer and bottom."""
        return learned_bottoms(self.places)

    @cached_property
    def keeping_statistics(self) -> list[int]:
        """The numbers of the BatchNorm layers with use_global_stats."""
        layers = enumerate(place.layer for place in self.places)
        return [at for at, it in layers if it.type == "BatchNorm" and it.message.batch_norm_param.use_global_stats]

    @cached_property
    def training(self) -> bool:
        """Whether this is what a solver trains: there is a loss in the training phase."""
        return self.state.phase == "TRAIN" and any(
            is_loss(place.layer.type, list(place.layer.message.loss_weight)) for place in self.places
        )

    def cases(self) -> Iterator[LayerCase]:
        """Yield the layers one by one; `producers` of each is true only until the next is asked for."""
        producers: dict[str, Layer] = {}
        for number, place in enumerate(self.places):
            yield LayerCase(self, number, place, producers)
            for name in place.layer.tops:
                producers[name] = place.layer


@dataclass(frozen=True)
class LayerCase:
    """A layer of a network; `producers` has, by the name of each blob, the layer that made it last before this one."""

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
        """Whether the layer has fields or values of a fork, which may change what it does."""
        return self.layer.path in self.net.unsure

    @property
    def interval(self) -> Interval | None:
        """What the values of the first bottom may be."""
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
    """Return a number as a prototxt has it."""
    return f"{value:g}"


def nearest(word: str, words: Iterable[str]) -> str | None:
    """Return the word that was most likely meant; None if none is near."""
    lower = {it.lower(): it for it in words}
    found = difflib.get_close_matches(word.lower(), lower, 1, cutoff=0.7)
    return lower[found[0]] if found else None


@dataclass
class Hints:
    """Looks for what was meant, a bounded number of times: each look goes through all the names."""

    left: int = 100

    def nearest(self, word: str, words: Collection[str]) -> str | None:
        """Return what `nearest` does, or None once there have been enough."""
        self.left -= 1
        return nearest(word, words) if self.left >= 0 and len(words) <= MOST_NAMES else None


MOST_NAMES = 5000
