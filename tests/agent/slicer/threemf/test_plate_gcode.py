"""The G-code of plates: which there is, what is taken out of a hostile archive, what it adds."""

import asyncio
import errno
import threading
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from agent.shared.errors import Conflict, Invalid, NoSpace, OrcaError, TooLarge
from agent.slicer.checks.plates import check_plate
from agent.slicer.files.folder import Folder
from agent.slicer.files.unpacking import unpacked
from agent.slicer.gcode.reading import NO_SETTINGS
from agent.slicer.rules import Facts, Filament, Plate, Slicer
from agent.slicer.threemf.filling import filled, of_plate
from agent.slicer.threemf.gcode import BLOCK_BYTES, choose_plate, copy_plate
from agent.slicer.threemf.reading import read_3mf
from tests.agent.slicer.checks.sane import ANALYSIS
from tests.slicing import gcode
from tests.slicing.threemf import members, model_settings, write_3mf

FIRST, THIRD = "Metadata/plate_1.gcode", "Metadata/plate_3.gcode"
MOVES = "G28\n" + "G1 X10 E1\nG1 X20 E1\n" * 200_000


def archive(folder: Path, content: dict[str, str | bytes]) -> Path:
    return write_3mf(folder / "a.3mf", {"[Content_Types].xml": "<Types/>", **content})


def copied(path: Path, plate: int = 1, *, most: int = 8 << 20) -> bytes:
    blocks: list[bytes] = []
    copy_plate(path, plate, blocks.append, most=most)
    assert all(len(block) <= BLOCK_BYTES for block in blocks)
    return b"".join(blocks)


def patched(path: Path, signature: bytes, at: int, value: int) -> None:
    """Writes four bytes behind every such signature, as in the headers of the archive."""
    content, found = bytearray(path.read_bytes()), -1
    while (found := content.find(signature, found + 1)) >= 0:
        content[found + at : found + at + 4] = value.to_bytes(4, "little")
    path.write_bytes(content)


def test_the_first_sliced_plate_is_chosen_unless_one_is_named(tmp_path: Path) -> None:
    names = {
        "Metadata/plate_12.gcode": "G28\n",
        THIRD: "G28\n",
        "Metadata/plate_2.gcode": "",
        "Metadata/plate_0.gcode": "G28\n",
        "other/plate_1.gcode": "G28\n",
        "Metadata/plate_1.gcode.md5": "0",
    }
    path = archive(tmp_path, {**names})

    assert [choose_plate(path, asked, "a.3mf") for asked in (None, 3, 12)] == [3, 3, 12]
    for asked in (1, 2, 99):
        with pytest.raises(Conflict, match="has no G-code"):
            choose_plate(path, asked, "a.3mf")


def test_a_plate_is_copied_block_by_block(tmp_path: Path) -> None:
    path = archive(tmp_path, {FIRST: MOVES})

    assert copied(path) == MOVES.encode()


def test_more_than_it_may_have_is_never_written(tmp_path: Path) -> None:
    path, written = archive(tmp_path, {FIRST: MOVES}), list[bytes]()

    with pytest.raises(TooLarge) as refused:
        copy_plate(path, 1, written.append, most=1000)

    assert (refused.value.code, written) == ("plate-too-large", [])


@pytest.mark.parametrize(
    ("signature", "at", "value"),
    [
        pytest.param(b"PK\x01\x02", 24, 1000, id="it says that it is small"),
        pytest.param(b"PK\x01\x02", 16, 7, id="another checksum"),
        pytest.param(b"PK\x03\x04", 0, 7, id="no file where it begins"),
    ],
)
def test_a_plate_that_lies_about_itself_is_refused_within_bounds(
    tmp_path: Path, signature: bytes, at: int, value: int
) -> None:
    path, written = archive(tmp_path, {FIRST: MOVES}), list[bytes]()
    patched(path, signature, at, value)

    with pytest.raises(Invalid) as refused:
        copy_plate(path, 1, written.append)

    assert refused.value.code == "bad-archive"
    assert sum(map(len, written)) <= len(MOVES)


def test_a_bomb_is_not_opened(tmp_path: Path) -> None:
    path = archive(tmp_path, {FIRST: b"\n" * (20 << 20)})

    with pytest.raises(Invalid) as refused:
        copied(path)

    assert refused.value.code == "unsafe-archive"


@pytest.mark.parametrize("cut", [1000, 100_000])
def test_a_plate_that_is_cut_off_is_refused(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "a.3mf"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as made:
        made.writestr(FIRST, MOVES)
    content = path.read_bytes()
    at = content.index(b"PK\x01\x02")
    path.write_bytes(content[: at - cut] + content[at:])

    with pytest.raises(Invalid):
        copied(path)


def test_what_nobody_wants_any_more_is_not_read_on(tmp_path: Path) -> None:
    path, written = archive(tmp_path, {FIRST: MOVES}), list[bytes]()

    copy_plate(path, 1, written.append, is_wanted=lambda: not written)

    assert [len(block) for block in written] == [BLOCK_BYTES]


async def test_nothing_stays_when_the_plate_is_read_or_given_up(tmp_path: Path) -> None:
    path, folder, told = archive(tmp_path, {FIRST: MOVES}), tmp_path / "files", list[float]()

    async with unpacked(
        path, 1, Folder(folder).begin("a"), most=8 << 20, tell=told.append
    ) as alone:
        whole, where = alone.read_text(), alone.parent
    with pytest.raises(TooLarge):
        async with unpacked(path, 1, Folder(folder).begin("b"), most=9, tell=told.append):
            pass
    with pytest.raises(Invalid):
        async with unpacked(path, 1, Folder(folder).begin("c"), most=8 << 20, tell=told.append):
            raise Invalid("not-gcode", "")

    assert (whole, where, told[-1]) == (MOVES, folder, 1.0)
    assert list(folder.iterdir()) == []


async def test_who_leaves_while_it_is_unpacked_leaves_nothing_behind(tmp_path: Path) -> None:
    path, folder = archive(tmp_path, {FIRST: MOVES}), tmp_path / "files"
    part = Folder(folder).begin("a")
    begun, may_go_on = threading.Event(), threading.Event()
    write, blocks = part.write, list[bytes]()

    class Slow:
        path = part.path
        discard = staticmethod(part.discard)
        finish = staticmethod(part.finish)

        @staticmethod
        def write(block: list[bytes]) -> None:
            write(block)
            blocks.extend(block)
            begun.set()
            may_go_on.wait(10)

    async def unpack() -> None:
        slow = Slow()
        async with unpacked(path, 1, slow, most=8 << 20, tell=lambda share: None):  # type: ignore[arg-type] # as a Part
            raise AssertionError("it was not whole")

    task = asyncio.ensure_future(unpack())
    await asyncio.to_thread(begun.wait, 10)
    task.cancel()
    await asyncio.sleep(0)
    may_go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert (len(blocks), list(folder.iterdir())) == (1, [])


def test_a_full_disk_is_told_as_such(tmp_path: Path) -> None:
    path = archive(tmp_path, {FIRST: MOVES})

    def full(block: bytes) -> None:
        raise NoSpace("disk-full", "full") from OSError(errno.ENOSPC, "full")

    with pytest.raises(OrcaError) as refused:
        copy_plate(path, 1, full)

    assert refused.value.code == "disk-full"


def test_what_a_project_does_not_say_its_only_plate_does(tmp_path: Path) -> None:
    content = members(is_sliced=True, changed={FIRST: gcode.bambu()})
    for name in ("slice_info.config", "project_settings.config", "plate_2.gcode"):
        del content[f"Metadata/{name}"]
    content["Metadata/model_settings.config"] = model_settings(("",), is_sliced=True)

    facts = read_3mf(write_3mf(tmp_path / "a.3mf", content))

    grams = facts.plates[0].grams
    assert facts.plates == (Plate(1, None, 13047, grams, ("Box 1.stl",), (), is_sliced=True),)
    assert (facts.estimated_seconds, facts.layers, facts.max_z_mm) == (13047, 3, 0.6)
    assert (facts.printer, facts.settings["layer_height"]) == ("Own Printer 0.4 nozzle", "0.2")
    assert [one.used_g for one in facts.filaments] == [grams]
    assert facts.notes == ()


NAMED = (Filament(0), Filament(1))
SAID = Facts(
    "gcode",
    slicer=Slicer.ORCA,
    estimated_seconds=100,
    first_layer_seconds=10,
    layers=5,
    max_z_mm=1.0,
    filament_changes=0,
    filaments=(Filament(0, used_mm=10.0, used_g=2.0), Filament(1, used_g=1.0, cost=0.5)),
    settings={"layer_height": "0.3"},
)


def test_nothing_that_a_project_says_is_replaced() -> None:
    project = Facts(
        "3mf",
        slicer=Slicer.BAMBU,
        estimated_seconds=60,
        filaments=(Filament(0, used_g=9.0), Filament(1, type="PLA")),
        settings={"layer_height": "0.2"},
        plates=(Plate(1, "A", 60, 9.0, is_sliced=True),),
    )

    assert filled(project, 1, SAID) == replace(
        project,
        first_layer_seconds=10,
        layers=5,
        max_z_mm=1.0,
        filament_changes=0,
        filaments=(
            Filament(0, used_mm=10.0, used_g=9.0),
            Filament(1, type="PLA", used_g=1.0, cost=0.5),
        ),
    )


def test_of_several_plates_each_has_its_own_time() -> None:
    project = Facts("3mf", plates=(Plate(1, is_sliced=True, estimated_seconds=60), Plate(2)))

    facts = filled(project, 2, SAID)

    assert facts.plates[1] == Plate(2, None, 100, 3.0, is_sliced=True)
    assert (facts.estimated_seconds, facts.layers, facts.filaments) == (160, None, NAMED)


def test_settings_that_are_cut_off_are_none() -> None:
    project = Facts("3mf", notes=(NO_SETTINGS,))

    facts = filled(project, 1, replace(SAID, notes=("The block is cut off.",)))

    assert (facts.settings, facts.notes) == ({}, (NO_SETTINGS,))


def test_a_finding_says_of_which_plate_it_is() -> None:
    project = Facts(
        "3mf",
        estimated_seconds=7200,
        settings={"wall_loops": "1", "printable_height": "10"},
        plates=(Plate(1, estimated_seconds=3600), Plate(2, estimated_seconds=3600)),
    )
    plate = of_plate(project, 2, replace(SAID, estimated_seconds=None, layers=None, max_z_mm=20.0))

    found = check_plate(project, plate, replace(ANALYSIS, plate=2))

    where = {one.id: {each.where for each in one.evidence} for one in found}
    assert where["too-tall"] == {"plate 2"}
    assert where["wall-single"] == {None}
    assert "time-differs" not in where  # its own hour, not the project's two
    assert found[0].id == "too-tall"
