"""What a person set in place of the profile's recommendation, from the settings."""

from agent.configuration.layers import MANAGED_NAME
from agent.models.recommending import Overrides
from agent.settings import Settings
from agent.wrong_settings import plain_names

OPTIONS = {
    "num_ctx": "context_tokens",
    "keep_alive": "keep_alive",
    "num_parallel": "ollama_parallel",
    "max_loaded_models": "ollama_max_loaded",
}


def overrides_of(settings: Settings) -> Overrides:
    """Only what was set by somebody; a setting's own default leaves the profile's value."""
    models = {
        kind: name
        for kind, name in (
            ("text", settings.text_model),
            ("code", settings.code_model),
            ("vision", settings.vision_model),
            ("embedding", settings.embedding_model),
        )
        if name
    }
    options = {
        option: getattr(settings, name)
        for option, name in OPTIONS.items()
        if name in settings.model_fields_set and getattr(settings, name) is not None
    }
    names = {kind: f"{kind}_model" for kind in models}
    names |= {option: OPTIONS[option] for option in options}
    names |= {"profile": "profile"} if settings.profile else {}
    set_by = {what: _where(name, settings) for what, name in names.items()}
    return Overrides(settings.profile or None, models, options, set_by, settings.allowed)


def _where(name: str, settings: Settings) -> str:
    """Where the setting was set, for the person who would change it."""
    origin = settings.layers.origin(name, plain_names(Settings.model_fields[name]))
    if origin.source == "managed":
        return f"{name} in {MANAGED_NAME}"
    if origin.source == "file":
        return f"{name} in {origin.name}"
    return origin.name or f"the setting {name}"
