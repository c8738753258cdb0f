"""Settings that cannot be used stop the start with one sentence, which holds no secret."""

from pathlib import Path

import pytest

from hub.settings import BadSettings, load

NO_DATABASE = "it is an address such as postgresql://user:password@host:5432/name."
NO_REDIS = "it is an address such as redis://host:6379/0."


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("DATABASE_URL", "mysql://u:canary@h/x", "the address of the database begins with"),
        ("DATABASE_URL", "postgresql://u:canary@127.0.0.1:abc/x", NO_DATABASE),
        ("DATABASE_URL", "postgresql://u:canary@127.0.0.1:99999/x", NO_DATABASE),
        ("DATABASE_URL", "postgresql://u:canary@[::1/x", NO_DATABASE),
        (
            "DATABASE_URL",
            "postgresql://u:canary@h/x?sslmode=require",
            "the driver does not know ssl",
        ),
        ("REDIS_URL", "http://x", NO_REDIS),
        ("REDIS_URL", "redis://:canary@127.0.0.1:abc/0", NO_REDIS),
        ("REDIS_URL", "redis://:canary@127.0.0.1:99999/0", NO_REDIS),
        ("REDIS_URL", "redis://:canary@127.0.0.1/0?colour=red", NO_REDIS),
        ("REDIS_URL", "redis://[::1/0", NO_REDIS),
    ],
)
def test_an_address_that_leads_nowhere_stops_the_start(name: str, value: str, reason: str) -> None:
    with pytest.raises(BadSettings) as refused:
        load({f"ORCA_HUB_{name}": value})

    said = str(refused.value)
    assert said.startswith(f"ORCA_HUB_{name} cannot be used: {reason}")
    assert "canary" not in said


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "postgresql://hub:a#b?c@db.example.org/hub?ssl=require"),
        ("DATABASE_URL", "postgres://hub@/hub?host=/run/postgresql"),
        ("DATABASE_URL", "postgresql+asyncpg://hub@[::1]:5432/hub"),
        ("REDIS_URL", "redis://127.0.0.1:6379/0"),
        ("REDIS_URL", "rediss://:secret@redis.example.org/0"),
        ("REDIS_URL", "unix:///run/redis.sock"),
    ],
)
def test_an_address_that_may_lead_somewhere_is_taken(tmp_path: Path, name: str, value: str) -> None:
    settings = load({f"ORCA_HUB_{name}": value}, data_dir=tmp_path)

    assert settings.source_of(name.lower()) == "environment"


@pytest.mark.parametrize("name", ["SECRET_KEY", "METRICS_TOKEN"])
@pytest.mark.parametrize("value", ["abc", "a" * 40])
def test_a_weak_secret_stops_the_start_but_for_development(name: str, value: str) -> None:
    with pytest.raises(BadSettings, match=f"ORCA_HUB_{name} is weak: it needs 32 characters"):
        load({f"ORCA_HUB_{name}": value})

    assert load({f"ORCA_HUB_{name}": value, "ORCA_HUB_ENVIRONMENT": "development"})
