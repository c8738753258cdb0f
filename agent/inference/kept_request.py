"""A small request that is sent again and again, over aiohttp's connections.

aiohttp makes each request anew, with cookies, redirects, authentication and forms in mind: 75 of
its functions run before the first byte is sent. Here the same request is made once for each
address, and what is left are those that connect, write and read."""

import asyncio
from collections.abc import Mapping
from functools import cached_property

import aiohttp
from aiohttp.client_reqrep import ConnectionKey
from aiohttp.helpers import TimerNoop
from aiohttp.http import StreamWriter
from yarl import URL

_NO_LIMIT = TimerNoop()  # who waits sets a limit


class _Same(aiohttp.ClientRequest):
    @cached_property
    def connection_key(self) -> ConnectionKey:
        """What connections it can go over."""
        return super().connection_key


class KeptRequest:
    """A POST to one address. What goes wrong is raised as `session.request` does."""

    def __init__(
        self, session: aiohttp.ClientSession, url: URL, headers: Mapping[str, str]
    ) -> None:
        self._session = session
        self._request = _Same(
            "POST",
            url,
            headers=[*session.headers.items(), *headers.items()],
            loop=asyncio.get_running_loop(),
        )
        self._line = f"POST {url.raw_path_qs} HTTP/1.1"
        self._asked = self._request.request_info

    async def post(self, body: bytes, headers: Mapping[str, str]) -> aiohttp.ClientResponse:
        """The answer once its head is here. `body` goes out in one write, so it is small;
        `headers` have its length."""
        session, request = self._session, self._request
        if session.connector is None:
            raise aiohttp.ClientConnectionError("the session is closed")
        connection = await session.connector.connect(request, [], session.timeout)
        protocol = connection.protocol
        if protocol is None:
            raise aiohttp.ClientConnectionError("the connection is closed")
        try:
            protocol.set_response_params(
                timer=_NO_LIMIT, read_until_eof=True, auto_decompress=False
            )
            writer = StreamWriter(protocol, request.loop)
            sent = request.headers.copy()
            sent.update(headers)
            await writer.write_headers(self._line, sent)
            await writer.write_eof(body)
            reply = aiohttp.ClientResponse(
                "POST",
                request.url,
                writer=None,
                continue100=None,
                timer=_NO_LIMIT,
                request_info=self._asked,
                traces=[],
                loop=request.loop,
                session=session,
                stream_writer=writer,
            )
            return await reply.start(connection)
        except BaseException:
            connection.close()
            raise
