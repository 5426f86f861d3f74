"""A reader that delegates everything to another reader; test readers override the methods that should misbehave."""

from dataclasses import dataclass

from datacheck.backends.interface import Reader
from datacheck.model.blocks import ignore


@dataclass(frozen=True)
class Delegating:
    reader: Reader

    @property
    def backend(self):
        return self.reader.backend

    @property
    def path(self):
        return self.reader.path

    def layout(self):
        return self.reader.layout()

    def find(self, key):
        return self.reader.find(key)

    def name(self, shard, place, finding):
        return self.reader.name(shard, place, finding)

    def blocks(self, shard, *, limit=None, note=ignore):
        return self.reader.blocks(shard, limit=limit, note=note)
