"""Addresses that are told apart by ids alone lead where Werkzeug alone would lead them."""

import random
import socket

import pytest
from quart import request
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect

from agent.shared.webapp import WebApp
from tests.serving import http, no_streams, served_app

ONE, OTHER = "01a20578-91e4-710c-aaf4-c0605d1e8537", "01a2057e-919e-70de-afa4-28cf7d4573f7"
RULES = (
    "/api/v1/health/live",  # by which the server knows that it answers
    "/talks",
    "/talks/<talk_id>",
    "/talks/<talk_id>/words",
    "/talks/<talk_id>/words/<word_id>",
    "/<talk_id>/talks/<word_id>",
    "/files/<path:name>",
    "/numbers/<int:number>/<talk_id>",
    "/either/<talk_id>/",
)
HASH = 8 * "0123abcd"
PIECES = (
    *("talks", "words", "files", "numbers", "either", "7", "*", ""),
    *(ONE, OTHER, f"x{ONE}", HASH, HASH[::-1], f"{HASH}0"),
)

Led = tuple[int, str, dict[str, str]]  # the status, and of 200 the rule and its values


def routes() -> WebApp:
    """An app whose routes say how they were found."""
    app = WebApp("routes")

    async def told(**values: object) -> dict[str, object]:
        rule = request.url_rule
        return {"rule": rule and rule.rule, "values": {k: str(v) for k, v in values.items()}}

    for number, rule in enumerate(RULES):
        app.add_url_rule(
            rule, f"{number}", told, methods=["GET", "POST"] if number % 2 else ["GET"]
        )
    return app


def led(app: WebApp, method: str, path: str) -> Led:
    """What Werkzeug says, which remembers nothing."""
    try:
        rule, values = app.url_map.bind("here").match(path, method, return_rule=True)
    except RequestRedirect as redirect:
        return redirect.code, "", {}
    except HTTPException as error:
        return error.code or 0, "", {}
    return 200, rule.rule, {name: str(value) for name, value in values.items()}


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_a_known_address_leads_where_it_led_before(seed: int) -> None:
    chance, app = random.Random(seed), routes()
    asked = [
        (chance.choice(["GET", "POST"]), "/".join(["", *chance.choices(PIECES, k=more), last]))
        for more in range(4)
        for last in chance.choices(PIECES, k=100)
    ]
    # The client takes what begins with two slashes for the address of another computer.
    asked = [(method, path) for method, path in asked if not path.startswith("//")]
    asked += [("GET", f"/talks/{one}/words/{two}") for one in (ONE, OTHER) for two in (ONE, OTHER)]

    with socket.create_server(("127.0.0.1", 0)) as listener:
        base = f"http://127.0.0.1:{listener.getsockname()[1]}"
        async with served_app(app, listener) as server, http(base_url=base) as client:
            for method, path in asked * 2:
                reply = await client.request(method, path)
                told = reply.json() if reply.status_code == 200 else {"rule": "", "values": {}}
                found = reply.status_code, told["rule"], told["values"]
                assert found == led(app, method, path), f"{method} {path}"
            await server.close(no_streams)
    assert len(app.known_routes) < 20
