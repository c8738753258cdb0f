"""The tables of groups and of who is in them."""

from sqlalchemy import Column, String

from hub.tables import table

GROUP = table(
    "person_group",
    id=Column(String, primary_key=True),
    name=Column(String),
    folded=Column(String),
    role=Column(String),
    source=Column(String),
    external_id=Column(String),
    created_at=Column(String),
    updated_at=Column(String),
)
# One row for each source that says so: none of them takes away what another one gave.
MEMBER = table(
    "group_member",
    group_id=Column(String, primary_key=True),
    account_id=Column(String, primary_key=True),
    source=Column(String, primary_key=True),
)
