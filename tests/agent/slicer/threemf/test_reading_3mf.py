"""What is read of projects, and what is refused."""

import io
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.shared.errors import Invalid, NotFound
from agent.slicer.rules import Facts, Filament, Plate, Slicer, Thumbnail
from agent.slicer.threemf.archive import open_archive
from agent.slicer.threemf.pictures import picture_of, plate_picture
from agent.slicer.threemf.reading import read_3mf
from tests.slicing.threemf import MODEL, members, model, model_settings, png, write_3mf

SETTINGS = {
    "layer_height": "0.2",
    "wall_loops": "3",
    "sparse_infill_density": "15%",
    "nozzle_diameter": "0.4",
    "nozzle_temperature": "240,220",
    "filament_type": "PETG;PLA",
    "filament_colour": "#112233;#FFFFFF",
    "filament_settings_id": '"My PETG";"Generic PLA @System"',
    "print_settings_id": "Strong",
    "printer_settings_id": "Acme One 0.4 nozzle",
    "printable_area": "0x0,220x0,220x220,0x220",
    "machine_start_gcode": "G28\\nM117 ready",
    "overhang_reverse": "0",
}
PICTURES = (
    Thumbnail(64, 64, "image/png", 1),
    Thumbnail(16, 16, "image/png", 1),
    Thumbnail(64, 64, "image/png", 2),
)


def test_a_project_tells_its_settings_and_plates(tmp_path: Path) -> None:
    facts = read_3mf(write_3mf(tmp_path / "a.3mf", members()))

    assert facts == Facts(
        "3mf",
        slicer=Slicer.ORCA,
        generator="OrcaSlicer 02.03.01.51",
        version="02.03.01.51",
        printer="Acme One 0.4 nozzle",
        filaments=(
            Filament(0, name="My PETG", type="PETG", colour="#112233"),
            Filament(1, name="Generic PLA @System", type="PLA", colour="#FFFFFF"),
        ),
        settings=SETTINGS,
        thumbnails=PICTURES,
        plates=(
            Plate(1, objects=("Box 1.stl",)),
            Plate(2, name="Lid", objects=("Box 2.stl",)),
        ),
        changed={"process": ("wall_loops", "seam_position"), "filament": ("nozzle_temperature",)},
    )


def test_a_sliced_project_tells_times_weights_and_warnings(tmp_path: Path) -> None:
    facts = read_3mf(write_3mf(tmp_path / "a.gcode.3mf", members(is_sliced=True)))

    assert facts.estimated_seconds == 7200
    assert facts.plates == (
        Plate(
            1,
            estimated_seconds=3600,
            grams=20.5,
            objects=("Box 1.stl",),
            warnings=("bed_temperature_too_high",),
            is_sliced=True,
        ),
        Plate(
            2,
            name="Lid",
            estimated_seconds=3600,
            grams=20.5,
            objects=("Box 2.stl",),
            is_sliced=True,
        ),
    )
    assert [(one.used_mm, one.used_g) for one in facts.filaments] == [(6700, 20.5), (6700, 20.5)]
    assert (facts.layers, facts.notes) == (None, ())


def test_the_only_sliced_plate_tells_its_layers(tmp_path: Path) -> None:
    content = members(is_sliced=True)
    content["Metadata/model_settings.config"] = model_settings(("",), is_sliced=True)
    content["Metadata/slice_info.config"] = "<config/>"
    del content["Metadata/plate_2.gcode"]

    facts = read_3mf(write_3mf(tmp_path / "a.3mf", content))

    assert (facts.layers, facts.max_z_mm) == (100, 20.0)


def test_a_project_of_prusaslicer_is_translated(tmp_path: Path) -> None:
    config = "; generated\n; layer_height = 0.3\n; printhost_apikey = x\n; fill_density = 20%\n"
    content: dict[str, str | bytes] = {
        "3D/3dmodel.model": model("PrusaSlicer-2.5.0+UNKNOWN"),
        "Metadata/Slic3r_PE.config": config,
        "Metadata/thumbnail.png": png(8, 8),
    }

    facts = read_3mf(write_3mf(tmp_path / "a.3mf", content))

    assert (facts.slicer, facts.version) == (Slicer.PRUSA, "2.5.0+UNKNOWN")
    assert facts.settings["sparse_infill_density"] == "20%"
    assert facts.written == {"layer_height": "0.3", "fill_density": "20%"}
    assert facts.thumbnails == (Thumbnail(8, 8, "image/png", 1),)


def test_a_model_without_settings_says_so(tmp_path: Path) -> None:
    facts = read_3mf(write_3mf(tmp_path / "a.3mf", {"3D/3dmodel.model": model("CAD 7")}))

    assert facts == Facts(
        "3mf",
        generator="CAD 7",
        version="7",
        notes=("The file holds no settings.",),
    )


def test_pictures_are_found_again(tmp_path: Path) -> None:
    path = write_3mf(tmp_path / "a.3mf", members())

    assert plate_picture(path, 2) == png(64, 64, 200)
    assert plate_picture(path, 1, "top") == png(32, 32)
    assert picture_of(path, PICTURES[1]) == png(16, 16)
    with pytest.raises(NotFound):
        plate_picture(path, 7)
    with pytest.raises(NotFound):
        picture_of(path, Thumbnail(9, 9, "image/png", 1))


ENTITIES = (
    '<?xml version="1.0"?><!DOCTYPE c [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">'
    ']><config><plate><metadata key="plater_id" value="1"/>&b;</plate></config>'
)
OUTSIDE = (
    '<?xml version="1.0"?><!DOCTYPE c [<!ENTITY x SYSTEM "file:///etc/hostname">]>'
    "<config>&x;</config>"
)


@pytest.mark.parametrize(
    "markup",
    [
        ENTITIES,
        OUTSIDE,
        '<!DOCTYPE c SYSTEM "http://192.0.2.1/c.dtd"><config/>',
        "<config><plate>",
        "no markup",
        b"\xff\xfe\x00",
        "",
        '<?xml version="1.0" encoding="utf-99"?><config/>',
        pytest.param(
            "<config>" + "<plate/>" * 50_001 + "</config>", marks=pytest.mark.slow, id="many"
        ),
    ],
)
def test_markup_that_is_harmful_or_broken_is_left_out_with_a_note(
    tmp_path: Path, markup: str | bytes
) -> None:
    content = members(changed={"Metadata/model_settings.config": markup})

    facts = read_3mf(write_3mf(tmp_path / "a.3mf", content))

    assert facts.notes == ("Metadata/model_settings.config cannot be read.",)
    assert (facts.plates, facts.settings) == ((), SETTINGS)


def test_deep_markup_is_read_without_harm(tmp_path: Path) -> None:
    deep = "<config>" + "<x>" * 50_000 + "</x>" * 50_000 + "</config>"
    content = members(changed={"Metadata/model_settings.config": deep})

    assert read_3mf(write_3mf(tmp_path / "a.3mf", content)).notes == ()


@pytest.mark.parametrize("document", ["[1]", "{", "null", b"\xff"])
def test_settings_that_cannot_be_read_are_said(tmp_path: Path, document: str | bytes) -> None:
    content = members(changed={"Metadata/project_settings.config": document})

    facts = read_3mf(write_3mf(tmp_path / "a.3mf", content))

    assert (facts.settings, facts.notes) == (
        {},
        ("Metadata/project_settings.config cannot be read.",),
    )


def test_settings_that_are_no_text_are_named(tmp_path: Path) -> None:
    content = members({"layer_height": "0.2", "wall_loops": 3, "x": {"y": 1}})  # type: ignore[dict-item]

    facts = read_3mf(write_3mf(tmp_path / "a.3mf", content))

    assert facts.settings == {"layer_height": "0.2"}
    assert facts.notes == ("Some settings are no text: wall_loops, x.",)


def _named(name: str) -> Callable[[zipfile.ZipFile], None]:
    return lambda archive: archive.writestr(name, "x")


def _link(archive: zipfile.ZipFile) -> None:
    info = zipfile.ZipInfo("Metadata/plate_1.png")
    info.create_system, info.external_attr = 3, 0o120777 << 16
    archive.writestr(info, "/etc/passwd")


def _twice(archive: zipfile.ZipFile) -> None:
    archive.writestr("metadata/plate_9.PNG", "x")
    archive.writestr("Metadata/plate_9.png", "y")


def _bomb(archive: zipfile.ZipFile) -> None:
    archive.writestr("3D/bomb.model", b"\0" * (20 << 20))


def _packed(archive: zipfile.ZipFile) -> None:
    archive.writestr("3D/x.model", "x", zipfile.ZIP_LZMA)


def _many(archive: zipfile.ZipFile) -> None:
    archive.compression = zipfile.ZIP_STORED
    for n in range(20_001):
        archive.writestr(f"a/{n}", b"")


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (_named("../../outside"), "../../outside leads out of it"),
        (_named("/etc/cron.d/x"), "/etc/cron.d/x leads out of it"),
        (_named("C:/windows/x"), "C:/windows/x leads out of it"),
        (_named("a\\..\\x"), "a\\..\\x leads out of it"),
        (_named("a/" + "b" * 600), "a/" + "b" * 78 + " leads out of it"),
        (_link, "Metadata/plate_1.png is a link"),
        (_twice, "Metadata/plate_9.png is in it twice"),
        (_bomb, "3D/bomb.model would become far larger than it is"),
        (_packed, "3D/x.model is packed in a way that a 3MF has not"),
        pytest.param(_many, "it holds 20003 files", marks=pytest.mark.slow),
    ],
)
def test_an_archive_that_is_made_to_do_harm_is_not_opened(
    tmp_path: Path, harm: Callable[[zipfile.ZipFile], None], said: str
) -> None:
    path = tmp_path / "a.3mf"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("3D/3dmodel.model", MODEL)
        harm(archive)

    with pytest.raises(Invalid) as refused:
        read_3mf(path)

    assert (refused.value.code, refused.value.detail) == (
        "unsafe-archive",
        f"The 3MF is not opened: {said}.",
    )


def test_files_that_lie_over_each_other_are_refused(tmp_path: Path) -> None:
    path = write_3mf(tmp_path / "a.3mf", members())
    content = bytearray(path.read_bytes())
    first = content.index(b"PK\x01\x02")
    second = content.index(b"PK\x01\x02", first + 4)
    content[second + 42 : second + 46] = content[first + 42 : first + 46]
    path.write_bytes(content)

    with pytest.raises(Invalid, match="lies over another file"):
        read_3mf(path)


def test_an_encrypted_file_is_refused(tmp_path: Path) -> None:
    path = write_3mf(tmp_path / "a.3mf", members())
    content = bytearray(path.read_bytes())
    at = content.index(b"PK\x01\x02")
    content[at + 8] |= 1
    path.write_bytes(content)

    with pytest.raises(Invalid, match="is encrypted"):
        read_3mf(path)


@pytest.mark.parametrize("where", [0, 1], ids=["no other", "a decoy"])
def test_a_large_directory_behind_a_small_one_is_not_read(tmp_path: Path, where: int) -> None:
    """Readers of zip archives go by the record before the locator, whatever else is told."""
    large = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, 9, 9, 1 << 30, 0)
    small = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, 9, 9, 99, 0)
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, 4 if where else 4 + len(small), 1)
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 9, 9, 99, 0, 0)
    path = tmp_path / "a.3mf"
    path.write_bytes(b"PK\x03\x04" + small + large + locator + end)

    with pytest.raises(Invalid, match="is not opened: it holds"):
        read_3mf(path)


def test_a_directory_that_claims_too_much_is_not_read(tmp_path: Path) -> None:
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 9, 9, 20 << 20, 0, 0)
    (tmp_path / "a.3mf").write_bytes(b"PK\x03\x04" + end)
    end_64 = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, 1 << 40, 1 << 40, 99, 0)
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, 4, 1)
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0, 0)
    (tmp_path / "b.3mf").write_bytes(b"PK\x03\x04" + end_64 + locator + end)

    said = []
    for name in ("a.3mf", "b.3mf"):
        with pytest.raises(Invalid) as refused:
            read_3mf(tmp_path / name)
        said.append(refused.value.detail)

    assert said == [
        "The 3MF is not opened: it holds 9 files.",
        "The 3MF is not opened: it holds 1099511627776 files.",
    ]


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"G1 X10\n" * 20, b"\0" * 100_000])
def test_what_is_no_archive_is_said(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.3mf"
    path.write_bytes(content)

    with pytest.raises(Invalid) as refused:
        read_3mf(path)

    assert refused.value.code == "bad-archive"


def test_a_zip_of_something_else_is_no_3mf(tmp_path: Path) -> None:
    with pytest.raises(Invalid) as refused:
        read_3mf(write_3mf(tmp_path / "a.3mf", {"photo.txt": "hello"}))

    assert refused.value.code == "no-3mf"


def test_a_member_that_is_damaged_does_not_take_the_rest_along(tmp_path: Path) -> None:
    path = write_3mf(tmp_path / "a.3mf", members())
    content = bytearray(path.read_bytes())
    at = content.index(b"Metadata/model_settings.config")
    content[at + 40 : at + 60] = b"\xff" * 20
    path.write_bytes(content)

    facts = read_3mf(path)

    assert facts.settings == SETTINGS
    assert facts.notes == (
        "Metadata/model_settings.config in the 3MF is damaged. Export the file again.",
    )


def test_a_member_that_lies_about_its_size_is_read_within_bounds(tmp_path: Path) -> None:
    path = write_3mf(tmp_path / "a.3mf", {"[Content_Types].xml": "x" * 100_000})

    with open_archive(path) as archive, pytest.raises(Invalid, match="larger than it may be"):
        archive.read("[Content_Types].xml", most=1000)


WHOLE = io.BytesIO()
with zipfile.ZipFile(WHOLE, "w", zipfile.ZIP_DEFLATED) as _archive:
    for _name, _data in members(is_sliced=True).items():
        _archive.writestr(_name, _data)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, len(WHOLE.getvalue()) - 1), st.integers(0, 255))))
def test_bytes_that_flipped_give_facts_or_a_sentence(
    tmp_path: Path, flips: list[tuple[int, int]]
) -> None:
    content = bytearray(WHOLE.getvalue())
    for at, value in flips:
        content[at] = value
    path = tmp_path / "a.3mf"
    path.write_bytes(content)

    try:
        facts = read_3mf(path)
    except Invalid as refused:
        assert refused.code in {"bad-archive", "unsafe-archive", "no-3mf"}  # noqa: PT017
    else:
        assert facts.kind == "3mf"
