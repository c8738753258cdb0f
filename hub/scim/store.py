"""The tables of SCIM: what a provider says of people that accounts do not have, and its tokens."""

from sqlalchemy import Column, String

from hub.tables import table

PERSON = table(
    "scim_person",
    account_id=Column(String, primary_key=True),
    given_name=Column(String),
    family_name=Column(String),
)
TOKEN = table(
    "scim_token",
    id=Column(String, primary_key=True),
    name=Column(String),
    secret_hash=Column(String),
    created_at=Column(String),
    last_used_at=Column(String),
)
