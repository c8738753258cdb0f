"""Background work and when it is due."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "job",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("payload", sa.JSON, nullable=False),
        sa.Column("key", sa.String(200), unique=True),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("max_attempts", sa.Integer, nullable=False),
        sa.Column("lease_s", sa.Integer, nullable=False),
        sa.Column("created_at", sa.String(27), nullable=False),
        sa.Column("run_at", sa.String(27), nullable=False),
        sa.Column("carried_at", sa.String(27)),
        sa.Column("started_at", sa.String(27)),
        sa.Column("heartbeat_at", sa.String(27)),
        sa.Column("lease_until", sa.String(27)),
        sa.Column("ended_at", sa.String(27)),
        sa.Column("worker", sa.String(36)),
        sa.Column("is_unwanted", sa.Boolean, nullable=False),
        sa.Column("progress", sa.JSON),
        sa.Column("result", sa.JSON),
        sa.Column("problem", sa.Text),
    )
    op.create_index("job_due", "job", ["state", "run_at"])
    op.create_index("job_lease", "job", ["state", "lease_until"])
    op.create_index("job_state", "job", ["state", "id"])
    op.create_index("job_name", "job", ["name", "id"])
    op.create_index("job_ended", "job", ["state", "ended_at"])
    op.create_table(
        "schedule",
        sa.Column("name", sa.String(100), primary_key=True),
        sa.Column("period_s", sa.Integer, nullable=False),
        sa.Column("next_at", sa.String(27), nullable=False),
        sa.Column("job_id", sa.String(36)),
    )
    op.create_table(
        "worker",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("host", sa.String(200), nullable=False),
        sa.Column("process", sa.Integer, nullable=False),
        sa.Column("version", sa.String(40), nullable=False),
        sa.Column("started_at", sa.String(27), nullable=False),
        sa.Column("seen_at", sa.String(27), nullable=False),
        sa.Column("busy", sa.Integer, nullable=False),
    )
    op.create_index("worker_seen", "worker", ["seen_at"])


def downgrade() -> None:
    for name in ("worker", "schedule", "job"):
        op.drop_table(name)
