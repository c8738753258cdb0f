"""What comes from outside, before anything decodes it."""

import base64
from importlib.util import find_spec

from agent.images.rules import LIMIT_BYTES, mime_of
from agent.shared.errors import Invalid, TooLarge, UnsupportedMedia


def from_data_url(url: str) -> bytes:
    """The bytes of `data:image/...;base64,...`. Raises Invalid."""
    head, comma, body = url.partition(",")
    if not comma or not head.startswith("data:") or not head.endswith(";base64"):
        raise Invalid("bad-data-url", "A data URL reads data:image/png;base64,....")
    try:
        return base64.b64decode(body, validate=True)
    except ValueError:
        raise Invalid("bad-data-url", "The base64 text of the data URL is damaged.") from None


def checked_mime(data: bytes) -> str:
    """The type of a picture that can be read here. Raises TooLarge or UnsupportedMedia."""
    if len(data) > LIMIT_BYTES:
        raise too_large()
    mime = mime_of(data)
    if mime is None:
        raise UnsupportedMedia(
            "not-an-image",
            "This is no PNG, JPEG, WebP or GIF picture, whatever its name says.",
        )
    if mime == "image/heic" and find_spec("pillow_heif") is None:
        raise UnsupportedMedia(
            "no-heic",
            "This is a HEIC picture, as iPhones take them. Send it as JPEG, or install the "
            "package pillow-heif beside the agent, which then reads it.",
        )
    return mime


def too_large() -> TooLarge:
    return TooLarge("image-too-large", f"Pictures of up to {LIMIT_BYTES >> 20} MiB fit here.")
