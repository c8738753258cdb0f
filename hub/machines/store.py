"""The tables of machines, and of those that are about to be one."""

from sqlalchemy import Column, Integer, String

from hub.tables import table

MACHINE = table(
    "machine",
    id=Column(String, primary_key=True),
    account_id=Column(String),
    name=Column(String),
    version=Column(String),
    os=Column(String),
    address=Column(String),
    created_at=Column(String),
    seen_at=Column(String),
)
CODE = table(
    "machine_code",
    hash=Column(String, primary_key=True),
    account_id=Column(String),
    challenge=Column(String),
    redirect_uri=Column(String),
    machine_name=Column(String),
    ends_at=Column(String),
    used_at=Column(String),
    machine_id=Column(String),
)
DEVICE = table(
    "machine_device",
    hash=Column(String, primary_key=True),
    user_code=Column(String),
    machine_name=Column(String),
    address=Column(String),
    program=Column(String),
    created_at=Column(String),
    ends_at=Column(String),
    state=Column(String),
    account_id=Column(String),
    polled_at=Column(String),
    interval_s=Column(Integer),
)
