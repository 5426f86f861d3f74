"""Decoders of sound and video, which walk the containers and yield findings but no fields."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from datacheck.decoders.interface import Reading, Value
from datacheck.decoders.media import sound, video
from datacheck.decoders.one_by_one import decode_each
from datacheck.model.batch import Batch
from datacheck.model.blocks import Block
from datacheck.model.finding import Finding
from datacheck.model.profile import FamilyProfile

Walk = Callable[[Value], list[Finding]]
WALKS: dict[str, tuple[Callable[[Value], bool], Walk]] = {
    "wav": (sound.is_wav, sound.walk_wav),
    "flac": (sound.is_flac, sound.walk_flac),
    "ogg": (sound.is_ogg, sound.walk_ogg),
    "mp4": (video.is_mp4, video.walk_mp4),
    "mkv": (video.is_matroska, video.walk_matroska),
}
"""Functions that recognise and that walk each container, by its name."""


def media_kind(value: Value) -> str | None:
    """Return the name of the container that a value begins like, or None."""
    return next((name for name, (knows, _) in WALKS.items() if knows(value)), None)


class MediaDecoder:
    """Walks a container from its first byte to its last; a sound one yields neither findings nor fields."""

    name: str

    def knows(self, value: Value) -> bool:
        return WALKS[self.name][0](value)

    def decode(
        self, block: Block, rows: Sequence[int], profile: FamilyProfile | None, *, pixels: bool = True
    ) -> Iterator[Batch | tuple[int, Finding]]:
        return decode_each(self.read, block, rows, profile)

    def read(self, value: Value, profile: FamilyProfile | None) -> Reading:
        """Return the findings of one file."""
        return Reading(findings=WALKS[self.name][1](value))


class WavDecoder(MediaDecoder):
    """Walks wav files."""

    name = "wav"


class FlacDecoder(MediaDecoder):
    """Walks FLAC files."""

    name = "flac"


class OggDecoder(MediaDecoder):
    """Walks Ogg files: Vorbis, Opus, Theora."""

    name = "ogg"


class Mp4Decoder(MediaDecoder):
    """Walks mp4 and QuickTime files."""

    name = "mp4"


class MkvDecoder(MediaDecoder):
    """Walks Matroska and WebM files."""

    name = "mkv"
