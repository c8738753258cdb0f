"""Settings explain themselves; the documents show them as they are."""

from agent.configuration.layers import PREFIX
from agent.settings import Settings
from tests.house.tree import ROOT


def test_every_setting_explains_itself_in_a_sentence() -> None:
    silent = {
        name
        for name, field in Settings.model_fields.items()
        if not (field.description or "").endswith((".", ")"))
    }

    assert silent == set()


def test_settings_cannot_be_changed_once_they_are_read() -> None:
    assert Settings.model_config["frozen"] is True
    assert Settings.model_config["extra"] == "forbid"


def test_readme_and_documents_name_every_setting() -> None:
    names = {f"`{PREFIX}{name.upper()}`" for name in Settings.model_fields}
    readme = (ROOT / "README.md").read_text("utf-8")
    configuration = (ROOT / "docs/pages/configuration.md").read_text("utf-8")

    assert {name for name in names if name not in readme} == set()
    assert {name for name in names if name not in configuration} == set()
