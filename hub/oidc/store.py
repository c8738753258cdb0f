"""How people were known to identity providers."""

from sqlalchemy import JSON, Column, String

from hub.tables import table

IDENTITY = table(
    "identity",
    iss=Column(String, primary_key=True),
    sub=Column(String, primary_key=True),
    account_id=Column(String),
    claims=Column(JSON),
    seen_at=Column(String),
)
