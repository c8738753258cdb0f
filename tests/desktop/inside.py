"""What the page in the window knows of itself, asked by Chromium's own protocol."""

import asyncio
from dataclasses import dataclass
from typing import Any

import aiohttp

PATIENCE_S = 30.0


@dataclass(frozen=True, slots=True)
class Inside:
    """The page of a window, by the port at which its web engine lets itself be asked."""

    port: int

    def says(self, script: str, *, address: str = "/ui") -> Any:  # Any: JSON
        """What a script comes to in the page with this in its address; None if none is there."""
        return asyncio.run(self._says(script, address))

    def addresses(self) -> list[str]:
        """Of every page that is open."""
        return [str(one["url"]) for one in asyncio.run(self._pages())]

    def has(self, text: str) -> bool:
        """Whether the page shows this text."""
        return text in (self.says("document.body.innerText") or "")

    def click(self, text: str) -> None:
        """A click on the first button or link of that name."""
        self.says(
            "[...document.querySelectorAll('button, a')]"
            f".find((one) => one.innerText.trim() === {text!r}).click()"
        )

    async def _pages(self) -> list[dict[str, Any]]:  # Any: JSON
        try:
            async with (
                aiohttp.ClientSession() as web,
                web.get(f"http://127.0.0.1:{self.port}/json") as answer,
            ):
                found = await answer.json(content_type=None)
        except aiohttp.ClientError:
            return []
        return [one for one in found if one["type"] == "page"]

    async def _says(self, script: str, address: str) -> Any:  # Any: JSON
        page = next((one for one in await self._pages() if address in one["url"]), None)
        if page is None:
            return None
        params = {"expression": script, "returnByValue": True, "awaitPromise": True}
        asked = {"id": 1, "method": "Runtime.evaluate", "params": params}
        async with (
            asyncio.timeout(PATIENCE_S),
            aiohttp.ClientSession() as web,
            web.ws_connect(page["webSocketDebuggerUrl"], max_msg_size=0) as line,
        ):
            await line.send_json(asked)
            async for said in line:  # it ends when the page begins to go somewhere else
                answer = said.json()
                if answer.get("id") == 1:
                    break
            else:
                return None
        return answer.get("result", {}).get("result", {}).get("value")
