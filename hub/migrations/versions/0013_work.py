"""By which name a model called a file that must not be called so."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.add_column("artefact_version", sa.Column("refused_path", sa.String(200)))


def downgrade() -> None:
    op.drop_column("artefact_version", "refused_path")
