"""Room for the id of what is set aside where another model has to answer."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    _give_room(80)


def downgrade() -> None:
    op.execute("DELETE FROM reservation WHERE length(id) > 36")
    _give_room(36)


def _give_room(characters: int) -> None:
    """SQLite takes whatever comes."""
    if op.get_bind().dialect.name == "postgresql":
        op.alter_column("reservation", "id", type_=sa.String(characters), existing_nullable=False)
