"""What is kept of audit lines that were cut off, what the identity provider says of itself, and who
did a job."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"

# Lines up to a cut may be removed, and nothing else of either table.
CUT_ON_A_SERVER = (
    """CREATE OR REPLACE FUNCTION audit_only_grows() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF TG_OP = 'DELETE' THEN
        IF OLD.number <= (SELECT max(number) FROM audit_cut) THEN RETURN OLD; END IF;
    END IF;
    RAISE EXCEPTION 'the audit log only grows'; END $$""",
    """CREATE FUNCTION audit_cut_only_grows() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'what is kept of cuts only grows'; END $$""",
    """CREATE TRIGGER audit_cut_no_change BEFORE UPDATE OR DELETE ON audit_cut
    FOR EACH ROW EXECUTE FUNCTION audit_cut_only_grows()""",
    """CREATE TRIGGER audit_cut_no_emptying BEFORE TRUNCATE ON audit_cut
    FOR EACH STATEMENT EXECUTE FUNCTION audit_cut_only_grows()""",
)
CUT_IN_A_FILE = (
    "DROP TRIGGER audit_no_removal",
    """CREATE TRIGGER audit_no_removal BEFORE DELETE ON audit
    WHEN OLD.number > (SELECT coalesce(max(number), 0) FROM audit_cut)
    BEGIN SELECT RAISE(ABORT, 'the audit log only grows'); END""",
    """CREATE TRIGGER audit_cut_no_change BEFORE UPDATE ON audit_cut
    BEGIN SELECT RAISE(ABORT, 'what is kept of cuts only grows'); END""",
    """CREATE TRIGGER audit_cut_no_removal BEFORE DELETE ON audit_cut
    BEGIN SELECT RAISE(ABORT, 'what is kept of cuts only grows'); END""",
)
NO_CUT_ON_A_SERVER = (
    """CREATE OR REPLACE FUNCTION audit_only_grows() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'the audit log only grows'; END $$""",
)
NO_CUT_IN_A_FILE = (
    "DROP TRIGGER audit_no_removal",
    """CREATE TRIGGER audit_no_removal BEFORE DELETE ON audit
    BEGIN SELECT RAISE(ABORT, 'the audit log only grows'); END""",
)


def upgrade() -> None:
    op.create_table(
        "audit_cut",
        sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("at", sa.String(27), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("cut_at", sa.String(27), nullable=False),
    )
    for statement in CUT_ON_A_SERVER if _is_server() else CUT_IN_A_FILE:
        op.execute(statement)
    op.create_table(
        "oidc_document",
        sa.Column("issuer", sa.String(500), primary_key=True),
        sa.Column("discovery", sa.JSON, nullable=False),
        sa.Column("keys", sa.JSON, nullable=False),
        sa.Column("fetched_at", sa.String(27), nullable=False),
    )
    op.add_column("job", sa.Column("worker_host", sa.String(200)))
    op.add_column("job", sa.Column("worker_process", sa.Integer))


def downgrade() -> None:
    op.drop_column("job", "worker_process")
    op.drop_column("job", "worker_host")
    op.drop_table("oidc_document")
    for statement in NO_CUT_ON_A_SERVER if _is_server() else NO_CUT_IN_A_FILE:
        op.execute(statement)
    op.drop_table("audit_cut")
    if _is_server():
        op.execute("DROP FUNCTION audit_cut_only_grows()")


def _is_server() -> bool:
    return bool(op.get_bind().dialect.name == "postgresql")
