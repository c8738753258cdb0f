"""What goes wrong when the program is opened anew, and does not end the agent."""

import asyncio
import os
import socket
from pathlib import Path

import httpx
import pytest
from quart import request

from agent import ports, runfile
from agent.program import Program as Serving
from agent.server import Server
from agent.settings import load
from agent.shared.tasks import running
from agent.shared.webapp import WebApp
from tests.agent.configuration.test_restart import MANAGED, asking, restart, value_of
from tests.agent.program import program
from tests.serving import NOBODY, http, no_streams, running_agent

METHOD = "signal" if os.name == "posix" else "thread"
pytestmark = pytest.mark.timeout(120, method=METHOD)


async def test_a_folder_in_the_home_of_nobody_is_refused(tmp_path: Path) -> None:
    async with running_agent(tmp_path / "data") as served:
        answer = await served.client.patch(
            "/api/v1/settings", json={"slicer_data_dirs": "~no-such-user-here/x"}
        )

    detail = "A folder is in the home of a user who is not known."
    assert (answer.status_code, answer.json()["errors"]) == (
        422,
        [{"field": "slicer_data_dirs", "detail": detail}],
    )
    assert not (tmp_path / "data" / "agent.toml").exists()


@pytest.mark.slow
def test_neither_a_bad_folder_nor_a_file_that_cannot_be_written_ends_it(tmp_path: Path) -> None:
    with program(tmp_path / "data", **MANAGED) as one:
        one.serve()
        with asking(one) as client:
            file = one.data_dir / "agent.toml"
            file.write_text('guide = false\nslicer_data_dirs = "~no-such-user-here/x"\n')
            restart(one, client)
            with_a_bad_file = value_of(client, "guide")

            file.write_text("guide = false\n")
            (one.data_dir / "agent.json").unlink()
            (one.data_dir / "agent.json").mkdir()
            restart(one, client)
            without_a_run_file = value_of(client, "guide")
            drafts = list(one.data_dir.glob(".agent.json.*"))
        code, _, err = one.end()

    assert (with_a_bad_file, without_a_run_file) == (
        [True, "default", False],
        [False, "file", False],
    )
    assert (code, drafts) == (0, [])
    assert "a folder is in the home of a user who is not known" in err
    assert "agent.json cannot be written" in err


class Choosy(Serving):
    """Opens with the guide alone."""

    async def _put_back(self) -> bool:
        if not self._settings.guide:
            raise RuntimeError("no guide")
        return await super()._put_back()


@pytest.mark.slow
async def test_settings_that_do_not_open_leave_those_that_did(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    settings = load(data_dir=data, port=0, ollama_url=NOBODY, manage_ollama="never")
    serving = Choosy(settings, ports.bind(0), browser=False)
    codes: list[int] = []

    async def serve() -> None:
        codes.append(await serving.run())

    async def opened(times: int) -> httpx.AsyncClient:
        while caplog.text.count("serving on port") < times:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.02)
        found = runfile.read(data)
        assert found is not None
        headers = {"Authorization": f"Bearer {found.token}"}
        return http(base_url=f"{found.url}/api/v1", headers=headers)

    with caplog.at_level("INFO"):
        async with asyncio.timeout(100), running(serve=serve()):
            async with await opened(1) as client:
                (data / "agent.toml").write_text("guide = false\n")
                await client.post("/restart", json={})
                async with await opened(2):
                    told = (await client.get("/settings")).json()
                await client.post("/stop")
            while not codes:  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.02)

    guide = next(one for one in told["items"] if one["name"] == "guide")
    assert (guide["value"], guide["pending"], told["restart_needed"]) == (True, False, True)
    assert codes == [0]
    assert "the agent cannot start with these settings" in caplog.text


async def test_what_was_cut_off_has_ended_when_the_next_one_opens(
    caplog: pytest.LogCaptureFixture,
) -> None:
    app, begun, ended = WebApp("cut"), asyncio.Event(), []

    @app.get("/api/v1/health/live")
    async def live() -> str:
        return "here"

    @app.post("/upload")
    async def upload() -> str:
        begun.set()
        try:
            return str(sum([len(part) async for part in request.body]))
        finally:
            await asyncio.sleep(0)
            ended.append("upload")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = Server(listener)
        server.open(app)
        async with running(server=server.run()):
            await server.answers()
            port = listener.getsockname()[1]
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"POST /upload HTTP/1.1\r\nHost: here\r\nContent-Length: 9\r\n\r\nabc")
            await begun.wait()
            await server.renew(no_streams)
            at_the_renewal = list(ended)
            writer.close()
            await server.close(no_streams)

    assert at_the_renewal == ["upload"]
    assert [one.getMessage() for one in caplog.records if one.levelname == "ERROR"] == []
