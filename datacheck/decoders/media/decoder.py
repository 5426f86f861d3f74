"""The decoders of sound and video: containers that are walked, without a field to show for it."""

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
"""How each container is known, and how it is walked."""


def media_kind(value: Value) -> str | None:
    """Return which container a value begins as, None for none."""
    return next((name for name, (knows, _) in WALKS.items() if knows(value)), None)


class MediaDecoder:
    """Walks a container from its first byte to its last; a sound one has no findings and no fields."""

    name: str

    def knows(self, value: Value) -> bool:
        return WALKS[self.name][0](value)

    def decode(
        self, block: Block, rows: Sequence[int], profile: FamilyProfile | None, *, pixels: bool = True
    ) -> Iterator[Batch | tuple[int, Finding]]:
        return decode_each(self.read, block, rows, profile)

    def read(self, value: Value, profile: FamilyProfile | None) -> Reading:
        """Walk one file."""
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
