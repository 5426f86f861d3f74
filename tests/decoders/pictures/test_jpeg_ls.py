"""Test pictures of JPEG-LS, which begin as JPEG does."""

from datacheck.decoders.pictures.decoder import read_picture

HEAD = bytes.fromhex("ffd8 fff7 000b 08 0018 0018 01 01 11 00 ffda 0008 01 01 00 00 00 00")


def test_jpeg_ls_is_undecided_and_a_cut_one_is_bad():
    picture, (finding,) = read_picture(HEAD + bytes(range(1, 90)) + b"\xff\x40\xff\x01\x02\xff\xd9")
    assert picture is None
    assert (finding.code, finding.verdict) == ("unknown-payload", "unverifiable")
    assert "JPEG-LS" in finding.message
    assert [it.code for it in read_picture(HEAD + bytes(range(1, 90)))[1]] == ["truncated"]
    assert [it.code for it in read_picture(HEAD[:15] + b"\xff\xd9")[1]] == ["corrupt-image"]
