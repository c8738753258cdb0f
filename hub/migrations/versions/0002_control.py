"""Keys of programs, limits, quotas, what was used, and an audit log that only grows."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

AUDIT = (
    sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("at", sa.String(27, collation="C"), nullable=False, primary_key=True),
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
# What the log of the first revision has; partitions cannot be added to a table that is none.
TO_PARTITIONS = (
    "ALTER TABLE audit RENAME TO audit_whole",
    "ALTER INDEX audit_at RENAME TO audit_whole_at",
    "ALTER INDEX audit_actor RENAME TO audit_whole_actor",
    "ALTER INDEX audit_pkey RENAME TO audit_whole_pkey",
)
ONLY_GROWS = (
    """CREATE FUNCTION audit_only_grows() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'the audit log only grows'; END $$""",
    """CREATE TRIGGER audit_no_change BEFORE UPDATE OR DELETE ON audit
    FOR EACH ROW EXECUTE FUNCTION audit_only_grows()""",
    """CREATE TRIGGER audit_no_emptying BEFORE TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION audit_only_grows()""",
)
ONLY_GROWS_IN_A_FILE = (
    """CREATE TRIGGER audit_no_change BEFORE UPDATE ON audit
    BEGIN SELECT RAISE(ABORT, 'the audit log only grows'); END""",
    """CREATE TRIGGER audit_no_removal BEFORE DELETE ON audit
    BEGIN SELECT RAISE(ABORT, 'the audit log only grows'); END""",
)


def upgrade() -> None:
    _keys()
    _quotas()
    _usage()
    _audit()


def _keys() -> None:
    op.create_table(
        "api_key",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("account_id", sa.String(36), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("secret_hash", sa.String(64), nullable=False, unique=True),
        sa.Column("hint", sa.String(20), nullable=False),
        sa.Column("scopes", sa.JSON, nullable=False),
        sa.Column("created_at", sa.String(27), nullable=False),
        sa.Column("expires_at", sa.String(27)),
        sa.Column("last_used_at", sa.String(27)),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], ondelete="CASCADE"),
    )
    op.create_index("api_key_account", "api_key", ["account_id", "id"])


def _quotas() -> None:
    op.create_table(
        "quota",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("subject_kind", sa.String(20), nullable=False),
        sa.Column("subject", sa.String(200), nullable=False),
        sa.Column("model", sa.String(200), nullable=False),
        sa.Column("period", sa.String(10), nullable=False),
        sa.Column("requests", sa.BigInteger),
        sa.Column("tokens", sa.BigInteger),
        sa.Column("cost_micros", sa.BigInteger),
        sa.Column("is_each", sa.Boolean, nullable=False),
        sa.Column("created_at", sa.String(27), nullable=False),
        sa.Column("updated_at", sa.String(27), nullable=False),
        sa.UniqueConstraint(
            "subject_kind", "subject", "model", "period", "is_each", name="quota_about"
        ),
    )
    op.create_table(
        "quota_use",
        sa.Column("quota_id", sa.String(36), primary_key=True),
        sa.Column("starts_at", sa.String(10), primary_key=True),
        sa.Column("who", sa.String(36), primary_key=True),
        sa.Column("requests", sa.BigInteger, nullable=False),
        sa.Column("tokens", sa.BigInteger, nullable=False),
        sa.Column("cost_micros", sa.BigInteger, nullable=False),
        # Room in each page: the same rows change all the time, and stay where they are.
        postgresql_with={"fillfactor": "50"},
    )
    op.create_index("quota_use_starts_at", "quota_use", ["starts_at"])
    op.create_table(
        "reservation",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("account_id", sa.String(36), nullable=False),
        sa.Column("model", sa.String(200), nullable=False),
        sa.Column("day", sa.String(10), nullable=False),
        sa.Column("expires_at", sa.String(27), nullable=False),
        sa.Column("requests", sa.BigInteger, nullable=False),
        sa.Column("tokens", sa.BigInteger, nullable=False),
        sa.Column("cost_micros", sa.BigInteger, nullable=False),
        sa.Column("counters", sa.JSON, nullable=False),
    )
    op.create_index("reservation_expires_at", "reservation", ["expires_at"])


def _usage() -> None:
    op.create_table(
        "price",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("model", sa.String(200), nullable=False),
        sa.Column("provider", sa.String(200), nullable=False),
        sa.Column("prompt_micros_per_million", sa.BigInteger, nullable=False),
        sa.Column("answer_micros_per_million", sa.BigInteger, nullable=False),
        sa.Column("updated_at", sa.String(27), nullable=False),
        sa.UniqueConstraint("model", "provider", name="price_about"),
    )
    op.create_table(
        "usage",
        sa.Column("day", sa.String(10, collation=_plain()), primary_key=True),
        sa.Column("account_id", sa.String(36), primary_key=True),
        sa.Column("model", sa.String(200), primary_key=True),
        sa.Column("provider", sa.String(200), primary_key=True),
        sa.Column("requests", sa.BigInteger, nullable=False),
        sa.Column("failed", sa.BigInteger, nullable=False),
        sa.Column("prompt_tokens", sa.BigInteger, nullable=False),
        sa.Column("answer_tokens", sa.BigInteger, nullable=False),
        sa.Column("cost_micros", sa.BigInteger, nullable=False),
        sa.Column("milliseconds", sa.BigInteger, nullable=False),
        postgresql_partition_by="RANGE (day)",
    )
    op.create_index("usage_account", "usage", ["account_id", "day"])


def _audit() -> None:
    op.create_table(
        "audit_head",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
    )
    if _is_server():
        _to_partitions()
    op.create_index("audit_action", "audit", ["action", "number"])
    op.execute(
        "INSERT INTO audit_head (id, number, digest) "
        "SELECT 1, number, digest FROM audit ORDER BY number DESC LIMIT 1"
    )
    for statement in ONLY_GROWS if _is_server() else ONLY_GROWS_IN_A_FILE:
        op.execute(statement)


def _to_partitions() -> None:
    for statement in TO_PARTITIONS:
        op.execute(statement)
    op.create_table("audit", *_copies(), postgresql_partition_by="RANGE (at)")
    op.create_index("audit_at", "audit", ["at"])
    op.create_index("audit_actor", "audit", ["actor_id", "number"])
    months = op.get_bind().execute(
        sa.text(
            "SELECT substr(at, 1, 7) FROM audit_whole UNION SELECT to_char(now(), 'YYYY-MM') "
            "UNION SELECT to_char(now() + interval '1 month', 'YYYY-MM')"
        )
    )
    for (month,) in months.all():
        for name in ("audit", "usage"):
            op.execute(_partition(name, month))
    for name in ("audit", "usage"):
        op.execute(f"CREATE TABLE {name}_other PARTITION OF {name} DEFAULT")
    op.execute("INSERT INTO audit SELECT number, at, actor_id, actor, action, target, address, "
               "outcome, detail, request_id, digest FROM audit_whole")  # fmt: skip
    op.drop_table("audit_whole")


def _partition(name: str, month: str) -> str:
    year, number = int(month[:4]), int(month[5:])
    after = f"{year + number // 12:04d}-{number % 12 + 1:02d}"
    return (
        f"CREATE TABLE {name}_{year:04d}_{number:02d} PARTITION OF {name} "
        f"FOR VALUES FROM ('{month}') TO ('{after}')"
    )


def _copies() -> list[sa.Column[object]]:
    return [column._copy() for column in AUDIT]


def _is_server() -> bool:
    return bool(op.get_bind().dialect.name == "postgresql")


def _plain() -> str | None:
    """The order of bytes, whatever the server's language: partitions are cut by it."""
    return "C" if _is_server() else None


def downgrade() -> None:
    if _is_server():
        op.execute("ALTER TABLE audit RENAME TO audit_parts")
        op.drop_index("audit_at")
        op.drop_index("audit_actor")
        op.drop_index("audit_action")
        op.execute("CREATE TABLE audit AS SELECT * FROM audit_parts")
        op.drop_table("audit_parts")
        op.create_primary_key("audit_pkey", "audit", ["number"])
        op.create_index("audit_at", "audit", ["at"])
        op.create_index("audit_actor", "audit", ["actor_id", "number"])
        op.execute("DROP FUNCTION audit_only_grows()")
    else:
        for name in ("audit_no_change", "audit_no_removal"):
            op.execute(f"DROP TRIGGER {name}")
        op.drop_index("audit_action")
    for name in ("audit_head", "usage", "price", "reservation", "quota_use", "quota", "api_key"):
        op.drop_table(name)
