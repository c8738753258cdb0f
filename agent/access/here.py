"""What a handler asks of the request about its sender and about the agent's own address."""

from quart import Response, g, request

from agent.access.rules import SESSION_LIFE, Caller

NAMES = ("127.0.0.1", "localhost")


def caller() -> Caller | None:
    """Who sent the request; None for a stranger on a public route."""
    known: Caller | None = g.get("caller")
    return known


def port_of(scope: object) -> int:
    """The port that the connection came in on, by the socket; 0 where there is none."""
    server = scope.get("server") if isinstance(scope, dict) else None
    return int(server[1]) if server and server[1] else 0


def own_address() -> str:
    """`http://127.0.0.1:14434`."""
    return f"http://{NAMES[0]}:{port_of(request.scope)}"


def cookie_name(port: int) -> str:
    """With the port in it, because cookies are shared by all ports of a host."""
    return f"orca_agent_{port}"


def keep_session(response: Response, secret: str, port: int) -> None:
    """Lets the page keep its session; neither scripts nor other sites get at it."""
    response.set_cookie(
        cookie_name(port),
        secret,
        max_age=SESSION_LIFE,
        path="/",
        httponly=True,
        samesite="Strict",
    )


def drop_session(response: Response, port: int) -> None:
    response.delete_cookie(cookie_name(port), path="/", httponly=True, samesite="Strict")
