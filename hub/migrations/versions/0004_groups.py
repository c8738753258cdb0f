"""Groups, recovery of accounts, and what identity providers keep here by SCIM."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
TABLES = (
    "scim_token",
    "scim_person",
    "familiar",
    "reset",
    "recovery_code",
    "totp_offer",
    "group_member",
    "person_group",
)


def upgrade() -> None:
    op.drop_column("account", "groups")
    _groups()
    _recovery()
    _scim()


def _groups() -> None:
    op.create_table(
        "person_group",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("folded", sa.String(400), nullable=False, unique=True),
        sa.Column("role", sa.String(20)),
        sa.Column("source", sa.String(20), nullable=False),
        sa.Column("external_id", sa.String(200)),
        sa.Column("created_at", sa.String(27), nullable=False),
        sa.Column("updated_at", sa.String(27), nullable=False),
    )
    op.create_index("person_group_external_id", "person_group", ["external_id"])
    op.create_table(
        "group_member",
        sa.Column("group_id", sa.String(36), primary_key=True),
        sa.Column("account_id", sa.String(36), primary_key=True),
        sa.Column("source", sa.String(20), primary_key=True),
        sa.ForeignKeyConstraint(["group_id"], ["person_group.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], ondelete="CASCADE"),
    )
    op.create_index("group_member_account", "group_member", ["account_id"])


def _recovery() -> None:
    op.create_table(
        "totp_offer",
        _account(),
        sa.Column("sealed", sa.Text, nullable=False),
        sa.Column("ends_at", sa.String(27), nullable=False),
        _of_account(),
    )
    op.create_table(
        "recovery_code",
        _account(),
        sa.Column("digest", sa.String(64), primary_key=True),
        _of_account(),
    )
    op.create_table(
        "reset",
        _account(),
        sa.Column("secret_hash", sa.String(64), nullable=False, unique=True),
        sa.Column("ends_at", sa.String(27), nullable=False),
        _of_account(),
    )
    op.create_table(
        "familiar",
        _account(),
        sa.Column("address", sa.String(64), primary_key=True),
        sa.Column("seen_at", sa.String(27), nullable=False),
        _of_account(),
    )


def _scim() -> None:
    op.create_table(
        "scim_person",
        _account(),
        sa.Column("given_name", sa.String(200), nullable=False),
        sa.Column("family_name", sa.String(200), nullable=False),
        _of_account(),
    )
    op.create_table(
        "scim_token",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("secret_hash", sa.String(64), nullable=False, unique=True),
        sa.Column("created_at", sa.String(27), nullable=False),
        sa.Column("last_used_at", sa.String(27)),
    )


def downgrade() -> None:
    for name in TABLES:
        op.drop_table(name)
    op.add_column("account", sa.Column("groups", sa.JSON, nullable=False, server_default="[]"))


def _account() -> sa.Column[str]:
    return sa.Column("account_id", sa.String(36), primary_key=True)


def _of_account() -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["account_id"], ["account.id"], ondelete="CASCADE")
