"""What is written for systems that are not here, as far as it can be read without them."""

import configparser
import hashlib
import json
import plistlib
import re
import shutil
import subprocess
import tarfile
from pathlib import Path

import archives
import debian
import http_calls
import pytest
import samples
from archives import Release

from agent.cli import app as command_line

ROOT = Path(__file__).parents[2]
RECIPES = ROOT / "packaging"
SHELL = (
    *("linux/AppRun", "linux/appimage.sh", "linux/scripts/prerm", "linux/scripts/postrm"),
    *("macos/notarise.sh", "macos/sign.sh"),
)
INNO_SECTIONS = {
    *("Setup", "Languages", "CustomMessages", "Tasks", "Files", "InstallDelete", "Icons"),
    *("Registry", "Run", "UninstallRun", "Code"),
}


def release(folder: Path, kind: str = "headless") -> Release:
    """A program of two files, one of which can be run."""
    program = folder / "made" / "orca-agents"
    (program / "_internal").mkdir(parents=True)
    (program / "_internal" / "data.txt").write_text("data", "utf-8")
    (program / "orca-agent").write_bytes(b"#!/bin/sh\n")
    (program / "orca-agent").chmod(0o755)
    for name in ("LICENCES.txt", "sbom.cdx.json"):
        (program / name).write_text("{}", "utf-8")
    return Release(kind, "1.2.3", program, folder, 1_700_000_000, is_fast=True)


@pytest.mark.parametrize("name", SHELL)
def test_shell_scripts_are_whole(name: str) -> None:
    checker = shutil.which("shellcheck")
    command = [checker, "--shell=sh"] if checker else ["sh", "-n"]

    done = subprocess.run([*command, RECIPES / name], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("kind", ["headless", "desktop"])
def test_the_menus_entry_starts_a_command_that_there_is(kind: str, tmp_path: Path) -> None:
    parser = configparser.ConfigParser(interpolation=None)
    parser.optionxform = str  # type: ignore[assignment, method-assign] # as the manual has it
    parser.read_string(archives.desktop_entry(kind))
    commands = {one.name for one in command_line.registered_commands}

    started = [parser[name]["Exec"].split() for name in parser.sections()]

    assert {words[0] for words in started} == {"orca-agent"}
    assert {words[1] for words in started} - commands == set()
    assert "MimeType" not in parser["Desktop Entry"]  # a slicer's files stay the slicer's
    if validator := shutil.which("desktop-file-validate"):
        file = tmp_path / "orca-agents.desktop"
        file.write_text(archives.desktop_entry(kind), "utf-8")
        assert subprocess.run([validator, file], check=False).returncode == 0


def test_the_entitlements_allow_what_python_needs_and_nothing_else() -> None:
    allowed = plistlib.loads((RECIPES / "macos" / "entitlements.plist").read_bytes())

    assert allowed == {
        "com.apple.security.cs.allow-unsigned-executable-memory": True,
        "com.apple.security.cs.disable-library-validation": True,
    }


def test_the_setup_of_windows_hangs_together() -> None:
    lines = (RECIPES / "windows" / "orca-agents.iss").read_text("utf-8").splitlines()
    text = "\n".join(line for line in lines if not line.startswith(";"))
    messages = re.findall(r"^(en|de)\.(\w+)=", text, re.MULTILINE)
    used = set(re.findall(r"\{cm:(\w+)", text)) | set(re.findall(r"CustomMessage\('(\w+)'", text))
    tasks = set(re.findall(r'^Name: "(\w+)"; Description: "\{cm', text, re.MULTILINE))
    named = set(re.findall(r"\{#(\w+)\}", text))
    opened = sum(text.count(word) for word in ("#ifdef", "#ifndef", "#if "))

    assert set(re.findall(r"^\[(\w+)\]$", text, re.MULTILINE)) == INNO_SECTIONS
    assert {key for language, key in messages if language == "en"} == {
        key for language, key in messages if language == "de"
    }
    assert used - {key for _, key in messages} == {"LaunchProgram"}  # Inno Setup's own
    assert set(re.findall(r"Tasks: (\w+)", text)) == tasks
    assert named - set(re.findall(r"#define (\w+)", text)) == {"Version"}  # which must be given
    assert opened == text.count("#endif")
    assert len(re.findall(r"\bbegin\b", text)) == len(re.findall(r"^\s*end;", text, re.MULTILINE))


def test_an_archive_is_the_same_each_time_it_is_made(tmp_path: Path) -> None:
    one = release(tmp_path)
    first = archives.tar(one).read_bytes()
    (one.folder / "_internal" / "data.txt").touch()

    second = archives.tar(one)

    assert second.read_bytes() == first
    with tarfile.open(second) as archive:
        modes = {entry.name.partition("/")[2]: entry.mode for entry in archive}
        owners = {(entry.uid, entry.uname, entry.mtime) for entry in archive}
    assert owners == {(0, "root", one.epoch)}
    assert (modes["orca-agent"], modes["_internal/data.txt"]) == (0o755, 0o644)


def test_the_sums_are_of_what_is_handed_out(tmp_path: Path) -> None:
    made = archives.tar(release(tmp_path))

    sums = archives.write_sums(tmp_path)

    digest = hashlib.sha256(made.read_bytes()).hexdigest()
    assert sums.read_text("utf-8") == f"{digest}  {made.name}\n"


def test_the_appdir_has_what_appimagetool_looks_for(tmp_path: Path) -> None:
    folder = archives.appdir(release(tmp_path))

    names = {path.name for path in folder.iterdir()}
    assert names == {"AppRun", ".DirIcon", "orca-agents.desktop", "orca-agents.svg", "usr"}
    assert (folder / "usr/lib/orca-agents/orca-agent").stat().st_mode & 0o111
    done = subprocess.run([folder / "AppRun", "status"], check=False)
    assert done.returncode == 0  # the program of this test does nothing


@pytest.mark.parametrize("kind", ["headless", "desktop"])
def test_the_two_debs_take_each_others_place(kind: str, tmp_path: Path) -> None:
    text = debian.control(release(tmp_path, kind), 1234, 36, ["libgcc-s1"])
    fields = dict(line.split(": ", 1) for line in text.splitlines() if not line.startswith(" "))

    other = {"headless": "orca-agents-desktop", "desktop": "orca-agents"}[kind]
    assert fields["Conflicts"] == fields["Replaces"] == other
    assert fields["Depends"] == "libc6 (>= 2.36), libgcc-s1"
    assert (fields["Version"], fields["Installed-Size"]) == ("1.2.3", "1234")
    assert all(len(line) <= 80 for line in text.splitlines() if line.startswith(" "))


@pytest.mark.skipif(not shutil.which("dpkg-deb"), reason="only Debian's systems have dpkg-deb")
def test_a_deb_is_the_same_each_time_it_is_made(tmp_path: Path) -> None:
    one = release(tmp_path)
    shutil.copy(shutil.which("true") or "", one.folder / "orca-agent")
    first = debian.package(one).read_bytes()

    second = debian.package(one)

    assert second.read_bytes() == first
    asked = ["dpkg-deb", "--contents", second]
    listed = subprocess.run(asked, capture_output=True, text=True, check=True).stdout
    assert "./usr/bin/orca-agent -> ../lib/orca-agents/orca-agent" in listed
    assert not any(line.split()[1] != "root/root" for line in listed.splitlines())


def test_the_samples_of_the_self_test_are_what_they_say() -> None:
    assert samples.png(4, 4)[:8] == b"\x89PNG\r\n\x1a\n"
    assert samples.gcode().count(";LAYER_CHANGE") == samples.LAYERS
    events = list(http_calls.events_of('id: 1\nevent: done\ndata: {"a": 1}\n\n: still here\n\n'))
    assert events == [("done", {"a": 1})]


def test_the_page_says_whose_work_is_inside() -> None:
    listed = ROOT / "agent" / "ui" / "licences.json"
    if not listed.exists():
        pytest.skip("the page is not built")

    told = json.loads(listed.read_text("utf-8"))

    assert "svelte" in {one["name"] for one in told}
    assert [one["name"] for one in told if not (one["identifier"] and one["text"])] == []


def test_the_manual_names_commands_that_there_are() -> None:
    text = (RECIPES / "linux" / "orca-agent.1").read_text("utf-8")
    commands = {one.name for one in command_line.registered_commands}

    named = re.findall(r"^\.TP\n\.(?:B|BR|BI) (\w+)", text, re.MULTILINE)

    assert named != []
    assert set(named) - commands == set()
