"""Preset files that are broken, hostile, or none of our business."""

import hashlib
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from agent.slicer.presets.rules import Problem
from agent.slicer.presets.tree import Tree
from tests.slicing.presets import DataFolder, workshop

_listeners: list[Callable[[str, tuple[object, ...]], None]] = []
_is_hooked = False


def _hook(event: str, about: tuple[object, ...]) -> None:
    for listener in _listeners:
        listener(event, about)


@contextmanager
def audited(below: Path) -> Iterator[list[tuple[str, tuple[object, ...]]]]:
    """What Python itself reports of files below a folder, while the block lasts."""
    global _is_hooked  # noqa: PLW0603 - an audit hook cannot be taken away again
    if not _is_hooked:
        sys.addaudithook(_hook)
        _is_hooked = True
    found: list[tuple[str, tuple[object, ...]]] = []

    def listen(event: str, about: tuple[object, ...]) -> None:
        if (
            about
            and isinstance(about[0], str | os.PathLike)
            and str(about[0]).startswith(str(below))
        ):
            found.append((event, about))

    _listeners.append(listen)
    try:
        yield found
    finally:
        _listeners.remove(listen)


@pytest.fixture
def data(tmp_path: Path) -> DataFolder:
    return workshop(tmp_path / "OrcaSlicer")


def snapshot(root: Path) -> dict[str, tuple[int, str]]:
    return {
        str(path.relative_to(root)): (
            path.stat().st_mtime_ns,
            hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "",
        )
        for path in sorted(root.rglob("*"))
    }


def names(tree: Tree) -> set[str]:
    return {one.name for one in tree.refresh().all}


def test_nothing_is_written_and_the_apps_settings_are_never_opened(data: DataFolder) -> None:
    data.write("user/default/process/Broken.json", "{")
    before = snapshot(data.root)

    with audited(data.root) as events:
        tree = Tree(data.root)
        catalogue = tree.refresh()
        for one in catalogue.all:
            catalogue.resolve(one)

    opened = [about for event, about in events if event == "open"]
    assert len(opened) == tree.parsed + 2  # the indexes of two vendors
    assert {event for event, _ in events} == {"open", "os.scandir"}
    assert [about[0] for about in opened if not str(about[0]).endswith(".json")] == []
    writes = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
    assert [about for about in opened if int(str(about[2])) & writes] == []
    assert snapshot(data.root) == before


def test_how_one_signs_in_at_a_printer_is_left_out(data: DataFolder) -> None:
    catalogue = Tree(data.root).refresh()
    mine = catalogue.find("machine", "My One")
    assert mine is not None

    assert mine.settings == {"z_offset": "-0.02"}
    assert catalogue.resolve(mine).own == {"z_offset": (None, "-0.02")}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b'"text"',
        b"\xff\xfe{}",
        b'{"name": "x"',
        b"[" * 100_000,
        b'{"name": "\xff"}',
        b"NaN",
    ],
)
def test_a_file_that_the_slicer_would_delete_is_said_to_be_one(
    data: DataFolder, content: bytes
) -> None:
    data.write("user/default/process/Broken.json", content)

    catalogue = Tree(data.root).refresh()
    found = catalogue.find("process", "Broken")

    assert found is not None
    assert (found.problem, found.settings) == (Problem.UNREADABLE, {})
    assert (data.root / "user/default/process/Broken.json").read_bytes() == content


def test_a_byte_order_mark_is_read_over(data: DataFolder) -> None:
    data.write("user/default/process/Marked.json", b'\xef\xbb\xbf{"version": "2.3.0.0"}')

    found = Tree(data.root).refresh().find("process", "Marked")

    assert found is not None
    assert found.problem is None


def test_values_that_are_no_text_are_passed_over_and_named(data: DataFolder) -> None:
    data.user(
        "process",
        "Numbers",
        {
            "wall_loops": 3,
            "layer_height": "0.2",
            "thumbnails": ["a", 1],
            "x": {"y": "z"},
            "n": None,
        },
    )

    found = Tree(data.root).refresh().find("process", "Numbers")

    assert found is not None
    assert found.settings == {"layer_height": "0.2"}
    assert found.notes == (
        "Some values are no text, which OrcaSlicer passes over: wall_loops, thumbnails, x, n.",
    )


def test_a_link_that_leads_out_of_the_folder_is_passed_over(
    data: DataFolder, tmp_path: Path
) -> None:
    outside = DataFolder(tmp_path / "outside")
    secret = outside.user("process", "Secret", {"wall_loops": "1"})
    (data.root / "user/default/process/Link.json").symlink_to(secret)
    (data.root / "user/elsewhere").symlink_to(tmp_path / "outside/user/default")
    (data.root / "user/default/process/Up.json").symlink_to("../../../../outside/../OrcaSlicer.x")

    tree = Tree(data.root)

    assert names(tree).isdisjoint({"Secret", "Link", "Up"})
    assert sorted(tree.notes) == [
        "user/default/process/Link.json leads out of the folder and was passed over.",
        "user/default/process/Up.json leads out of the folder and was passed over.",
        "user/elsewhere leads out of the folder and was passed over.",
    ]


def test_a_link_within_the_folder_is_followed_but_not_in_circles(data: DataFolder) -> None:
    strong = data.root / "user/default/process/Strong.json"
    (strong.parent / "Alias.json").symlink_to(strong)
    (strong.parent / "loop").symlink_to(strong.parent)

    tree = Tree(data.root)

    assert "Alias" in names(tree)
    assert tree.parsed == len(list(data.root.rglob("*.json"))) - 2


def test_pipes_and_folders_named_like_presets_do_not_hold_anything_up(data: DataFolder) -> None:
    folder = data.root / "user/default/process"
    os.mkfifo(folder / "Pipe.json")
    (folder / "Folder.json").mkdir()

    assert names(Tree(data.root)).isdisjoint({"Pipe", "Folder"})


def test_a_file_far_too_large_is_not_read(data: DataFolder) -> None:
    path = data.user("process", "Huge", {"notes": "x"})
    os.truncate(path, 5 << 20)

    found = Tree(data.root).refresh().find("process", "Huge")

    assert found is not None
    assert found.problem is Problem.UNREADABLE


def test_only_so_many_files_are_read(data: DataFolder) -> None:
    tree = Tree(data.root, most_files=5)

    assert (len(tree.refresh().all), tree.notes) == (5, ("Only the first 5 files were read.",))


def test_what_a_vendors_index_does_not_name_is_not_loaded(data: DataFolder) -> None:
    data.system("process", "Listed")
    data.system("process", "Leftover", is_listed=False)

    found = names(Tree(data.root))

    assert ("Listed" in found, "Leftover" in found) == (True, False)


def test_an_index_that_points_outside_brings_nothing(data: DataFolder) -> None:
    data.write("user/default/process/Mine.json", '{"type": "process", "name": "Mine"}')
    data.write(
        "system/Evil.json",
        '{"process_list": [{"sub_path": "../../user/default/process/Mine.json"}, 7, {}]}',
    )
    data.write("system/Evil/process/Good.json", '{"type": "process", "name": "Good"}')

    catalogue = Tree(data.root).refresh()

    assert [one.name for one in catalogue.all if one.scope == "Evil"] == []


def test_models_of_printers_are_no_presets(data: DataFolder) -> None:
    data.write("system/Acme/machine/Acme One.json", '{"type": "machine_model", "name": "Acme One"}')

    assert Tree(data.root).refresh().find("machine", "Acme One") is None


def test_only_what_changed_is_read_again(data: DataFolder) -> None:
    tree = Tree(data.root)
    first = tree.refresh()
    parsed = tree.parsed

    again = tree.refresh()
    data.user("process", "Strong", {"wall_loops": "6"}, inherits="0.20mm Standard @Acme")
    data.user("process", "New", inherits="0.20mm Standard @Acme")
    (data.root / "user/default/filament/My PETG.json").unlink()
    changed = tree.refresh()

    strong = changed.find("process", "Strong")
    assert again is first
    assert tree.parsed == parsed + 2
    assert strong is not None
    assert changed.resolve(strong).settings["wall_loops"] == "6"
    assert changed.find("filament", "My PETG") is None


def test_a_folder_that_is_not_there_has_nothing(tmp_path: Path) -> None:
    assert Tree(tmp_path / "nowhere").refresh().all == ()
