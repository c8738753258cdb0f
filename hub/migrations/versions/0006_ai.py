"""Model servers, routes, policy, and the runs that ask them."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_table(
        "provider",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("name", sa.String(100), nullable=False, unique=True),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("url", sa.String(500), nullable=False),
        sa.Column("key_sealed", sa.Text),
        sa.Column("is_cloud", sa.Boolean, nullable=False),
        sa.Column("priority", sa.Integer, nullable=False),
        sa.Column("parallel", sa.Integer, nullable=False),
        sa.Column("models", sa.JSON, nullable=False),
        sa.Column("is_on", sa.Boolean, nullable=False),
        sa.Column("created_at", sa.String(27), nullable=False),
        sa.Column("updated_at", sa.String(27), nullable=False),
    )
    op.create_table(
        "model_route",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("pattern", sa.String(200), nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("by", sa.String(20), nullable=False),
        sa.Column("candidates", sa.JSON, nullable=False),
        sa.Column("is_on", sa.Boolean, nullable=False),
        sa.Column("note", sa.String(500), nullable=False),
        sa.Column("created_at", sa.String(27), nullable=False),
        sa.Column("updated_at", sa.String(27), nullable=False),
    )
    op.create_table(
        "model_policy",
        sa.Column("subject_kind", sa.String(20), primary_key=True),
        sa.Column("subject", sa.String(200), primary_key=True),
        sa.Column("models", sa.JSON, nullable=False),
        sa.Column("providers", sa.JSON, nullable=False),
        sa.Column("cloud", sa.Boolean, nullable=False),
    )
    op.create_table(
        "model_version",
        sa.Column("name", sa.String(36), primary_key=True),
        sa.Column("number", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "replica",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("beats", sa.BigInteger, nullable=False),
        sa.Column("started_at", sa.String(27), nullable=False),
        sa.Column("beat_at", sa.String(27), nullable=False),
    )
    _runs()


def _runs() -> None:
    op.create_table(
        "run",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("conversation_id", sa.String(36)),
        sa.Column("message_id", sa.String(36)),
        sa.Column("created_at", sa.String(27), nullable=False),
        sa.Column("started_at", sa.String(27)),
        sa.Column("ended_at", sa.String(27)),
        sa.Column("last_seq", sa.Integer, nullable=False),
        sa.Column("problem", sa.JSON),
        sa.Column("idempotency_key", sa.String(300), unique=True),
        sa.Column("request_hash", sa.String(64), nullable=False),
        sa.Column("account_id", sa.String(36), nullable=False),
        sa.Column("purpose", sa.String(40), nullable=False),
        sa.Column("about", sa.JSON, nullable=False),
        sa.Column("model", sa.String(300), nullable=False),
        sa.Column("provider", sa.String(100), nullable=False),
        sa.Column("usage", sa.JSON),
        sa.Column("replica", sa.String(36), nullable=False),
        sa.Column("is_unwanted", sa.Boolean, nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], ondelete="CASCADE"),
    )
    op.create_index("run_account", "run", ["account_id", "id"])
    op.create_index("run_replica", "run", ["state", "replica"])
    op.create_index("run_conversation", "run", ["conversation_id"])
    op.create_index("run_ended", "run", ["ended_at"])
    op.create_table(
        "run_segment",
        sa.Column("run_id", sa.String(36), primary_key=True),
        sa.Column("first_seq", sa.Integer, primary_key=True),
        sa.Column("last_seq", sa.Integer, nullable=False),
        sa.Column("payload", sa.LargeBinary, nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], ondelete="CASCADE"),
    )


def downgrade() -> None:
    names = (
        "run_segment",
        "run",
        "replica",
        "model_version",
        "model_policy",
        "model_route",
        "provider",
    )
    for name in names:
        op.drop_table(name)
