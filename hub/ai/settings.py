"""The settings of model servers and of what is asked of them."""

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings


class ModelSettings(BaseSettings):
    """A part of the hub's settings, which make one object."""

    ollama_urls: str = Field(
        default="",
        max_length=4000,
        description="Addresses of Ollama servers, separated by commas, such as http://gpu-1:11434.",
    )
    openai_url: str = Field(
        default="",
        max_length=500,
        description="Address of an OpenAI-shaped API. Unset: that of OpenAI, if a key is set.",
    )
    openai_key: SecretStr | None = Field(
        default=None, description="Key for it, which never leaves the hub."
    )
    providers_file: Path | None = Field(
        default=None, description="File with more model servers, as TOML or JSON."
    )
    default_model: str = Field(
        default="",
        max_length=200,
        description="Model or route where nobody names one. Unset: the best one on the premises.",
    )
    code_model: str = Field(
        default="", max_length=200, description="The same where code is to be generated."
    )
    code_context: int = Field(
        default=64_000,
        ge=2048,
        le=1 << 20,
        description="Tokens of context that models on the premises get for code.",
    )
    code_answer: int = Field(
        default=60_000, ge=256, le=1 << 20, description="Longest answer with code, in tokens."
    )
    chat_context: int = Field(
        default=16_384,
        ge=2048,
        le=1 << 20,
        description="Tokens of context in chats; twice that, and again, where it does not do.",
    )
    chat_answer: int = Field(
        default=4096, ge=64, le=1 << 20, description="Longest answer in chats, in tokens."
    )
    model_parallel: int = Field(
        default=4,
        ge=1,
        le=1000,
        description="Requests that each model server answers at the same time, per replica.",
    )
    model_waiting: int = Field(
        default=200,
        ge=0,
        le=100_000,
        description="Requests that may wait for a model, per replica.",
    )
    model_wait_s: float = Field(
        default=120.0, ge=1, le=3600, description="Seconds that a request waits for its turn."
    )
    first_token_s: float = Field(
        default=300.0, ge=1, le=3600, description="Seconds until a model must have begun to answer."
    )
    stall_s: float = Field(
        default=120.0, ge=1, le=3600, description="Seconds that a model may pause in an answer."
    )
