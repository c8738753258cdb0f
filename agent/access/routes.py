"""Tickets, tokens, pairing and the session of the caller."""

from quart import Blueprint, Response
from quart_schema import document_response

from agent.access import shapes
from agent.access.here import caller, drop_session, keep_session
from agent.access.rules import Caller, PairingState
from agent.access.service import AccessService
from agent.shared import web
from agent.shared.clock import rfc3339
from agent.shared.errors import Conflict, Unauthenticated

PAIRING_PATH = "/api/v1/pairing"


def routes(access: AccessService, *, port: int) -> Blueprint:
    bp = Blueprint("access", __name__, url_prefix="/api/v1")
    _tokens(bp, access)
    _pairing(bp, access, port)
    _session(bp, access, port)
    return bp


def _tokens(bp: Blueprint, access: AccessService) -> None:
    @bp.get("/tokens")
    @web.needs("admin")
    @web.gives(shapes.CredentialsOut)
    async def list_tokens() -> Response:
        """Tokens and pages that are signed in, without their secrets."""
        items = [shapes.credential(known) for known in await access.list_all()]
        return web.json({"items": items, "next_cursor": None})

    @bp.post("/tokens")
    @web.needs("admin")
    @web.takes(shapes.TokenIn)
    @web.gives(shapes.TokenOut, 201)
    async def create_token(asked: shapes.TokenIn) -> Response:
        """A new token. Its secret is told this once."""
        token, secret = await access.add_token(
            asked.name, frozenset(asked.scopes), expires_at=asked.expires_at
        )
        return web.json({**shapes.credential(token), "token": secret}, 201)

    @bp.delete("/tokens/<token_id>")
    @web.needs("admin")
    @web.gives_media(204)
    async def revoke_token(token_id: str) -> Response:
        """Ends a token, or signs a page out."""
        await access.revoke(token_id)
        return Response(status=204)

    @bp.post("/tokens/rotate")
    @web.needs("admin")
    @web.gives(shapes.RotatedOut)
    async def rotate_token() -> Response:
        """Puts a new main token into the token file; the old one is worth nothing from now on."""
        await access.rotate()
        return web.json({"rotated": True})


def _pairing(bp: Blueprint, access: AccessService, port: int) -> None:
    @bp.post("/pairing")
    @web.public
    @web.takes(shapes.PairingIn, limit_bytes=4096)
    @web.gives(shapes.PairingStarted, 201)
    @document_response(shapes.PairingAnswer, 200)
    async def pair(asked: shapes.PairingIn) -> Response:
        """Lets a program in that cannot read the token file: starts a pairing, or asks for one."""
        if asked.id is None or asked.secret is None:
            return _started(access, asked.name or "")
        state, secret = await access.ask_pairing(asked.id, asked.secret, for_page=asked.session)
        if secret is None or asked.session:
            response = web.json({"state": state.value})
        else:
            response = web.json({"state": state.value, "token": secret})
        if secret is not None and asked.session:
            keep_session(response, secret, port)
        return response

    @bp.get("/pairing")
    @web.needs("admin")
    @web.gives(shapes.PairingsOut)
    async def list_pairings() -> Response:
        """Programs that wait for their code to be confirmed."""
        items = [shapes.waiting(pairing) for pairing in access.pairings.waiting()]
        return web.json({"items": items, "next_cursor": None})

    @bp.post("/pairing/<pairing_id>/confirm")
    @web.needs("admin")
    @web.takes(shapes.CodeIn)
    @web.gives(shapes.PairingConfirmed)
    async def confirm_pairing(pairing_id: str, asked: shapes.CodeIn) -> Response:
        """Lets the program in that shows this code. Five wrong codes end the pairing."""
        access.pairings.confirm(pairing_id, asked.code.replace(" ", ""))
        return web.json({"state": PairingState.CONFIRMED.value})

    @bp.post("/pairing/<pairing_id>/refuse")
    @web.needs("admin")
    @web.gives_media(204)
    async def refuse_pairing(pairing_id: str) -> Response:
        """Turns the program away."""
        access.pairings.refuse(pairing_id)
        return Response(status=204)


def _session(bp: Blueprint, access: AccessService, port: int) -> None:
    @bp.post("/tickets")
    @web.signed_in
    @web.gives(shapes.TicketOut, 201)
    async def create_ticket() -> Response:
        """A link that signs one browser in, with the scopes of the caller."""
        link = access.new_ticket(port, scopes=_me().scopes)
        return web.json({"url": link.url, "expires_at": rfc3339(link.ends_at)}, 201)

    @bp.get("/session")
    @web.signed_in
    @web.gives(shapes.SessionOut)
    async def show_session() -> Response:
        """Who is calling, and what they may do."""
        return web.json(shapes.session(_me()))

    @bp.delete("/session")
    @web.signed_in
    @web.gives_media(204)
    async def end_session() -> Response:
        """Signs the page out."""
        me = _me()
        if me.kind != "session":
            raise Conflict(
                "not-a-session", "A token does not sign out; take it away at /api/v1/tokens."
            )
        await access.revoke(me.id)
        response = Response(status=204)
        drop_session(response, port)
        return response


def _started(access: AccessService, name: str) -> Response:
    pairing, secret = access.pairings.start(name)
    return web.json(
        {
            "id": pairing.id,
            "code": pairing.code,
            "secret": secret,
            "expires_at": rfc3339(pairing.ends_at),
            "state": pairing.state.value,
        },
        201,
    )


def _me() -> Caller:
    if (me := caller()) is None:
        raise Unauthenticated("unauthenticated", "Say who you are.")
    return me
