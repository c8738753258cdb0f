"""Errors as slicers show them: `HTTP 409: <the body>`, so that the body is one sentence."""

from collections.abc import Mapping

from agent.shared.problems import Told

PATH = "/printhost"
SENTENCES = {
    "unauthenticated": "The API key of this printer is no token of Orca Agents. The page Printers "
    "of its panel makes one.",
    "scope-missing": "The token that stands as the API key of this printer is not meant for "
    "printing. The page Printers of Orca Agents' panel makes one that is.",
    "no-such-route": "Orca Agents speaks OctoPrint and Moonraker here. Choose one of them as host "
    "type, and as host the address that the page Printers of its panel shows.",
}


def spoken(problem: Mapping[str, object]) -> Told:
    """A problem document as plain text."""
    code, status = str(problem["type"]).rpartition(":")[2], problem["status"]
    if code == "scope-missing" and problem.get("scope") != "printhost":
        code, status = "no-such-route", 404  # what has no route wants the rights of all routes
    text = SENTENCES.get(code) or str(problem["detail"])
    return Told(
        status if isinstance(status, int) else 500, text.encode(), "text/plain; charset=utf-8"
    )
