"""A project that a slicer is to open holds nothing that it would run, however it is spelt."""

import zipfile
from pathlib import Path

import orjson
import pytest

from agent.shared.errors import Invalid
from agent.slicer.rules import Change
from agent.slicer.variants.project import copy_project
from tests.slicing.threemf import members, write_3mf

RUNS = {"layer_height": "0.2", "post_process": ["/bin/sh -c evil"], "printhost_apikey": "secret"}
HARMLESS = {"layer_height": "0.2", "post_process": [], "printhost_apikey": ""}
PROJECT, PRUSA = "Metadata/project_settings.config", "Metadata/Slic3r_PE.config"


def copied(folder: Path, name: str, content: bytes, *changes: Change) -> dict[str, bytes]:
    said = {key: data for key, data in members().items() if key != PROJECT}
    source = write_3mf(folder / "source.3mf", {**said, name: content})
    copy_project(source, folder / "copy.3mf", changes, most_bytes=1 << 20)
    with zipfile.ZipFile(folder / "copy.3mf") as copy:
        return {one: copy.read(one) for one in copy.namelist()}


@pytest.mark.parametrize(
    "name",
    [
        PROJECT,
        "Metadata/Project_Settings.CONFIG",
        "Metadata/process_settings_1.config",
        "Metadata/Machine_settings_12.config",
    ],
)
def test_settings_are_copied_without_what_is_run(tmp_path: Path, name: str) -> None:
    found = copied(tmp_path, name, orjson.dumps(RUNS))

    assert "3D/3dmodel.model" in found
    assert orjson.loads(found[name]) == HARMLESS


@pytest.mark.parametrize("name", [PRUSA, "Metadata/slic3r_pe.config"])
def test_lines_of_settings_are_copied_without_what_is_run(tmp_path: Path, name: str) -> None:
    lines = b"; layer_height = 0.2\n;\tpost_process = evil\n; post_process = evil\n"

    found = copied(tmp_path, name, lines)

    assert found[name] == b"; layer_height = 0.2\n"


def test_settings_of_a_former_kind_are_left_out(tmp_path: Path) -> None:
    name = "Metadata/Print_Profile.config"

    assert name not in copied(tmp_path, name, b"post_process = evil")


def test_a_change_is_made_however_the_file_is_spelt(tmp_path: Path) -> None:
    change = Change("process", "layer_height", None, "0.1")
    name = "Metadata/PROJECT_settings.config"

    found = copied(tmp_path, name, orjson.dumps(RUNS), change)

    assert orjson.loads(found[name])["layer_height"] == "0.1"


def test_settings_that_cannot_be_read_are_not_handed_on(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="cannot be read"):
        copied(tmp_path, "Metadata/process_settings_1.config", b"post_process = evil")
