"""What somebody sees who was sent back by the provider and cannot be let in."""

import base64
import hashlib
from html import escape

from quart import Response, request

from agent.shared.errors import OrcaError
from agent.shared.problems import STATUS

STYLE = (
    ":root{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}"
    "main{max-inline-size:36rem;margin:15vh auto;padding-inline:1rem}"
    "a{color:LinkText}"
)
DIGEST = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
POLICY = (
    f"default-src 'none'; style-src 'sha256-{DIGEST}'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Not signed in - Orca Agents</title><style>{style}</style></head>
<body><main><h1>You are not signed in</h1><p>{detail}</p>
<p><a href="/">To the hub's page</a></p><p><small>{code}</small></p></main></body>
</html>
"""


def problem_page(err: OrcaError) -> Response:
    """The sentence and the way back; a program gets the problem as everywhere."""
    if "text/html" not in request.headers.get("Accept", ""):
        raise err
    body = PAGE.format(style=STYLE, detail=escape(str(err)), code=escape(err.code))
    response = Response(body, STATUS[type(err)], content_type="text/html; charset=utf-8")
    response.headers["Content-Security-Policy"] = POLICY
    if isinstance(seconds := err.extra.get("retry_after_s"), int):
        response.headers["Retry-After"] = str(seconds)
    return response
