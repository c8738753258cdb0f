"""Pages without a script, for what must be readable where the panel is not."""

from quart import Response, request

from agent.shared.plain import page

HOME = "/"
PRINT_HOSTS = "/printhost/"  # a slicer shows this address where none for the panel was typed
TO_THE_PANEL = '<meta http-equiv="refresh" content="0; url=/ui">'


def _command(words: str) -> str:
    """As the shell finds it, and as it does not where `make run` began the agent."""
    return (
        f"<code>orca-agent {words}</code> (in the folder of Orca Agents: "
        f"<code>.venv/bin/orca-agent {words}</code>)"
    )


def sign_in() -> Response:
    """What a browser sees that has no session, in place of a problem document.

    From the bare address, and from that of a print host, it goes on to the panel by itself, which
    lets the browser sign in.
    """
    leads_on = request.path == HOME or request.path.startswith(PRINT_HOSTS)
    response = page(
        "This page wants to know who you are",
        '<p><a href="/ui">Open the panel</a> and confirm the code that it shows, or run '
        f"{_command('url')} in a terminal for a link that signs this browser in. "
        "Then come back here.</p>",
        401,
        head_html=TO_THE_PANEL if leads_on else "",
    )
    response.headers["WWW-Authenticate"] = 'Bearer realm="orca-agent"'
    return response


def unknown() -> Response:
    """What a signed-in browser sees at an address that is none, in place of a problem document."""
    return page(
        "There is nothing at this address",
        '<p><a href="/ui">To the panel</a>, or to the <a href="/docs">description of the API</a>.'
        "</p>",
        404,
    )


def ticket_gone() -> Response:
    return page(
        "This link does not work any more",
        f"<p>A link signs one browser in, once, within a minute. Run {_command('url')} "
        'for a new one. If this browser is signed in already, <a href="/ui">the panel</a> '
        "opens without a link.</p>",
        410,
    )


def ui_missing() -> Response:
    return page(
        "The panel is not built yet",
        "<p>The agent runs. Its page is made from TypeScript, which wants Node.js 20.19 or newer "
        "on this computer. Install Node.js, then run <code>make setup</code> in the "
        "folder of Orca Agents, and load this page again.</p>"
        f"<p>Meanwhile {_command('chat')} talks in the terminal, and programs can use "
        'the API; <a href="/docs">its description</a> is here, for browsers that '
        f"{_command('url')} has signed in.</p>",
    )
