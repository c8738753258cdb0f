"""The page of the window while there is no agent whose page it could show."""

import json
from html import escape

from ui.agent_process import Failure
from ui.files import START
from ui.words import Words

STYLE = """
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; }
main { max-width: 34rem; padding: 1.5rem; }
h1 { font-size: 1.25rem; margin: 0 0 .75rem; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; font: inherit; margin: .5rem 0 0;
  max-height: 45vh; overflow: auto; }
p { margin: 0 0 1rem; opacity: .8; }
button { font: inherit; padding: .4rem .9rem; margin: 0 .5rem .5rem 0; cursor: pointer; }
"""
BAR = "orca-agents-bar"
BAR_STYLE = (
    "position:fixed;inset:auto 0 0 0;z-index:2147483647;padding:.6rem 1rem;text-align:center;"
    "font:15px/1.5 system-ui,sans-serif;background:#16191d;color:#fff"
)
ACTS = ("retry", "show_log", "restore")


def starting(words: Words) -> str:
    """While it comes up."""
    return _page(words, f"<p>{escape(words('starting'))}</p>")


def failed(words: Words, failure: Failure | None, key: str) -> str:
    """When it did not, with what can be done; without a failure it was told to end. `key` lets
    its buttons do something, and no other page knows it."""
    acts = [("retry", "retry"), ("log", "show_log")]
    told = words("stopped-text") if failure is None else ""
    if failure and failure.crashes:
        told = words("crashed-text")
    if failure and failure.offers_backup:
        acts.append(("restore", "restore"))
        told = words("restore-text")
    return _page(
        words,
        f"<h1>{escape(title(words, failure))}</h1>"
        + (f"<p>{escape(told)}</p>" if told else "")
        + "".join(_button(words(name), act, key) for name, act in acts)
        + (f'<pre tabindex="0">{escape(failure.text)}</pre>' if failure and failure.text else ""),
    )


def bar(words: Words) -> str:
    """A script for the page of an agent that was told to end, which may hold half a question: a
    line at its foot that can start it."""
    told = {"id": BAR, "style": BAR_STYLE, "text": words("stopped"), "start": words("start")}
    return f"""(() => {{
  const told = {json.dumps(told)};
  if (document.getElementById(told.id)) return;
  const bar = document.createElement("div"), start = document.createElement("a");
  bar.id = told.id;
  bar.setAttribute("role", "status");
  bar.style.cssText = told.style;
  start.href = {json.dumps(START)};
  start.textContent = told.start;
  start.style.cssText = "color:inherit;font-weight:600;text-decoration:underline";
  bar.append(told.text + ". ", start);
  document.body.append(bar);
}})()"""


def no_bar() -> str:
    """A script that takes the line away."""
    return f"document.getElementById({json.dumps(BAR)})?.remove()"


def title(words: Words, failure: Failure | None) -> str:
    """What happened, in a few words."""
    if failure is None:
        return words("stopped")
    return words("crashed", count=failure.crashes) if failure.crashes else words("failed")


def _button(label: str, act: str, key: str) -> str:
    return f"""<button onclick="pywebview.api.{act}('{key}')">{escape(label)}</button>"""


def _page(words: Words, body: str) -> str:
    return (
        f'<!doctype html><html lang="{words.language}"><meta charset="utf-8">'
        f"<title>{escape(words('name'))}</title><style>{STYLE}</style><main>{body}</main></html>"
    )
