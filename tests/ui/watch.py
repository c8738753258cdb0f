"""What a page must never do: complain, fail, break the content policy, call anybody else."""

import re
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from playwright.async_api import ConsoleMessage, Page, Request

TELL_VIOLATIONS = """
document.addEventListener("securitypolicyviolation", (event) =>
  console.error(`policy violated: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`));
"""
CONNECTION = re.compile(
    r"Failed to load resource: net::ERR_|net::ERR_(CONNECTION|EMPTY|INCOMPLETE|NETWORK)"
)


@dataclass
class Watch:
    """`allowed` are patterns of complaints that the test brings about itself."""

    complaints: list[str] = field(default_factory=list)
    allowed: list[re.Pattern[str]] = field(default_factory=list)

    def allow(self, pattern: str) -> None:
        self.allowed.append(re.compile(pattern))

    def allow_lost_connections(self) -> None:
        self.allowed.append(CONNECTION)

    async def follow(self, page: Page) -> None:
        await page.add_init_script(TELL_VIOLATIONS)
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.complaints.append(f"page error: {error}"))
        page.on("request", self._request)
        page.on("popup", lambda popup: self.complaints.append(f"opened {popup.url}"))
        page.on("dialog", lambda dialog: self.complaints.append(f"dialog: {dialog.message}"))

    def seen(self) -> list[str]:
        """The complaints that the test did not ask for."""
        return [
            one
            for one in self.complaints
            if not any(pattern.search(one) for pattern in self.allowed)
        ]

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            place = message.location.get("url", "")
            self.complaints.append(f"{message.type}: {message.text} ({place})")

    def _request(self, request: Request) -> None:
        address = urlsplit(request.url)
        if address.scheme in ("http", "https", "ws", "wss") and address.hostname != "127.0.0.1":
            self.complaints.append(f"called {request.url}")
