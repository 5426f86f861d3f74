"""Build minimal audio and video files, with random bytes in place of real samples."""

import io
import struct
import wave
import zlib

import numpy as np

from datacheck.decoders.media.crc import Crc, crc32_from_the_top


def noise(seed, size):
    return np.random.default_rng(seed).bytes(size)


def wav(seed=0, frames=50, channels=2, width=2):
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setparams((channels, width, 8000, frames, "NONE", ""))
        out.writeframes(noise(seed, frames * channels * width))
    return file.getvalue()


def flac(seed=0, frames=4, payload=300, samples=None):
    """Return STREAMINFO and frames of 192 samples; the frames hold random bytes, but their checksums are right."""
    samples = frames * 192 if samples is None else samples
    info = struct.pack(">HH6s", 192, 192, bytes(6)) + ((8000 << 44) | (1 << 41) | (15 << 36) | samples).to_bytes(
        8, "big"
    )
    made = b"fLaC" + b"\0\0\0\x22" + info + bytes(16) + b"\x84\0\0\x05" + b"hello"
    for at in range(frames):
        head = b"\xff\xf8\x14\x08" + bytes([at])
        frame = head + bytes([Crc(0x07, 8).checksum(head)]) + noise((seed, at), payload)
        made += frame + Crc(0x8005, 16).checksum(frame).to_bytes(2, "big")
    return made


def ogg(seed=0, pages=4, serial=7, size=400):
    made = b""
    for at in range(pages):
        data = noise((seed, at), size)
        table = bytes([255] * (size // 255) + [size % 255])
        flags = (2 if at == 0 else 0) | (4 if at == pages - 1 else 0)
        head = b"OggS\0" + bytes([flags]) + struct.pack("<QII", at * 100, serial, at)
        rest = bytes([len(table)]) + table + data
        made += head + struct.pack("<I", crc32_from_the_top(head + bytes(4) + rest)) + rest
    return made


def box(name, *parts):
    content = b"".join(parts)
    return struct.pack(">I", 8 + len(content)) + name + content


def mp4(seed=0, brand=b"isom", offsets=(40,), size=500):
    chunks = box(b"stco", struct.pack(f">II{len(offsets)}I", 0, len(offsets), *offsets))
    track = box(b"trak", box(b"tkhd", bytes(84)), box(b"mdia", box(b"minf", box(b"stbl", chunks))))
    return (
        box(b"ftyp", brand, bytes(4), b"isommp41")
        + box(b"mdat", noise(seed, size))
        + box(b"moov", box(b"mvhd", bytes(100)), track)
    )


def element(identity, *parts, unknown=False):
    content = b"".join(parts)
    size = b"\x01" + b"\xff" * 7 if unknown else (len(content) | 1 << 28).to_bytes(4, "big")
    return bytes.fromhex(identity) + size + content


def mkv(seed=0, unknown=False, checked=False):
    info = element("1549a966", element("2ad7b1", b"\x0f\x42\x40"))
    if checked:
        inside = element("2ad7b1", b"\x0f\x42\x40")
        info = element("1549a966", b"\xbf\x84" + zlib.crc32(inside).to_bytes(4, "little") + inside)
    tracks = element("1654ae6b", element("ae", element("d7", b"\1")))
    clusters = [
        element("1f43b675", element("e7", bytes([at])), element("a3", noise((seed, at), 200)), unknown=unknown)
        for at in range(3)
    ]
    head = element("1a45dfa3", element("4282", b"webm"))
    return head + element("18538067", info, element("ec", bytes(10)), tracks, *clusters, unknown=unknown)
