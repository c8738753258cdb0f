"""The settings of the identity provider."""

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings

from hub.oidc import rules


class ProviderSettings(BaseSettings):
    """A part of the hub's settings, which make one object."""

    oidc_preset: Literal["okta", "generic"] = Field(
        default="okta",
        description="okta, or generic for any other provider of OpenID Connect; the address that "
        "is registered there ends with /api/v1/auth/okta/callback or /api/v1/auth/oidc/callback.",
    )
    oidc_issuer: str = Field(
        default="",
        max_length=500,
        description="Address of the provider, such as https://example.okta.com. Unset: people "
        "sign in with local accounts alone.",
    )
    oidc_client_id: str = Field(
        default="", max_length=300, description="What the provider calls the hub."
    )
    oidc_client_secret: SecretStr | None = Field(
        default=None, description="What the hub proves itself with to the provider."
    )
    oidc_name: str = Field(
        default="", max_length=60, description="What the button to sign in says. Unset: Okta."
    )
    oidc_scopes: str = Field(
        default="openid profile email groups offline_access",
        max_length=500,
        description="Scopes that are asked for. offline_access lets the hub look again later.",
    )
    oidc_prompt: Literal["auto", "consent", "login", "select_account"] = Field(
        default="auto",
        description="What the provider is to ask each time; auto: as it likes. Some give "
        "offline_access with consent alone.",
    )
    oidc_groups_claim: str = Field(
        default="groups", max_length=200, description="Claim that lists somebody's groups."
    )
    oidc_groups: str = Field(
        default='{"orca-admins": "administrator"}',
        max_length=20_000,
        description="Groups of the provider and the role that each gives, as JSON. Everybody else "
        "is a User.",
    )
    oidc_algorithms: str = Field(
        default="RS256",
        max_length=100,
        description="Algorithms that may sign the provider's tokens, separated by spaces.",
    )
    oidc_refresh_minutes: int = Field(
        default=10,
        ge=1,
        le=60,
        description="How often the provider is asked about who is signed in.",
    )
    oidc_grace_minutes: int = Field(
        default=60,
        ge=0,
        le=24 * 60,
        description="How long sessions go on while the provider does not answer.",
    )
    oidc_unchecked_hours: int = Field(
        default=8,
        ge=1,
        le=24 * 7,
        description="How long somebody stays signed in about whom the provider cannot be asked.",
    )
    oidc_recheck_days: int = Field(
        default=7,
        ge=0,
        le=365,
        description="After how many days in which the provider was not heard about somebody their "
        "computers and keys wait until they sign in in the browser. 0: never, for those whom SCIM "
        "switches off.",
    )
    oidc_ca_file: Path | None = Field(
        default=None,
        description="File with the certificate authority of the provider as PEM, if it has one of "
        "its own.",
    )

    @field_validator("oidc_issuer")
    @classmethod
    def _issuer(cls, text: str) -> str:
        return rules.issuer_address(text) if text.strip() else ""

    @field_validator("oidc_groups")
    @classmethod
    def _groups(cls, text: str) -> str:
        rules.roles_of(text)
        return text

    @field_validator("oidc_algorithms")
    @classmethod
    def _algorithms(cls, text: str) -> str:
        return " ".join(rules.algorithms_of(text))
