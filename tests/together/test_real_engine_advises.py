"""llama.cpp's server is given our forms: that they bind it is what is shown here, since what its
model fills them with is nonsense."""

import os
from contextlib import suppress

import pytest

from agent.inference.openai import OpenAI
from agent.inference.rules import Frame
from agent.shared.errors import Unavailable
from agent.slicer.advice.texts import ADVICE_FORMAT, PLAN_FORMAT, Json, diagnosis_format
from tests.together.test_real_engine import asked, engine, server

__all__ = ["engine", "server"]  # fixtures

METHOD = "signal" if os.name == "posix" else "thread"
pytestmark = [pytest.mark.slow, pytest.mark.timeout(90, method=METHOD)]


@pytest.mark.parametrize(
    ("form", "first"),
    [
        (ADVICE_FORMAT, "answer"),
        (PLAN_FORMAT, "guide"),
        (diagnosis_format(["stringing", "warping"]), "defect"),
    ],
)
async def test_every_form_binds_the_real_engine(server: OpenAI, form: Json, first: str) -> None:
    text = ""
    with suppress(Unavailable):  # so it calls a form that its model did not bring to an end
        async for batch in server.chat(asked(120, format=form)):
            text += "".join(one.text for one in batch if isinstance(one, Frame))

    assert "".join(text.split()).startswith(f'{{"{first}":')
