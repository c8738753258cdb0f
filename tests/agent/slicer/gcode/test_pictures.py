"""The pictures inside a G-code: as they are stored, and as PNG."""

import io
from pathlib import Path

import pytest
from PIL import Image

from agent.shared.errors import Invalid, NotFound
from agent.slicer.gcode.pictures import as_png
from agent.slicer.gcode.reading import read_gcode
from agent.slicer.gcode.thumbnails import thumbnail_bytes
from agent.slicer.gcode.windows import WINDOW_BYTES
from agent.slicer.rules import Thumbnail
from tests.slicing import gcode
from tests.slicing.gcode import Picture

KINDS: list[tuple[Picture, str]] = [
    ((40, 30, "PNG"), "image/png"),
    ((40, 30, "JPG"), "image/jpeg"),
    ((40, 30, "QOI"), "image/qoi"),
]


def written(folder: Path, text: str) -> Path:
    file = folder / "part.gcode"
    file.write_text(text)
    return file


def opened(png: bytes) -> Image.Image:
    return Image.open(io.BytesIO(png), formats=["PNG"])


@pytest.mark.parametrize(("picture", "mime"), KINDS)
def test_a_picture_comes_out_as_it_was_stored(tmp_path: Path, picture: Picture, mime: str) -> None:
    file = written(tmp_path, gcode.orca(pictures=[(16, 16, "PNG"), picture]))
    found = read_gcode(file).thumbnails[1]

    assert found.mime == mime
    assert thumbnail_bytes(file, found) == gcode.picture(*picture)


@pytest.mark.parametrize(("picture", "mime"), KINDS)
def test_every_kind_becomes_a_png(picture: Picture, mime: str) -> None:
    with opened(as_png(gcode.picture(*picture), mime, 20)) as shown:
        assert shown.size == (20, 15)


def test_a_picture_is_never_made_larger() -> None:
    with opened(as_png(gcode.picture(40, 30), "image/png", 2000)) as shown:
        assert shown.size == (40, 30)


def test_a_picture_with_holes_keeps_them() -> None:
    stream = io.BytesIO()
    Image.new("RGBA", (20, 20), (0, 128, 0, 0)).save(stream, "PNG")

    with opened(as_png(stream.getvalue(), "image/png", 100)) as shown:
        assert shown.getpixel((10, 10)) == (0, 128, 0, 0)


def test_the_length_that_a_picture_claims_does_not_matter(tmp_path: Path) -> None:
    usual = gcode.thumbnail(40, 30)
    for lie in ("0", "3", "999999999"):
        begin, _, rest = usual.partition("\n")
        lying = f"{begin.rsplit(' ', 1)[0]} {lie}\n{rest}"
        file = written(tmp_path, f"G28\n{lying}\nG1 X1\n")

        assert thumbnail_bytes(file, Thumbnail(40, 30, "image/png")) == gcode.picture(40, 30)


def test_the_size_that_a_picture_claims_does_not_matter_either(tmp_path: Path) -> None:
    lying = gcode.thumbnail(40, 30).replace("40x30", "9999x9999")
    file = written(tmp_path, f"G28\n{lying}\nG1 X1\n")
    (found,) = read_gcode(file).thumbnails

    with opened(as_png(thumbnail_bytes(file, found), found.mime, 500)) as shown:
        assert shown.size == (40, 30)


def test_a_picture_without_an_end_is_not_followed_into_the_moves(tmp_path: Path) -> None:
    text = gcode.thumbnail(40, 30).replace("; thumbnail end", "G1 X1")

    file = written(tmp_path, f"{text}\n; QUJD\n")

    assert thumbnail_bytes(file, Thumbnail(40, 30, "image/png")) == gcode.picture(40, 30)


def test_a_picture_longer_than_a_megabyte(tmp_path: Path) -> None:
    raw = bytes(range(256)) * 6000
    file = written(tmp_path, f"{gcode.thumbnail(900, 900, raw=raw)}\nG28\n" + "G1 X1\n" * 200_000)
    assert len(raw) > WINDOW_BYTES

    assert thumbnail_bytes(file, Thumbnail(900, 900, "image/png")) == raw


def test_a_picture_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(NotFound) as refused:
        thumbnail_bytes(written(tmp_path, gcode.orca()), Thumbnail(7, 7, "image/png"))

    assert refused.value.detail == "part.gcode holds no picture of 7 by 7 pixels."


def test_a_picture_that_is_no_base64(tmp_path: Path) -> None:
    file = written(tmp_path, "; thumbnail begin 8x8 4\n; ?!$§\n; thumbnail end\nG28\n")

    with pytest.raises(Invalid) as refused:
        thumbnail_bytes(file, Thumbnail(8, 8, "image/png"))

    assert refused.value.detail == "A picture in part.gcode cannot be decoded."


PNG, JPG, QOI = (gcode.picture(40, 30, kind) for kind in ("PNG", "JPG", "QOI"))


@pytest.mark.parametrize(
    ("raw", "mime"),
    [
        (b"", "image/png"),
        (b"no picture", "image/jpeg"),
        (PNG[:60], "image/png"),
        (PNG, "image/jpeg"),
        (PNG, "image/svg+xml"),
        (QOI[:300], "image/qoi"),
        (QOI[:9], "image/qoi"),
        (JPG[:40], "image/jpeg"),
        (PNG[:16] + (60_000).to_bytes(4, "big") * 2 + PNG[24:], "image/png"),
        (b"qoif" + (60_000).to_bytes(4, "big") * 2 + QOI[12:], "image/qoi"),
        (b"qoif" + bytes(4) * 2 + QOI[12:], "image/qoi"),
    ],
)
def test_what_is_no_picture_is_refused(raw: bytes, mime: str) -> None:
    with pytest.raises(Invalid) as refused:
        as_png(raw, mime, 256)

    assert refused.value.code == "broken-picture"
