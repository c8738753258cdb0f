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
            administrators = await Accounts(connection).administrators()
        return {
            "local": self._settings.local_login != "off",
            "is_emergency_only": self._settings.local_login == "break-glass",
            "oidc": self._button(),
            "is_first": not administrators,
        }

    def _button(self) -> dict[str, object] | None:
        settings = self._settings
        if not settings.oidc_issuer:
            return None
        alias = alias_of(settings)
        return {"name": name_of(settings), "url": f"/api/v1/auth/{alias}/login"}


def alias_of(settings: Settings) -> str:
    """What stands in the addresses of the provider's routes."""
    return "okta" if settings.oidc_preset == "okta" else "oidc"


def name_of(settings: Settings) -> str:
    """What people know the provider as."""
    return settings.oidc_name or ("Okta" if settings.oidc_preset == "okta" else "OpenID Connect")
