"""What the keys of frames say: the clip that a frame belongs to, and how many clips there are."""

from __future__ import annotations

import msgspec


class FrameKind(msgspec.Struct, frozen=True):
    """A kind of frames: the parts of a key between a clip's name and a frame's number, and after the number."""

    between: bytes
    after: bytes

    def clip(self, key: bytes) -> bytes | None:
        """Return the name of the clip that a frame belongs to, or None if the key is not of this kind."""
        if not key.endswith(self.after):
            return None
        stem = key[: len(key) - len(self.after)].rstrip(b"0123456789")
        numbered = len(stem) + len(self.after) < len(key)
        return stem[: len(stem) - len(self.between)] or None if numbered and stem.endswith(self.between) else None


class ClipNames(msgspec.Struct, frozen=True):
    """How many `clips` the sampled keys of frames name, by each way to read their names; there are `keys`."""

    clips: frozenset[int]
    keys: int
