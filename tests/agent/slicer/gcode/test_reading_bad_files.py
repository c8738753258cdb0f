"""Whatever is in a file: it is read as far as it goes, or refused with a sentence."""

import os
import re
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.shared.errors import Invalid
from agent.slicer.gcode.reading import read_gcode
from tests.slicing import gcode

BINARY = (
    "part.gcode is no G-code: it is a binary G-code; switch “Supports binary G-code” off in the "
    "printer's settings."
)
ZEROS = "The end of the file is zeros: it was not written to the end. Export it again."


def written(folder: Path, content: str | bytes) -> Path:
    file = folder / "part.gcode"
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return file


@pytest.mark.parametrize(
    ("content", "code", "sentence"),
    [
        (b"", "gcode-empty", "part.gcode is empty. Export it from the slicer again."),
        (b" \n\n", "gcode-empty", "part.gcode is empty. Export it from the slicer again."),
        (
            b"GCDE\1\0\0\0",
            "not-gcode",
            BINARY,
        ),
        (
            b"PK\3\4" + bytes(60),
            "not-gcode",
            "part.gcode is no G-code: it is a zip archive, such as a 3MF.",
        ),
        (
            b"\x1f\x8b\x08",
            "not-gcode",
            "part.gcode is no G-code: it is a packed file (gzip); unpack it first.",
        ),
        (
            "G1 X1\n".encode("utf-16"),
            "not-gcode",
            "part.gcode is no G-code: it is a UTF-16 text; save it as UTF-8.",
        ),
        (b"\x7fELF\0\0G1 X1\n", "not-gcode", "part.gcode is no G-code: it is a binary file."),
        (bytes(5000), "gcode-empty", "part.gcode is empty. Export it from the slicer again."),
        (
            b"Dear all,\nplease find attached\n",
            "not-gcode",
            "part.gcode is no G-code: it has neither a command nor a slicer's header.",
        ),
    ],
)
def test_what_is_no_gcode_is_refused(
    tmp_path: Path, content: bytes, code: str, sentence: str
) -> None:
    with pytest.raises(Invalid) as refused:
        read_gcode(written(tmp_path, content))

    assert (refused.value.code, refused.value.detail) == (code, sentence)


def test_a_file_of_two_gigabytes_is_read_at_once(tmp_path: Path) -> None:
    file = tmp_path / "part.gcode"
    with file.open("wb") as stream:  # sparse: nothing of the hole is on the disk
        stream.write(b"G1 X1 Y1 E1\n" * 100_000)
        stream.seek(2 << 30)
        stream.write(b"\n" + b"G1 X1 Y1 E1\n" * 100_000 + gcode.orca().encode())

    facts = read_gcode(file)

    assert (facts.estimated_seconds, len(facts.settings)) == (3723, len(gcode.ORCA_SETTINGS))


def test_nothing_but_a_hole_is_no_gcode(tmp_path: Path) -> None:
    file = tmp_path / "part.gcode"
    with file.open("wb") as stream:
        os.truncate(stream.fileno(), 2 << 30)

    with pytest.raises(Invalid) as refused:
        read_gcode(file)

    assert refused.value.code == "gcode-empty"


def test_one_line_without_an_end(tmp_path: Path) -> None:
    facts = read_gcode(written(tmp_path, b"G1 X1 " + b"Y2 " * 1_500_000))

    assert facts.notes == ("The file holds no settings.",)


def test_an_end_of_zeros_is_told(tmp_path: Path) -> None:
    whole = gcode.orca()
    half = whole[: whole.index("; CONFIG_BLOCK_END")]

    facts = read_gcode(written(tmp_path, half.encode() + bytes(4096)))

    assert facts.notes == (
        ZEROS,
        "The block with the settings is cut off; those that are there were read.",
    )
    assert facts.settings == gcode.ORCA_SETTINGS


def test_a_file_that_ends_in_its_moves(tmp_path: Path) -> None:
    whole = gcode.orca()

    facts = read_gcode(written(tmp_path, whole[: whole.index("; EXECUTABLE_BLOCK_END")]))

    assert (facts.generator, facts.layers) == ("OrcaSlicer 2.3.1", 3)
    assert (facts.estimated_seconds, facts.settings) == (None, {})
    assert facts.notes == ("The file holds no settings.",)


def test_a_config_block_without_its_beginning(tmp_path: Path) -> None:
    text = "G28\n; wall_loops = 2\n; CONFIG_BLOCK_END\n"

    facts = read_gcode(written(tmp_path, text))

    assert facts.settings == {"wall_loops": "2"}
    assert facts.notes == (
        "The block with the settings is cut off; those that are there were read.",
    )


def test_line_ends_inside_of_a_value_are_told(tmp_path: Path) -> None:
    text = gcode.orca(settings={"notes": "first\nsecond\n; third"})

    facts = read_gcode(written(tmp_path, text))

    assert facts.settings["notes"] == "first"
    assert facts.notes == ("2 lines among the settings are no settings, and were left out.",)


def test_another_encoding_is_read_as_windows_wrote_it(tmp_path: Path) -> None:
    text = gcode.orca(settings={"printer_settings_id": "Größe 3 – Ø0.4"})

    facts = read_gcode(written(tmp_path, text.encode("cp1252")))

    assert facts.printer == "Größe 3 – Ø0.4"


def test_control_characters_are_left_out(tmp_path: Path) -> None:
    text = gcode.orca(settings={"printer_settings_id": "A\x1b[31mB\u202eC"})

    assert read_gcode(written(tmp_path, text)).printer == "A[31mBC"


def test_numbers_that_are_none_are_not_there(tmp_path: Path) -> None:
    text = re.sub(r"filament used \[g\] = .*", "filament used [g] = nan, inf, 1e400", gcode.orca())
    text = text.replace("total layers count = 3", "total layers count = -4")

    facts = read_gcode(written(tmp_path, text.replace("total layer number: 3", "")))

    assert [one.used_g for one in facts.filaments] == [None, None, None]
    assert facts.layers is None


def test_cura_settings_that_are_broken(tmp_path: Path) -> None:
    facts = read_gcode(
        written(tmp_path, gcode.cura(settings=';SETTING_3 {"global_quality": "[gen'))
    )

    assert facts.written == {}
    assert facts.notes[0] == "The settings that Cura wrote at the end of the file cannot be read."


@pytest.mark.parametrize(
    "said", ["[1, 2]", '{"extruder_quality": 5}', '{"global_quality": "x"}', "[" * 9000]
)
def test_cura_settings_that_are_something_else(tmp_path: Path, said: str) -> None:
    facts = read_gcode(written(tmp_path, gcode.cura(settings=f";SETTING_3 {said}")))

    assert facts.written == {}


PIECES = st.sampled_from(
    [
        b"; HEADER_BLOCK_START\n",
        b"; CONFIG_BLOCK_START\n",
        b"; CONFIG_BLOCK_END\n",
        b"; prusaslicer_config = begin\n",
        b"; generated by OrcaSlicer ",
        b";Generated with Cura_SteamEngine ",
        b";FLAVOR:",
        b";SETTING_3 {",
        b"; thumbnail begin 32x32 9\n",
        b"; thumbnail end\n",
        b"; filament used [mm] = ",
        b"; filament: ",
        b"; total filament length [mm] : ",
        b"; total filament volume [cm^3] : ",
        b"; estimated printing time (normal mode) = ",
        b"; different_settings_to_system = ",
        b"9" * 400,
        b'";"',
        b"\n; ",
        b"G1 X",
        b"1e999,-,;",
        b"\r",
        b"\0",
        b"\xff\xfe",
    ]
)


@settings(deadline=None)
@given(st.lists(st.one_of(PIECES, st.binary(max_size=20)), max_size=25).map(b"".join))
def test_no_bytes_break_the_reader(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    file = tmp_path_factory.getbasetemp() / "any.gcode"
    file.write_bytes(content)

    with suppress(Invalid):
        facts = read_gcode(file)
        assert all(isinstance(value, str) for value in facts.settings.values())
