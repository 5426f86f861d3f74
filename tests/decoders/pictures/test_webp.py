"""Test damage in WebP files that the decoder ignores, because it reaches the last pixel before the data ends."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from datacheck.decoders.pictures import pillow, webp
from datacheck.decoders.pictures.decoder import read_picture


def drawn(width=96, height=80, channels=3, seed=0):
    chance = np.random.default_rng(seed)
    rough = Image.fromarray(chance.integers(0, 256, (9, 9, channels), np.uint8))
    smooth = np.asarray(rough.resize((width, height), Image.Resampling.BICUBIC)).astype(int)
    return Image.fromarray((smooth + chance.integers(-9, 10, smooth.shape)).clip(0, 255).astype(np.uint8))


def encode(image, frames=(), **options):
    out = io.BytesIO()
    if frames:
        options |= {"save_all": True, "append_images": list(frames)}
    image.save(out, "WebP", **options)
    return out.getvalue()


PROFILE = (301).to_bytes(4, "big") + bytes(32) + b"acsp" + bytes(261)
SOUND = {
    "lossy": encode(drawn()),
    "fast": encode(drawn(), method=0),
    "slow": encode(drawn(), method=6),
    "worst quality": encode(drawn(), quality=0),
    "best quality": encode(drawn(), quality=100),
    "lossless": encode(drawn(), lossless=True),
    "lossless, slow": encode(drawn(24, 20), lossless=True, method=6, quality=100),
    "few colours": encode(drawn().quantize(5).convert("RGB"), lossless=True),
    "alpha": encode(drawn(channels=4)),
    "lossless alpha": encode(drawn(channels=4), lossless=True),
    "alpha of few levels": encode(drawn(channels=4), alpha_quality=10),
    "one colour": encode(Image.new("RGB", (300, 200), "red")),
    "one colour, lossless": encode(Image.new("RGB", (300, 200), "red"), lossless=True),
    "one pixel": encode(drawn(1, 1)),
    "a column": encode(drawn(1, 400)),
    "a row": encode(drawn(400, 1), lossless=True),
    "with a profile": encode(drawn(), icc_profile=PROFILE, exif=b"Exif\0\0II*\0\x08\0\0\0\0\0"),
    "animated": encode(drawn(), [drawn(seed=1), drawn(seed=2)]),
    "animated with alpha": encode(drawn(channels=4), [drawn(channels=4, seed=1)]),
    "animated, lossless": encode(drawn(), [drawn(seed=1)], lossless=True),
}


@pytest.mark.parametrize("name", SOUND)
def test_a_sound_picture_needs_all_of_its_data(name):
    picture, findings = read_picture(SOUND[name])
    assert findings == []
    assert picture is not None


def streams(value):
    return list(webp.streams(value, len(value)))


def test_the_parts_of_a_file_are_found():
    assert [it.kind for it in streams(SOUND["lossy"])] == [b"VP8 "]
    assert [it.kind for it in streams(SOUND["lossless alpha"])] == [b"VP8L"]
    assert [it.kind for it in streams(SOUND["alpha"])] == [b"ALPH", b"VP8 "]
    assert [it.kind for it in streams(SOUND["animated with alpha"])] == [b"ALPH", b"VP8 "] * 2
    for stream in streams(SOUND["alpha"]) + streams(SOUND["animated with alpha"]):
        if stream.kind == b"ALPH":
            assert pillow.decodes(webp._file(b"VP8L", stream.data), "WebP")


def longer(value, kind, number=0, spare=16):
    """Return a file whose chunk has more bytes after its data than a decoder reads, with all sizes corrected."""
    places = [at for at in range(12, len(value) - 8) if value[at : at + 4] == kind]
    at = places[number]
    size = int.from_bytes(value[at + 4 : at + 8], "little")
    out = bytearray(value)
    out[at + 8 + size : at + 8 + size] = bytes(spare)
    out[at + 4 : at + 8] = (size + spare).to_bytes(4, "little")
    frame = value.rfind(b"ANMF", 0, at)
    if frame >= 0:
        grown = int.from_bytes(out[frame + 4 : frame + 8], "little") + spare
        out[frame + 4 : frame + 8] = grown.to_bytes(4, "little")
    out[4:8] = (len(out) - 8).to_bytes(4, "little")
    return bytes(out)


@pytest.mark.parametrize(
    ("name", "kind", "number", "what"),
    [
        ("lossy", b"VP8 ", 0, "pixels"),
        ("lossless", b"VP8L", 0, "pixels"),
        ("alpha", b"ALPH", 0, "opacity values"),
        ("animated", b"VP8 ", 2, "pixels"),
        ("animated with alpha", b"ALPH", 1, "opacity values"),
    ],
)
def test_data_that_the_decoder_does_not_come_to_is_damage(name, kind, number, what):
    value = longer(SOUND[name], kind, number)
    assert pillow.read(value, "WebP")[1] == []
    picture, [finding] = read_picture(value)
    assert picture is None
    assert (finding.code, finding.verdict) == ("corrupt-image", "bad")
    assert finding.message.startswith(f"WebP: the decoder has all {what} 8 or more bytes before the data of ")
    assert value[finding.details["offset"] - 8 :].startswith(kind)


def flips(value, count, seed):
    chance = np.random.default_rng(seed)
    for at in chance.integers(len(value) // 10, len(value), count):
        out = bytearray(value)
        out[at] ^= 1 << int(chance.integers(8))
        yield bytes(out)


def test_most_flipped_bits_in_a_lossy_picture_are_seen():
    cases = list(flips(SOUND["lossy"], 100, 1))
    assert sum(bool(pillow.read(it, "WebP")[1]) for it in cases) < 40
    assert sum(bool(read_picture(it)[1]) for it in cases) > 90


def test_partitions_are_told_by_the_header():
    data = streams(SOUND["lossy"])[0].data
    first = int.from_bytes(data[:3], "little") >> 5
    assert webp.partitions(data) == [(10 + first, len(data))]
    assert webp.partitions(data[: 9 + first]) == []
    assert webp.partitions(b"\0" * 40) == []


TWO_PARTITIONS = base64.b85decode(
    "Qb|TefB^siS4BclR!}$~bO8VWa0dXL0V*&6Kmb2gkhxW{sih+=T+OmDYKd%WcKeZufCLAx9Unt~qmwm3Q9b&8N6lu#*AhO#g11}3sN&}LxBQ)8"
    "0I2`~{?|LZ^1YJ&zp~DGv@9Lp=u!AsRABJd|KRuk%P8OGdo}wWSM&Z_AZa4Pc_?<<WHJi7K%8jyP>7GnvU6kwGynQr0>Cgf&eUg+$423-wFry;"
    "C)O)B@aX%;F5#3c2Ub2C1gT^%LgwR|Nc!7!|Fi$j><gYh7W5K)=elSP1DUL}Cg|Js_2~i?#Y)NawPOW;{c^0-C2Pb}nyOwJyknKwgP@tf0R7na"
    "7yg5%b>eq_DF@yA8C5}Xd?^j!Znq=30K}<*R2533-8min39u`l$(zc6`_NXkEq<>!Zgem3Bz@02t2valU-2vd@#F7CKj#@gDwWpz=fGyD=kGNs"
    "Ph|)CIZ~=--0<{$80$(&tnKlf;!b^Q^31z8XthDh3rK;#hm-&S"
)
"""A picture of 48 x 64 pixels, by libwebp with options that Pillow does not have (`partitions = 1`, `method = 1`)."""


def test_each_of_several_partitions_must_be_needed():
    [stream] = streams(TWO_PARTITIONS)
    places = webp.partitions(stream.data)
    assert len(places) == 2
    assert read_picture(TWO_PARTITIONS)[1] == []
    start, stop = places[0]
    data = bytearray(stream.data)
    data[stop:stop] = bytes(12)  # after the first partition
    data[start - 3 : start] = (stop - start + 12).to_bytes(3, "little")
    value = webp._file(b"VP8 ", bytes(data))
    assert pillow.decodes(value, "WebP")
    assert [it.code for it in read_picture(value)[1]] == ["corrupt-image"]


def test_mutations_neither_crash_nor_take_long():
    chance = np.random.default_rng(3)
    for name in ("lossy", "alpha", "animated with alpha", "lossless"):
        for value in flips(SOUND[name], 60, 4):
            at = int(chance.integers(12, len(value)))
            read_picture(value[:at] + chance.bytes(5) + value[at + int(chance.integers(9)) :])
