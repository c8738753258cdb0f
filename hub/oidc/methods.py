"""Which ways in there are."""

from agent.shared.databases import Databases
from hub.settings import Settings
from hub.users.store import Accounts


class Methods:
    """What the sign-in page offers."""

    def __init__(self, database: Databases, settings: Settings) -> None:
        self._database, self._settings = database, settings

    async def shown(self) -> dict[str, object]:
        async with self._database.reading() as connection:
            administrators = await Accounts(connection).count(administrators=True)
        return {"local": True, "oidc": self._button(), "is_first": administrators == 0}

    def _button(self) -> dict[str, object] | None:
        settings = self._settings
        if not settings.oidc_issuer:
            return None
        alias = "okta" if settings.oidc_preset == "okta" else "oidc"
        name = settings.oidc_name or ("Okta" if alias == "okta" else "OpenID Connect")
        return {"name": name, "url": f"/api/v1/auth/{alias}/login"}
