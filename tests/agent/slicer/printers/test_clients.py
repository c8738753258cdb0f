"""Every kind of printer, asked over the wire: what it says, what it stores, how it fails."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from agent.shared.errors import OrcaError
from agent.slicer.printers.hosts import PrinterServer, text
from agent.slicer.printers.rules import Activity, Report, Result, Temperature
from agent.slicer.printers.sending import Source
from tests.agent.slicer.printers.both import GCODE, KINDS, STARTS, UPLOADS, host_of, source_of
from tests.fakes.printers import FakeMoonraker, FakeOctoPrint, FakePrinter, FakePrusaLink, How

HOT = (Temperature("nozzle", 214.8, 215.0), Temperature("bed", 60.1, 60.0))


@asynccontextmanager
async def opened(
    kind: str, fake: FakePrinter | None = None, *, patience_s: float = 5.0, key: str | None = None
) -> AsyncIterator[tuple[FakePrinter, PrinterServer]]:
    async with fake or KINDS[kind]() as printer:
        host = host_of(kind, printer, patience_s=patience_s, key=key)
        try:
            yield printer, host
        finally:
            await host.close()


async def code_of(host: PrinterServer, folder: Path, path: str) -> str:
    with pytest.raises(OrcaError) as caught:
        await host.upload(source_of(folder), path)
    return caught.value.code


@pytest.mark.parametrize("kind", KINDS)
async def test_a_file_is_stored_found_started_and_its_end_is_told(
    kind: str, tmp_path: Path
) -> None:
    async with opened(kind) as (fake, host):
        path = await host.path_of("cube.gcode")
        missing = await host.find(path)
        await host.upload(source_of(tmp_path), path)
        found, mark = await host.find(path), await host.mark(path)
        stored = dict(fake.files)
        started_too_early = list(fake.started)
        await host.start(path)
        told = await host.report()
        goes_on = await host.result(path, mark)
        fake.end()
        ended = await host.result(path, mark)

    assert missing is None
    assert found is not None
    assert (found.path, found.size_bytes) == (path, len(GCODE))
    assert [(name, kept.content) for name, kept in stored.items()] == [(path, GCODE)]
    assert started_too_early == []
    assert fake.started == [path]
    assert (told.activity, told.path, told.progress) == (Activity.PRINTING, path, 0.25)
    assert (goes_on, ended) == (None, Result.FINISHED)


@pytest.mark.parametrize("kind", KINDS)
async def test_what_is_cancelled_at_the_printer_is_told_as_cancelled(
    kind: str, tmp_path: Path
) -> None:
    async with opened(kind) as (fake, host):
        path = await host.path_of("cube.gcode")
        await host.upload(source_of(tmp_path), path)
        mark = await host.mark(path)
        await host.start(path)
        fake.paused = True
        paused = await host.report()
        waits = await host.result(path, mark)
        fake.end(well=False)

        assert (paused.activity, waits) == (Activity.PAUSED, None)
        assert await host.result(path, mark) is Result.CANCELLED


async def test_what_breaks_down_is_told_as_failed(tmp_path: Path) -> None:
    octoprint, moonraker, prusalink = FakeOctoPrint(), FakeMoonraker(), FakePrusaLink()
    results = []
    for kind, fake in (
        ("octoprint", octoprint),
        ("moonraker", moonraker),
        ("prusalink", prusalink),
    ):
        async with opened(kind, fake) as (_, host):
            path = await host.path_of("cube.gcode")
            await host.upload(source_of(tmp_path), path)
            mark = await host.mark(path)
            await host.start(path)
            if fake is moonraker:
                moonraker.break_down()
            else:
                fake.end(well=False)
                octoprint.has_failed, prusalink.state = True, "ERROR"
            results.append(await host.result(path, mark))

    assert results == [Result.FAILED] * 3


async def test_what_a_printer_says_of_itself_is_told_alike() -> None:
    reports = {}
    for kind in KINDS:
        async with opened(kind) as (_, host):
            reports[kind] = replace(await host.report(), detail="")

    idle = Report(Activity.IDLE, temperatures=HOT)
    assert reports == {"octoprint": idle, "moonraker": idle, "prusalink": idle}


async def test_a_printer_that_is_switched_off_behind_its_server_is_offline() -> None:
    told = []
    for kind in ("octoprint", "moonraker"):
        async with opened(kind) as (fake, host):
            fake.is_connected = False
            told.append((await host.report()).activity)

    assert told == [Activity.OFFLINE, Activity.OFFLINE]


async def test_moonraker_without_history_tells_by_its_statistics(tmp_path: Path) -> None:
    fake = FakeMoonraker()
    fake.has_history = False
    async with opened("moonraker", fake) as (_, host):
        await host.upload(source_of(tmp_path), "cube.gcode")
        mark = await host.mark("cube.gcode")
        await host.start("cube.gcode")
        goes_on = await host.result("cube.gcode", mark)
        fake.end()

        assert (mark, goes_on) == ("", None)
        assert await host.result("cube.gcode", mark) is Result.FINISHED


@pytest.mark.parametrize(
    ("how", "code"),
    [
        (401, "printer-key-refused"),
        (409, "printer-refuses"),
        (413, "printer-file-too-large"),
        (415, "printer-file-kind"),
        (500, "printer-failed"),
        (502, "printer-proxy"),
        (503, "printer-not-ready"),
        (507, "printer-full"),
        ("http://169.254.169.254/latest", "printer-redirects"),
        (How.DROP_BEFORE, "printer-dropped"),
        (How.DROP_MIDDLE, "printer-dropped"),
        (How.DROP_AFTER, "printer-dropped"),
        (How.NO_HTTP, "printer-garbled"),
    ],
)
async def test_a_failing_upload_is_told_as_what_it_is(
    how: How | int | str, code: str, tmp_path: Path
) -> None:
    told = {}
    for kind in KINDS:
        async with opened(kind) as (fake, host):
            fake.fail(*UPLOADS[kind], how)
            told[kind] = await code_of(host, tmp_path, await host.path_of("cube.gcode"))
            assert fake.started == []

    assert told == dict.fromkeys(KINDS, code)


async def test_moonraker_forbids_what_is_in_use_and_others_what_the_key_may_not(
    tmp_path: Path,
) -> None:
    told = {}
    for kind in KINDS:
        async with opened(kind) as (fake, host):
            fake.fail(*UPLOADS[kind], 403)
            told[kind] = await code_of(host, tmp_path, await host.path_of("cube.gcode"))

    key = "printer-key-refused"
    assert told == {"octoprint": key, "moonraker": "printer-refuses", "prusalink": key}


@pytest.mark.parametrize("how", [How.NEVER, How.SILENT_AFTER])
async def test_a_printer_that_never_answers_is_waited_for_so_long_and_no_longer(
    how: How, tmp_path: Path
) -> None:
    async with opened("octoprint", patience_s=0.05) as (fake, host):
        fake.fail(*UPLOADS["octoprint"], how)
        large = source_of(tmp_path, GCODE * 20)

        with pytest.raises(OrcaError) as caught:
            await host.upload(large, "cube.gcode")

    assert caught.value.code == "printer-silent"


async def test_digest_authentication_is_spoken_in_both_of_its_forms(tmp_path: Path) -> None:
    for qop in ("", "auth"):
        async with opened("prusalink", FakePrusaLink(user="maker", qop=qop)) as (fake, host):
            path = await host.path_of("cube.gcode")
            await host.upload(source_of(tmp_path), path)
            await host.start(path)

            assert fake.started == [path]
            assert fake.files[path].content == GCODE
            assert not any("x-api-key" in asked.headers for asked in fake.requests)


async def test_a_wrong_password_is_told_and_a_file_is_not_sent_for_nothing(
    tmp_path: Path,
) -> None:
    fake = FakePrusaLink(user="maker")
    async with opened("prusalink", fake, key="wrong") as (_, host):
        code = await code_of(host, tmp_path, "/usb/cube.gcode")

    assert code == "printer-key-refused"
    assert fake.count(*UPLOADS["prusalink"]) == 0


async def test_a_file_that_changed_on_this_disk_is_not_sent(tmp_path: Path) -> None:
    for change in (-1, 1):
        async with opened("octoprint") as (fake, host):
            source = source_of(tmp_path)
            lied = replace(source, size_bytes=source.size_bytes + change)

            with pytest.raises(OrcaError) as caught:
                await host.upload(lied, "cube.gcode")

        assert (caught.value.code, fake.files) == ("file-gone", {})


@pytest.mark.parametrize("kind", KINDS)
async def test_a_file_that_is_not_the_one_that_was_checked_never_arrives(
    kind: str, tmp_path: Path
) -> None:
    async with opened(kind) as (fake, host):
        source = source_of(tmp_path)
        source.path.write_bytes(GCODE[:-1] + b"!")  # as large as before, by whomever

        with pytest.raises(OrcaError) as caught:
            await host.upload(source, await host.path_of("cube.gcode"))

    assert (caught.value.code, fake.files) == ("file-gone", {})


class Damaged(Source):
    """What was read well, and arrives otherwise."""

    async def pieces(self) -> AsyncIterator[bytes]:
        async for piece in super().pieces():
            yield piece[:-1] + b"!"


async def test_damage_on_the_way_is_seen_where_the_printer_compares(tmp_path: Path) -> None:
    async with opened("moonraker") as (fake, host):
        whole = source_of(tmp_path)
        lied = Damaged(whole.path, whole.size_bytes, whole.tell, whole.sha256)

        with pytest.raises(OrcaError) as caught:
            await host.upload(lied, "cube.gcode")

    assert (caught.value.code, fake.files) == ("printer-damaged-file", {})


async def test_a_printer_of_another_kind_is_not_taken_for_the_right_one() -> None:
    told = []
    for right, wrong in (("octoprint", "moonraker"), ("moonraker", "octoprint")):
        async with KINDS[right]() as fake:
            host = host_of(wrong, fake)
            with pytest.raises(OrcaError) as caught:
                await host.about()
            await host.close()
            told.append(caught.value.code)
    async with FakePrusaLink() as old:
        old.can_put = False
        host = host_of("prusalink", old)
        with pytest.raises(OrcaError) as too_old:
            await host.about()
        await host.close()

    assert told == ["printer-garbled", "printer-garbled"]
    assert too_old.value.code == "printer-too-old"


async def test_the_key_stands_in_no_error_even_if_the_printer_repeats_it() -> None:
    class Repeating(FakeOctoPrint):
        def refusal(self, asked: object) -> None:
            return None

    async with opened("octoprint", Repeating()) as (fake, host):
        fake.fail("GET", "/api/version", 500)
        with pytest.raises(OrcaError) as caught:
            await host.about()

    assert fake.key not in caught.value.detail
    assert fake.requests[-1].headers["x-api-key"] == fake.key


@pytest.mark.parametrize("kind", KINDS)
async def test_starting_while_it_prints_is_refused(kind: str, tmp_path: Path) -> None:
    async with opened(kind) as (fake, host):
        path = await host.path_of("cube.gcode")
        await host.upload(source_of(tmp_path), path)
        await host.start(path)
        with pytest.raises(OrcaError) as caught:
            await host.start(path)

        assert caught.value.code in ("printer-refuses", "printer-failed")
        assert fake.started == [path]
        assert fake.count(*STARTS[kind]) == 2


def test_a_printers_text_is_one_line_of_no_great_length() -> None:
    assert text("ready\n\x1b[31m") == "ready  [31m"
    assert len(text("x" * 1_000_000)) == 1000
    assert text({"a": 1}) == ""
