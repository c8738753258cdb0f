"""What sessions need to ask their provider again, what was used once, and the last sign-ins."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.create_table(
        "oidc_session",
        sa.Column("session_id", sa.String(36), primary_key=True),
        sa.Column("sealed", sa.Text, nullable=False),
        sa.Column("checked_at", sa.String(27), nullable=False),
        sa.Column("due_at", sa.String(27)),
        sa.Column("claim", sa.String(36)),
        sa.Column("claim_ends_at", sa.String(27)),
        sa.ForeignKeyConstraint(["session_id"], ["session.id"], ondelete="CASCADE"),
    )
    op.create_table(
        "oidc_once",
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("ends_at", sa.String(27), nullable=False),
    )
    op.create_index("oidc_once_ends", "oidc_once", ["ends_at"])
    op.create_table(
        "oidc_login",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("at", sa.String(27), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("account_id", sa.String(36)),
        sa.Column("account", sa.String(200)),
        sa.Column("subject", sa.String(255), nullable=False),
        sa.Column("claim", sa.String(200), nullable=False),
        sa.Column("found", sa.String(20), nullable=False),
        sa.Column("groups", sa.JSON, nullable=False),
        sa.Column("role_before", sa.String(20)),
        sa.Column("role", sa.String(20)),
        sa.Column("problem", sa.String(300)),
    )


def downgrade() -> None:
    for name in ("oidc_login", "oidc_once", "oidc_session"):
        op.drop_table(name)
