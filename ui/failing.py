"""The page of the window while there is no agent whose page it could show."""

from html import escape

from ui.agent_process import Failure
from ui.words import Words

STYLE = """
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; }
main { max-width: 34rem; padding: 1.5rem; }
h1 { font-size: 1.25rem; margin: 0 0 .75rem; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; font: inherit; margin: 0 0 1rem; }
p { margin: 0 0 1rem; opacity: .8; }
button { font: inherit; padding: .4rem .9rem; margin: 0 .5rem .5rem 0; cursor: pointer; }
"""
ACTS = ("retry", "show_log", "restore")


def starting(words: Words) -> str:
    """While it comes up."""
    return _page(words, f"<p>{escape(words('starting'))}</p>")


def failed(words: Words, failure: Failure | None, key: str) -> str:
    """When it did not, with what can be done; without a failure it was told to end. `key` lets
    its buttons do something, and no other page knows it."""
    if failure is None:
        told = f"<h1>{escape(words('stopped'))}</h1><p>{escape(words('stopped-text'))}</p>"
    else:
        told = f"<h1>{escape(words('failed'))}</h1><pre>{escape(failure.text)}</pre>"
    buttons = [("retry", "retry"), ("log", "show_log")]
    if failure and failure.offers_backup:
        buttons.append(("restore", "restore"))
        told += f"<p>{escape(words('restore-text'))}</p>"
    return _page(words, told + "".join(_button(words(name), act, key) for name, act in buttons))


def _button(label: str, act: str, key: str) -> str:
    return f"""<button onclick="pywebview.api.{act}('{key}')">{escape(label)}</button>"""


def _page(words: Words, body: str) -> str:
    return (
        f'<!doctype html><html lang="{words.language}"><meta charset="utf-8">'
        f"<title>{escape(words('name'))}</title><style>{STYLE}</style><main>{body}</main></html>"
    )
