"""People, the ways they sign in, their sessions, and what was done by whom."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "account",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("name", sa.String(200), nullable=False, unique=True),
        sa.Column("display_name", sa.String(200), nullable=False),
        sa.Column("email", sa.String(320)),
        sa.Column("role", sa.String(20), nullable=False),
        sa.Column("role_from", sa.String(20), nullable=False),
        sa.Column("is_active", sa.Boolean, nullable=False),
        sa.Column("is_break_glass", sa.Boolean, nullable=False),
        sa.Column("password_hash", sa.Text),
        sa.Column("must_change", sa.Boolean, nullable=False),
        sa.Column("totp_sealed", sa.Text),
        sa.Column("totp_last_step", sa.BigInteger, nullable=False),
        sa.Column("groups", sa.JSON, nullable=False),
        sa.Column("created_at", sa.String(27), nullable=False),
        sa.Column("updated_at", sa.String(27), nullable=False),
        sa.Column("last_login_at", sa.String(27)),
        sa.Column("external_id", sa.String(200)),
    )
    op.create_index("account_external_id", "account", ["external_id"])
    op.create_table(
        "identity",
        sa.Column("iss", sa.String(500), primary_key=True),
        sa.Column("sub", sa.String(255), primary_key=True),
        sa.Column("account_id", sa.String(36), nullable=False),
        sa.Column("claims", sa.JSON, nullable=False),
        sa.Column("seen_at", sa.String(27), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], ondelete="CASCADE"),
    )
    op.create_table(
        "session",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("secret_hash", sa.String(64), nullable=False, unique=True),
        sa.Column("account_id", sa.String(36), nullable=False),
        sa.Column("method", sa.String(20), nullable=False),
        sa.Column("created_at", sa.String(27), nullable=False),
        sa.Column("seen_at", sa.String(27), nullable=False),
        sa.Column("ends_at", sa.String(27), nullable=False),
        sa.Column("address", sa.String(64), nullable=False),
        sa.Column("program", sa.String(300), nullable=False),
        sa.Column("iss", sa.String(500)),
        sa.Column("sid", sa.String(255)),
        sa.Column("sealed", sa.Text),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], ondelete="CASCADE"),
    )
    op.create_index("session_account", "session", ["account_id"])
    op.create_index("session_sid", "session", ["iss", "sid"])
    op.create_table(
        "failure",
        sa.Column("subject", sa.String(300), primary_key=True),
        sa.Column("count", sa.Integer, nullable=False),
        sa.Column("last_at", sa.String(27), nullable=False),
    )
    op.create_table(
        "audit",
        sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("at", sa.String(27), nullable=False),
        sa.Column("actor_id", sa.String(36)),
        sa.Column("actor", sa.String(200), nullable=False),
        sa.Column("action", sa.String(100), nullable=False),
        sa.Column("target", sa.String(300), nullable=False),
        sa.Column("address", sa.String(64), nullable=False),
        sa.Column("outcome", sa.String(20), nullable=False),
        sa.Column("detail", sa.JSON, nullable=False),
        sa.Column("request_id", sa.String(64), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
    )
    op.create_index("audit_at", "audit", ["at"])
    op.create_index("audit_actor", "audit", ["actor_id", "number"])
    op.create_table(
        "fact",
        sa.Column("name", sa.String(100), primary_key=True),
        sa.Column("value", sa.JSON, nullable=False),
    )


def downgrade() -> None:
    for name in ("fact", "audit", "failure", "session", "identity", "account"):
        op.drop_table(name)
