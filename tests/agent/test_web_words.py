"""What a client is told about a field that does not fit."""

import pytest
from pydantic import BaseModel

from agent.chat.shapes import MessageIn
from agent.inference.backend_routes import BackendIn
from agent.models.shapes import PullIn
from agent.shared.errors import Invalid
from agent.shared.web import read


@pytest.mark.parametrize(
    ("shape", "values", "detail"),
    [
        (
            BackendIn,
            {"name": "My Workshop", "provider": "ollama", "url": "http://127.0.0.1"},
            "name: This is not in the form that is wanted here. Small letters, digits and dashes.",
        ),
        (
            PullIn,
            {"model": "no such model!!"},
            (
                "model: This is not in the form that is wanted here. As in Ollama's library, or "
                "hf.co/owner/model:quantization."
            ),
        ),
        (
            BackendIn,
            {"name": "shop", "provider": "openai", "url": "http://a", "organisation": "a b"},
            "organisation: This is not in the form that is wanted here.",
        ),
        (PullIn, {"model": 3}, "model: Input should be a valid string."),
        (
            MessageIn,
            {"content": "é" * 2_000_001},
            "content: At most 2,000,000 characters, and these are 2,000,001.",
        ),
    ],
)
def test_a_field_that_does_not_fit_is_told_without_a_regular_expression(
    shape: type[BaseModel], values: object, detail: str
) -> None:
    with pytest.raises(Invalid) as caught:
        read(shape, values)

    assert caught.value.detail == detail
