"""A page without a script, for what must be readable where the built pages are not."""

import base64
import hashlib
from html import escape

from quart import Response

STYLE = """
:root { color-scheme: light dark; --text: #1b2426; --soft: #55656a; --ground: #fbfcfc;
  --line: #d5dddf; --field: #eef2f3; --accent: #00695f; }
@media (prefers-color-scheme: dark) { :root { --text: #e4ebec; --soft: #a2b1b5;
  --ground: #15191b; --line: #364043; --field: #202729; --accent: #5cc9ba; } }
body { margin: 0 auto; padding: 2rem 1rem 4rem; max-width: 56rem; color: var(--text);
  background: var(--ground); font: 1rem/1.55 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.5rem; line-height: 1.25; } h2 { font-size: 1.2rem; margin: 2.5rem 0 .5rem; }
h3 { font-size: 1rem; margin: 0; } h4 { font-size: .9rem; margin: 1rem 0 .25rem; }
a { color: var(--accent); } p { margin: .5rem 0; } .soft { color: var(--soft); }
code { font: .9em ui-monospace, Consolas, monospace; background: var(--field);
  border-radius: 3px; padding: .1em .3em; }
article { border: 1px solid var(--line); border-radius: 6px; padding: .75rem 1rem;
  margin: .75rem 0; }
nav ul { padding: 0; display: flex; flex-wrap: wrap; gap: .25rem 1rem; list-style: none; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
th, td { text-align: left; vertical-align: top; padding: .3rem .6rem .3rem 0;
  border-bottom: 1px solid var(--line); }
@media (max-width: 480px) { body { padding: 1rem .75rem 3rem; } article { padding: .6rem .7rem; } }
"""
_DIGEST = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
POLICY = (
    f"default-src 'none'; style-src 'sha256-{_DIGEST}'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)


def page(title: str, body_html: str, status: int = 200, *, head_html: str = "") -> Response:
    """A whole page; `body_html` and `head_html` are markup already, `title` is text."""
    html = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"{head_html}<title>{escape(title)}</title><style>{STYLE}</style></head>"
        f"<body><main><h1>{escape(title)}</h1>{body_html}</main></body></html>"
    )
    response = Response(html, status, content_type="text/html; charset=utf-8")
    response.headers["Content-Security-Policy"] = POLICY
    response.headers["Cache-Control"] = "no-store"
    return response
