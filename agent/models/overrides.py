"""What a person set in place of the profile's recommendation, from the settings."""

from agent.configuration.layers import PREFIX
from agent.models.recommending import Overrides
from agent.settings import Settings

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
    set_by = {kind: f"{PREFIX}{kind.upper()}_MODEL" for kind in models}
    set_by |= {option: f"{PREFIX}{OPTIONS[option].upper()}" for option in options}
    if settings.profile:
        set_by["profile"] = f"{PREFIX}PROFILE"
    return Overrides(settings.profile or None, models, options, set_by, settings.allowed)
