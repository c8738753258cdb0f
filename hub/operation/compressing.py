"""Answers made small, and not sent again where they are the same."""

import asyncio
import gzip
import hashlib

from quart import Quart, request
from quart.typing import ResponseTypes
from quart.wrappers.response import DataBody

LEAST_BYTES = 1024
IN_A_THREAD_BYTES = 256 * 1024
LEVEL = 5
MEDIA = {
    "application/json",
    "application/javascript",
    "image/svg+xml",
    "text/css",
    "text/html",
    "text/javascript",
    "text/plain",
}
# What is secret there must not be guessed from the length of what is sent.
NEVER = ("/api/v1/auth/", "/scim/", "/metrics")


def install(app: Quart) -> None:
    """Lists get a tag, by which a browser asks whether they have changed; long texts are
    compressed. Streams and whatever holds tokens are left alone."""

    @app.after_request
    async def finish(response: ResponseTypes) -> ResponseTypes:
        body = getattr(response, "response", None)
        if not isinstance(body, DataBody) or request.path.startswith(NEVER):
            return response
        content = body.data
        if len(content) < LEAST_BYTES or response.mimetype not in MEDIA:
            return response
        if _is_list(response):
            response.set_etag(hashlib.sha256(content).hexdigest()[:32], weak=True)
            response.headers["Cache-Control"] = "private, no-cache"
            response.headers.add("Vary", "Authorization, Cookie")
            if request.if_none_match.contains_weak(response.get_etag()[0] or ""):
                response.status_code = 304
                response.set_data(b"")
                return response
        await _compress(response, content)
        return response


def _is_list(response: ResponseTypes) -> bool:
    return (
        request.method in {"GET", "HEAD"}
        and response.status_code == 200
        and response.mimetype == "application/json"
        and "Cache-Control" not in response.headers
    )


async def _compress(response: ResponseTypes, content: bytes) -> None:
    response.headers.add("Vary", "Accept-Encoding")
    if "Content-Encoding" in response.headers or response.status_code in {204, 206, 304}:
        return
    if not request.accept_encodings.quality("gzip"):
        return
    if len(content) > IN_A_THREAD_BYTES:
        small = await asyncio.to_thread(gzip.compress, content, LEVEL, mtime=0)
    else:
        small = gzip.compress(content, LEVEL, mtime=0)
    tag, is_weak = response.get_etag()
    if tag and not is_weak:
        response.set_etag(tag, weak=True)
    response.set_data(small)
    response.headers["Content-Encoding"] = "gzip"
