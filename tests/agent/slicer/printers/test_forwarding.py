"""A file on its way to a printer: whole, once, and told as what it is."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio

from tests.agent.slicer.printers.both import GCODE, KINDS, STARTS, UPLOADS
from tests.agent.slicer.printers.door import (
    FILES,
    HELD,
    PRINTERS,
    Json,
    Sent,
    added,
    decided,
    ended,
    released,
    sent,
    uploaded,
)
from tests.agent.talking import body, problem
from tests.fakes.printers import FakeMoonraker, FakeOctoPrint, FakePrinter, FakePrusaLink, How
from tests.serving import Served, http, running_agent

pytestmark = pytest.mark.asyncio(loop_scope="module")
SHORT = GCODE[: len(GCODE) // 1000]
CALM = ["checking", "uploading", "verifying", "checking", "starting"]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def served(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    folder = tmp_path_factory.mktemp("agent") / "data"
    async with running_agent(folder, printer_seconds=9, printer_watch_seconds=0.05) as one:
        yield one


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def hurried(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    """An agent that waits for no printer longer than three seconds."""
    folder = tmp_path_factory.mktemp("hurried") / "data"
    async with running_agent(folder, printer_seconds=3, printer_retry_seconds=1) as one:
        yield one


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def file(served: Served) -> Json:
    return await uploaded(served)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_print_is_stored_whole_and_then_started_once(
    kind: str, served: Served, file: Json
) -> None:
    async with KINDS[kind]() as fake:
        printer = await added(served, fake, kind)
        told = await sent(served, file, printer)

        path = fake.started[0]
        assert (told.state, told.last, told.statuses) == ("forwarded", "done", CALM)
        assert fake.started == [path]
        assert path.endswith("cube.gcode")
        assert fake.files[path].content == GCODE
        assert (fake.count(*UPLOADS[kind]), fake.half_uploads) == (
            2 if kind == "octoprint" else 1,  # OctoPrint's order to print goes below its uploads
            0,
        )


async def test_a_file_can_be_sent_without_being_printed(served: Served, file: Json) -> None:
    async with FakeMoonraker() as fake:
        printer = await added(served, fake, "moonraker")
        told = await sent(served, file, printer, wants_print=False)

        assert (told.state, told.statuses) == ("forwarded", CALM[:3])
        assert (list(fake.files), fake.started) == (["cube.gcode"], [])


async def outcome_of(
    served: Served, file: Json, kind: str, step: str, how: How | int | str, content: bytes
) -> tuple[str, str, int]:
    """State, problem and number of prints after one failure in this step."""
    method, path = (UPLOADS if step == "upload" else STARTS)[kind]
    async with KINDS[kind]() as fake:
        printer = await added(served, fake, kind)
        if kind == "octoprint" and step == "start":
            path = f"{path}cube.gcode"
        fake.fail(method, path, how)
        told = await sent(served, file, printer)
        assert fake.started == fake.started[:1], (kind, step, how)
        if fake.started:
            assert fake.files[fake.started[0]].content == content
        return told.state, told.problem, len(fake.started)


async def outcomes(
    served: Served, file: Json, step: str, hows: list[How | int | str], content: bytes = GCODE
) -> dict[str, set[tuple[str, str, int]]]:
    cases = [(kind, how) for how in hows for kind in KINDS]
    found = await asyncio.gather(
        *(outcome_of(served, file, kind, step, how, content) for kind, how in cases)
    )
    told: dict[str, set[tuple[str, str, int]]] = {}
    for (_, how), one in zip(cases, found, strict=True):
        told.setdefault(str(how), set()).add(one)
    return told


@pytest.mark.slow
async def test_an_upload_that_is_lost_is_asked_for_and_tried_again(
    served: Served, file: Json
) -> None:
    passing: list[How | int | str] = [
        How.DROP_BEFORE,
        How.DROP_MIDDLE,
        How.DROP_AFTER,
        How.NO_HTTP,
        502,
        503,
    ]

    told = await outcomes(served, file, "upload", passing)

    assert told == {str(how): {("forwarded", "", 1)} for how in passing}


@pytest.mark.slow
async def test_an_upload_that_is_refused_is_not_tried_again(served: Served, file: Json) -> None:
    told = await outcomes(served, file, "upload", [401, 409, 413, 507, "http://10.0.0.1/"])

    assert told == {
        "401": {("failed", "printer-key-refused", 0)},
        "409": {("failed", "printer-refuses", 0)},
        "413": {("failed", "printer-file-too-large", 0)},
        "507": {("failed", "printer-full", 0)},
        "http://10.0.0.1/": {("failed", "printer-redirects", 0)},
    }


@pytest.mark.slow
async def test_an_order_to_print_whose_answer_is_lost_is_asked_for_and_never_repeated(
    hurried: Served,
) -> None:
    # Thirty at a time: a long file of each would take time from the answers to the others.
    file = await uploaded(hurried, SHORT)
    done: list[How | int | str] = [How.DROP_AFTER, How.SILENT_AFTER]
    not_done: list[How | int | str] = [How.DROP_BEFORE, How.NEVER, How.NO_HTTP, 500, 503, 504]
    refused: list[How | int | str] = [409, 401]

    told = await outcomes(hurried, file, "start", [*done, *not_done, *refused], SHORT)

    assert told == {
        **{str(how): {("forwarded", "", 1)} for how in done},
        **{str(how): {("failed", "start-unclear", 0)} for how in not_done},
        "409": {("failed", "printer-refuses", 0)},
        "401": {("failed", "printer-key-refused", 0)},
    }


@pytest.mark.slow
async def test_a_person_who_looked_at_the_printer_may_send_the_order_once_more(
    hurried: Served,
) -> None:
    file = await uploaded(hurried)
    async with FakeMoonraker() as still, FakeMoonraker() as late:
        for fake in (still, late):
            printer = await added(hurried, fake, "moonraker")
            fake.fail(*STARTS["moonraker"], How.DROP_BEFORE)
            told = await sent(hurried, file, printer)
            assert told.problem == "start-unclear"
            if fake is late:  # the order was only slow
                fake.print_it("cube.gcode")
                fake.end()
            again = await released(hurried, told.job)

            assert again.state == "forwarded"
            assert fake.started == ["cube.gcode"]
            assert fake.count(*UPLOADS["moonraker"]) == 1


async def test_what_was_stored_is_not_sent_again(served: Served, file: Json) -> None:
    async with FakePrusaLink() as fake:
        printer = await added(served, fake, "prusalink")
        fake.fail(*STARTS["prusalink"], 409)
        first = await sent(served, file, printer)
        again = await released(served, first.job)

        assert (first.problem, again.state) == ("printer-refuses", "forwarded")
        assert (fake.count(*UPLOADS["prusalink"]), fake.started) == (1, ["/usb/cube.gcode"])


async def test_a_printer_at_work_is_sent_nothing_to_print(served: Served, file: Json) -> None:
    async with FakeOctoPrint() as fake:
        printer = await added(served, fake, "octoprint")
        fake.keep("other.gcode", b"G28\n")
        fake.print_it("other.gcode")
        busy = await sent(served, file, printer)
        fake.end()
        fake.is_connected = False
        away = await sent(served, file, printer)
        fake.is_connected = True

        assert (busy.state, busy.problem) == ("failed", "printer-busy")
        assert (away.state, away.problem) == ("failed", "printer-not-operational")
        assert fake.count("POST", "/") == 0
        assert fake.started == ["other.gcode"]


async def test_two_files_of_one_name_are_printed_as_what_they_are(served: Served) -> None:
    files = [await uploaded(served, GCODE + b"; %d\n" % number, "same.gcode") for number in (1, 2)]
    async with FakeMoonraker() as fake:
        printer = await added(served, fake, "moonraker")
        told = await asyncio.gather(*(sent(served, one, printer) for one in files))

        assert sorted((one.state, one.problem) for one in told) == [
            ("failed", "printer-busy"),
            ("forwarded", ""),
        ]
        assert fake.started == ["same.gcode"]
        printed = next(at for at, one in enumerate(told) if one.state == "forwarded")
        assert fake.files["same.gcode"].content == GCODE + b"; %d\n" % (printed + 1)


@pytest.mark.slow
async def test_half_a_file_on_the_printer_is_never_started(hurried: Served) -> None:
    file = await uploaded(hurried)

    class Cutting(FakeMoonraker):
        def keep(self, path: str, content: bytes) -> None:
            super().keep(path, content[: len(content) // 2])

    async with Cutting() as fake:
        printer = await added(hurried, fake, "moonraker")
        told = await sent(hurried, file, printer)

        assert (told.state, told.problem) == ("failed", "printer-file-differs")
        assert fake.started == []


async def test_an_old_file_of_the_same_size_is_no_proof_of_an_upload(
    served: Served, file: Json
) -> None:
    async with FakeMoonraker() as fake:
        printer = await added(served, fake, "moonraker")
        fake.keep("cube.gcode", b"x" * len(GCODE))
        fake.fail(*UPLOADS["moonraker"], How.DROP_MIDDLE)
        told = await sent(served, file, printer)

        assert told.state == "forwarded"
        assert fake.files["cube.gcode"].content == GCODE
        assert fake.count(*UPLOADS["moonraker"]) == 2


async def test_cancelling_an_upload_closes_the_connection_and_offers_the_file_again(
    served: Served, file: Json
) -> None:
    async with FakeOctoPrint() as fake:
        printer = await added(served, fake, "octoprint")
        fake.fail("POST", "/api/files/local", How.NEVER)
        asked = {"printer": printer["id"], "print": True}
        path = f"{FILES}/{file['id']}/forward"
        job = body(await served.client.post(path, json=asked), 202)
        await fake.until_asked("POST", "/api/files/local")
        changing = await served.client.patch(f"{PRINTERS}/{printer['id']}", json={"hold": "never"})
        removing = await served.client.delete(f"{PRINTERS}/{printer['id']}")
        await served.client.post(f"/api/v1/runs/{job['run_id']}/cancel")
        told = await ended(served, job)
        again = await released(served, told.job)

        assert problem(changing)[1] == problem(removing)[1] == "printer-in-use"
        assert (told.state, told.last) == ("interrupted", "cancelled")
        assert (again.state, fake.started) == ("forwarded", ["cube.gcode"])


@pytest.mark.slow
async def test_a_printer_that_comes_back_in_time_gets_its_file(hurried: Served) -> None:
    file = await uploaded(hurried)
    async with FakeOctoPrint() as fake:
        printer = await added(hurried, fake, "octoprint")
        fake.fail("GET", "/api/job", How.DROP_BEFORE, times=2)
        told = await sent(hurried, file, printer)

    gone = await sent(hurried, file, printer)

    assert (told.state, told.statuses) == ("forwarded", ["checking", "waiting", *CALM[1:]])
    assert (gone.state, gone.problem) == ("failed", "printer-unreachable")


async def test_what_the_slicer_sends_to_a_printers_host_goes_to_the_printer(
    served: Served,
) -> None:
    token = body(
        await served.client.post("/api/v1/tokens", json={"name": "s", "scopes": ["printhost"]}),
        201,
    )["token"]
    async with FakeMoonraker() as fake:
        printer = await added(served, fake, "moonraker", hold="never")
        address = f"{served.url}{printer['print_host']}"
        async with http(base_url=address, headers={"X-Api-Key": token}) as slicer:
            form = {"print": "true", "path": ""}
            answer = await slicer.post(
                "/api/files/local", data=form, files={"file": ("A b ä.gcode", GCODE)}
            )
        job = body(await served.client.get(f"{HELD}/{answer.json()['job_id']}"))
        told = await ended(served, await decided(served, job))

        assert (answer.status_code, told.state) == (201, "forwarded")
        assert fake.started == ["A_b_a.gcode"]


async def test_a_project_is_not_sent_to_a_printer(served: Served, file: Json) -> None:
    missing = await served.client.post(f"{FILES}/{file['id']}/forward", json={"printer": "none"})

    assert problem(missing) == (404, "no-such-printer")


async def until_ended(served: Served, file: Json) -> list[tuple[str | None, str | None]]:
    async with asyncio.timeout(10):
        while True:
            prints = body(await served.client.get(f"{FILES}/{file['id']}/prints"))["items"]
            if all(one["result"] for one in prints):
                return [(one["result"], one["source"]) for one in prints]
            await asyncio.sleep(0.02)


async def test_how_a_print_ended_is_read_from_the_printer_and_corrected_by_a_person(
    served: Served,
) -> None:
    async with AsyncExitStack() as stack:
        for kind in KINDS:
            fake: FakePrinter = await stack.enter_async_context(KINDS[kind]())
            file = await uploaded(served, name=f"{kind}.gcode")
            printer = await added(served, fake, kind)
            none = body(await served.client.get(f"{FILES}/{file['id']}/prints"))["items"]
            told: Sent = await sent(served, file, printer)
            going = body(await served.client.get(f"{FILES}/{file['id']}/prints"))["items"]
            fake.end(well=kind != "prusalink")
            result = await until_ended(served, file)
            judged = body(
                await served.client.post(
                    f"{FILES}/{file['id']}/outcome",
                    json={"result": "failed", "note": "Warped at the front."},
                )
            )
            asked_before = len(fake.requests)

            expected = "cancelled" if kind == "prusalink" else "finished"
            assert (none, told.state) == ([], "forwarded")
            assert [one["result"] for one in going] == [None]
            assert result == [(expected, "printer")]
            assert (judged["result"], judged["source"]) == ("failed", "user")
            assert judged["note"] == "Warped at the front."
            await asyncio.sleep(0.15)
            assert len(fake.requests) == asked_before  # nothing prints: nobody asks
