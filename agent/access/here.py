"""The sender of a request, and the cookie of a page."""

from quart import g
from quart.typing import ResponseTypes

from agent.access.rules import SESSION_LIFE, Caller


def caller() -> Caller | None:
    """Who sent the request; None for a stranger on a public route."""
    known: Caller | None = g.get("caller")
    return known


def cookie_name(port: int) -> str:
    """With the port in it, because cookies are shared by all ports of a host."""
    return f"orca_agent_{port}"


def keep_session(response: ResponseTypes, secret: str, port: int) -> None:
    """Lets the page keep its session; neither scripts nor other sites get at it."""
    response.set_cookie(
        cookie_name(port),
        secret,
        max_age=SESSION_LIFE,
        path="/",
        httponly=True,
        samesite="Strict",
    )


def drop_session(response: ResponseTypes, port: int) -> None:
    response.delete_cookie(cookie_name(port), path="/", httponly=True, samesite="Strict")
