"""Conversations are shared with groups by their ids: names may change."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0008"

# Of a name that is no group's nobody can say whom it meant.
UP = (
    """
    DELETE FROM conversation_share WHERE kind = 'group'
      AND subject NOT IN (SELECT name FROM person_group)
    """,
    """
    UPDATE conversation_share
      SET subject = (SELECT g.id FROM person_group g WHERE g.name = conversation_share.subject)
      WHERE kind = 'group'
    """,
)
DOWN = (
    """
    DELETE FROM conversation_share WHERE
      NOT (kind = 'group' AND subject IN (SELECT id FROM person_group))
      AND NOT (kind = 'person' AND subject IN (SELECT id FROM account))
    """,
    """
    UPDATE conversation_share
      SET name = (SELECT a.name FROM account a WHERE a.id = conversation_share.subject)
      WHERE kind = 'person'
    """,
    """
    UPDATE conversation_share
      SET name = (SELECT g.name FROM person_group g WHERE g.id = conversation_share.subject)
      WHERE kind = 'group'
    """,
    "UPDATE conversation_share SET subject = name WHERE kind = 'group'",
)


def upgrade() -> None:
    for statement in UP:
        op.execute(statement)
    op.drop_column("conversation_share", "name")


def downgrade() -> None:
    name = sa.Column("name", sa.String(200), nullable=False, server_default="")
    op.add_column("conversation_share", name)
    for statement in DOWN:
        op.execute(statement)
