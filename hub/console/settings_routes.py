"""What is set, and where that comes from. Settings are changed where the hub is started."""

from pathlib import Path

from pydantic import SecretStr
from quart import Blueprint, Response

from agent.shared.web import Out, gives, json
from hub.access import administrator
from hub.settings import PREFIX, Settings, Source, secret_names


class SettingOut(Out):
    """`value` is null where nothing is set, and for every secret."""

    name: str
    variable: str
    description: str
    value: str | int | float | bool | None
    default: str | int | float | bool | None
    is_secret: bool
    is_set: bool
    source: Source


class SettingsOut(Out):
    items: list[SettingOut]
    next_cursor: str | None


def routes(settings: Settings) -> Blueprint:
    bp = Blueprint("settings", __name__, url_prefix="/api/v1/settings")

    @bp.get("")
    @administrator
    @gives(SettingsOut)
    async def list_settings() -> Response:
        """Every setting as it holds; secrets are said to be set or not."""
        return json({"items": shown(settings), "next_cursor": None})

    return bp


def shown(settings: Settings) -> list[dict[str, object]]:
    """In the order of the documentation."""
    secrets = set(secret_names())
    items = []
    for name, field in Settings.model_fields.items():
        value, is_secret = getattr(settings, name), name in secrets
        is_set = value is not None and value != ""
        default = None if field.default_factory or is_secret else _plain(field.get_default())
        items.append(
            {
                "name": name,
                "variable": f"{PREFIX}{name.upper()}",
                "description": field.description or "",
                "value": None if is_secret else _plain(value),
                "default": default,
                "is_secret": is_secret,
                "is_set": is_set,
                "source": settings.source_of(name),
            }
        )
    return items


def _plain(value: object) -> str | int | float | bool | None:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, SecretStr):
        return None
    return value.as_posix() if isinstance(value, Path) else str(value)
