"""Pictures in requests, as agent and hub take them."""

import asyncio
from typing import Annotated

from pydantic import Field
from quart import request

from agent.images.incoming import from_data_url
from agent.images.rules import LIMIT_BYTES
from agent.shared.errors import Invalid, TooLarge
from agent.shared.web import In, body, read_bytes

ENVELOPE_BYTES = 64 * 1024


class DataUrlIn(In):
    data_url: Annotated[str, Field(description="data:image/png;base64,...")]


async def sent_picture() -> bytes:
    """The picture in the request: field `file` of a form, raw bytes, or JSON with a data URL.

    Raises TooLarge `image-too-large`, Invalid `no-file` and what is wrong with a data URL."""
    most = LIMIT_BYTES * 4 // 3 + ENVELOPE_BYTES
    if (request.content_length or 0) > most:
        raise TooLarge("image-too-large", f"Pictures of up to {LIMIT_BYTES >> 20} MiB fit here.")
    if request.mimetype == "application/json":
        sent = await body(DataUrlIn, limit_bytes=most)
        return await asyncio.to_thread(from_data_url, sent.data_url)
    if request.mimetype == "multipart/form-data":
        file = (await request.files).get("file")
        if file is None:
            raise Invalid("no-file", "The form has no field called file.")
        return bytes(file.read())
    data = await read_bytes(limit_bytes=LIMIT_BYTES)
    if not data:
        raise Invalid("no-file", "The body is empty. Send a picture.")
    return data
