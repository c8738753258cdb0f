"""Computers with an agent, and the tokens of people and machines."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "machine",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("account_id", sa.String(36), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("version", sa.String(50), nullable=False),
        sa.Column("os", sa.String(100), nullable=False),
        sa.Column("address", sa.String(64), nullable=False),
        sa.Column("created_at", sa.String(27), nullable=False),
        sa.Column("seen_at", sa.String(27), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], ondelete="CASCADE"),
    )
    op.create_index("machine_account", "machine", ["account_id", "id"])
    op.create_table(
        "token_family",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("account_id", sa.String(36), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("machine_id", sa.String(36)),
        sa.Column("address", sa.String(64), nullable=False),
        sa.Column("program", sa.String(300), nullable=False),
        sa.Column("created_at", sa.String(27), nullable=False),
        sa.Column("seen_at", sa.String(27), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["machine_id"], ["machine.id"], ondelete="CASCADE"),
    )
    op.create_index("token_family_account", "token_family", ["account_id"])
    op.create_index("token_family_machine", "token_family", ["machine_id"])
    op.create_table(
        "token",
        sa.Column("hash", sa.String(64), primary_key=True),
        sa.Column("family_id", sa.String(36), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("ends_at", sa.String(27), nullable=False),
        sa.Column("used_at", sa.String(27)),
        sa.Column("successor", sa.Text),
        sa.ForeignKeyConstraint(["family_id"], ["token_family.id"], ondelete="CASCADE"),
    )
    op.create_index("token_of_family", "token", ["family_id"])
    op.create_index("token_end", "token", ["ends_at"])
    op.create_table(
        "machine_code",
        sa.Column("hash", sa.String(64), primary_key=True),
        sa.Column("account_id", sa.String(36), nullable=False),
        sa.Column("challenge", sa.String(43), nullable=False),
        sa.Column("redirect_uri", sa.String(300), nullable=False),
        sa.Column("machine_name", sa.String(100), nullable=False),
        sa.Column("ends_at", sa.String(27), nullable=False),
        sa.Column("used_at", sa.String(27)),
        sa.Column("machine_id", sa.String(36)),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], ondelete="CASCADE"),
    )
    op.create_index("machine_code_end", "machine_code", ["ends_at"])
    op.create_table(
        "machine_device",
        sa.Column("hash", sa.String(64), primary_key=True),
        sa.Column("user_code", sa.String(64), nullable=False, unique=True),
        sa.Column("machine_name", sa.String(100), nullable=False),
        sa.Column("address", sa.String(64), nullable=False),
        sa.Column("program", sa.String(300), nullable=False),
        sa.Column("created_at", sa.String(27), nullable=False),
        sa.Column("ends_at", sa.String(27), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("account_id", sa.String(36)),
        sa.Column("polled_at", sa.String(27)),
        sa.Column("interval_s", sa.Integer, nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], ondelete="CASCADE"),
    )
    op.create_index("machine_device_end", "machine_device", ["ends_at"])


def downgrade() -> None:
    for name in ("machine_device", "machine_code", "token", "token_family", "machine"):
        op.drop_table(name)
