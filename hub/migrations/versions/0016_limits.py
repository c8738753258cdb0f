"""What was counted in the usage without a quota that would tell."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    op.create_table(
        "usage_counted",
        sa.Column("id", sa.String(80), primary_key=True),
        sa.Column("day", sa.String(10), nullable=False),
    )
    op.create_index("usage_counted_day", "usage_counted", ["day"])


def downgrade() -> None:
    op.drop_table("usage_counted")
