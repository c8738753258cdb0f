"""Pictures in conversations."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.create_table(
        "picture",
        sa.Column("account_id", sa.String(36), primary_key=True),
        sa.Column("sha256", sa.String(64), primary_key=True),
        sa.Column("mime", sa.String(20), nullable=False),
        sa.Column("width", sa.Integer, nullable=False),
        sa.Column("height", sa.Integer, nullable=False),
        sa.Column("size_bytes", sa.Integer, nullable=False),
        sa.Column("base64", sa.Text, nullable=False),
        sa.Column("used_at", sa.String(27), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], ondelete="CASCADE"),
    )
    op.create_index("picture_used", "picture", ["used_at"])
    op.create_table(
        "message_picture",
        sa.Column("message_id", sa.String(36), primary_key=True),
        sa.Column("account_id", sa.String(36), primary_key=True),
        sa.Column("sha256", sa.String(64), primary_key=True),
        sa.ForeignKeyConstraint(["message_id"], ["message.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["account_id", "sha256"], ["picture.account_id", "picture.sha256"], ondelete="CASCADE"
        ),
    )
    op.create_index("message_picture_picture", "message_picture", ["account_id", "sha256"])


def downgrade() -> None:
    op.drop_table("message_picture")
    op.drop_table("picture")
