"""The ledger and the release pointers, as SQLAlchemy tables; migrations bring them about.

Schema `ops` says what happened: ids, counts and rules, never a value from a row. What names a
child (crosswalk, changes, need history) or repeats a line (quarantined lines) or a name stands in
`ops` tables that only programs read, or in `restricted`.
"""

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    MetaData,
    Numeric,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

SCHEMAS = ("ops", "restricted", "raw", "release", "coordinator", "analytics")
ROLES = (
    "wraparound_engineer",
    "wraparound_loader",
    "wraparound_builder",
    "wraparound_publisher",
    "wraparound_coordinator",
    "wraparound_analyst",
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

NOW = text("clock_timestamp()")


def _id(name: str) -> "Column[int]":
    return Column(name, BigInteger, Identity(always=True), primary_key=True)


def _text(name: str, *, null: bool = False) -> "Column[str]":
    return Column(name, Text, nullable=null)


def _moment(name: str, *, null: bool = False, default: bool = False) -> "Column[datetime]":
    return Column(
        name,
        DateTime(timezone=True),
        nullable=null,
        server_default=NOW if default else None,
    )


def _count(name: str) -> "Column[int]":
    return Column(name, BigInteger, nullable=False, server_default=text("0"))


def _among(column: str, *values: str) -> CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} in ({listed})", name=column)


arrival = Table(
    "arrival",
    metadata,
    _id("arrival_id"),
    _text("feed"),
    _text("sender"),
    _text("file_name"),
    _text("sha256"),
    Column("byte_count", BigInteger, nullable=False),
    _moment("received_at", default=True),
    _moment("effective_at", default=True),
    Column("state", Text, nullable=False, server_default="pending"),
    _text("code", null=True),
    _text("message", null=True),
    Column("batch_id", BigInteger),
    # The time that the sender declares, where one does: the same bytes may be said anew later.
    Column("claim", Text, nullable=False, server_default=""),
    # Of a file that was put back: the other file of its name that it takes back.
    Column("takes_back", BigInteger),
    _count("rows_in"),
    _count("rows_loaded"),
    _count("rows_unchanged"),
    _count("rows_quarantined"),
    _count("rows_duplicate"),
    _count("rows_ended"),
    Column("received_count", Integer, nullable=False, server_default=text("1")),
    # The same bytes may come again, and again say nothing new.
    _moment("last_received_at", default=True),
    Column("notices", JSONB, nullable=False, server_default=text("'[]'::jsonb")),
    _among("state", "pending", "loaded", "refused", "braked", "superseded"),
    # The same bytes of the same sender for the same feed and time are one arrival.
    UniqueConstraint(
        *("feed", "sender", "sha256", "claim", "takes_back"), postgresql_nulls_not_distinct=True
    ),
    Index(None, "state"),
    schema="ops",
)

batch = Table(
    "batch",
    metadata,
    _id("batch_id"),
    Column("arrival_id", ForeignKey("ops.arrival.arrival_id"), nullable=False),
    _text("feed"),
    _text("sender"),
    _moment("started_at", default=True),
    _moment("finished_at", null=True),
    # Of contract, profile, code maps and our reading: under another, a line may mean another row.
    _text("reading_hash", null=True),
    schema="ops",
)

batch_table = Table(
    "batch_table",
    metadata,
    Column("batch_id", ForeignKey("ops.batch.batch_id"), primary_key=True),
    Column("table_name", Text, primary_key=True),
    _count("rows_in"),
    _count("rows_created"),
    _count("rows_changed"),
    _count("rows_unchanged"),
    _count("rows_quarantined"),
    _count("rows_duplicate"),
    _count("rows_ended"),
    schema="ops",
)

quarantine = Table(
    "quarantine",
    metadata,
    _id("quarantine_id"),
    # No foreign keys here: a file may bring a finding for each of its rows, and each costs.
    Column("arrival_id", BigInteger, nullable=False),
    Column("batch_id", BigInteger, nullable=False),
    _text("feed"),
    _text("table_name"),
    _text("file_name"),
    Column("row_number", BigInteger, nullable=False),
    _text("column_name", null=True),
    _text("rule"),
    Column("scope", Text, nullable=False, server_default="row"),
    Column("state", Text, nullable=False, server_default="open"),
    _among("scope", "row", "cell"),
    Column("superseded_by", BigInteger),
    _among("state", "open", "released", "superseded"),
    # A finding by its line; whole, because the lines of an arrival may be a million.
    Index("ix_quarantine_line", "arrival_id", "table_name", "file_name", "row_number"),
    Index("ix_quarantine_open", "feed", "table_name", postgresql_where=text("state = 'open'")),
    schema="ops",
)

brake_count = Table(
    "brake_count",
    metadata,
    Column("arrival_id", ForeignKey("ops.arrival.arrival_id"), primary_key=True),
    Column("table_name", Text, primary_key=True),
    # Empty where the table has no schools: then the whole table is meant.
    Column("school_source_id", Text, primary_key=True),
    _count("rows_before"),
    _count("rows_created"),
    _count("rows_changed"),
    _count("rows_ended"),
    # What tripped the brake here, and by which words of the contract; null where nothing did.
    _text("reason", null=True),
    _text("threshold"),
    schema="ops",
)

lifted_rule = Table(
    "lifted_rule",
    metadata,
    _id("lifted_rule_id"),
    _text("feed"),
    _text("rule"),
    # Of files that were received up to and with this day of the district.
    Column("until_date", Date, nullable=False),
    _text("granted_by"),
    _text("reason"),
    _moment("granted_at", default=True),
    schema="ops",
)

quarantine_line = Table(
    "quarantine_line",
    metadata,
    Column("arrival_id", BigInteger, primary_key=True, autoincrement=False),
    Column("table_name", Text, primary_key=True),
    Column("file_name", Text, primary_key=True),
    Column("row_number", BigInteger, primary_key=True, autoincrement=False),
    # A hash of what the row speaks of; a later row about the same closes this one.
    Column("record_key", BigInteger),
    # The cells as they came, by contract column.
    Column("cells", JSONB, nullable=False),
    schema="restricted",
)

row_notice = Table(
    "row_notice",
    metadata,
    # Rows that were taken as they are, and of which something is to be told. No foreign keys, as
    # in the quarantine.
    Column("arrival_id", BigInteger, nullable=False),
    _text("feed"),
    _text("table_name"),
    _text("file_name"),
    Column("row_number", BigInteger, nullable=False),
    _text("column_name", null=True),
    _text("rule"),
    Index(None, "arrival_id"),
    schema="ops",
)

diagnostic_rule = Table(
    "diagnostic_rule",
    metadata,
    # The catalog of contracts/diagnostics.yml and of the contracts' own rules; blank is any.
    Column("feed", Text, primary_key=True),
    Column("table_name", Text, primary_key=True),
    Column("rule", Text, primary_key=True),
    _text("code"),
    _text("costs"),
    _text("message"),
    _text("what_to_do"),
    schema="ops",
)

feed_state = Table(
    "feed_state",
    metadata,
    Column("feed", Text, primary_key=True),
    Column("sender", Text, primary_key=True),
    Column("last_arrival_id", BigInteger, nullable=False),
    Column("last_batch_id", BigInteger, nullable=False),
    _moment("last_loaded_at"),
    schema="ops",
)

student_crosswalk = Table(
    "student_crosswalk",
    metadata,
    Column("student_source_id", Text, primary_key=True),
    Column("student_key", BigInteger, nullable=False, unique=True),
    schema="ops",
)

student_change = Table(
    "student_change",
    metadata,
    # An id that was given to what looks like another child. In force, it gives the id its key,
    # and what was told of the id before is not told of the child.
    _id("change_id"),
    _text("student_source_id"),
    # The key of the child whose id it was.
    Column("earlier_key", BigInteger, nullable=False),
    Column("student_key", BigInteger, nullable=False, unique=True),
    # When the roster's rows that say so claim to be true, and the district's day of it.
    _moment("told_since"),
    Column("told_since_date", Date, nullable=False),
    Column("state", Text, nullable=False, server_default="open"),
    _text("decided_by", null=True),
    _text("reason", null=True),
    _moment("decided_at", null=True),
    _among("state", "open", "same", "another", "past", "withdrawn"),
    Index(
        "ix_student_change_in_force",
        "student_source_id",
        unique=True,
        postgresql_where=text("state in ('open', 'another')"),
    ),
    schema="ops",
)

student_identity = Table(
    "student_identity",
    metadata,
    # As whom the roster first told of a child, to hold later rosters against.
    Column("student_key", BigInteger, primary_key=True, autoincrement=False),
    _text("student_source_id"),
    _text("given_names", null=True),
    _text("family_names", null=True),
    Column("birth_date", Date),
    Index(None, "student_source_id"),
    schema="restricted",
)

school_crosswalk = Table(
    "school_crosswalk",
    metadata,
    Column("school_source_id", Text, primary_key=True),
    Column("school_key", Integer, Identity(always=True), nullable=False, unique=True),
    schema="ops",
)

need_history = Table(
    "need_history",
    metadata,
    Column("student_key", BigInteger, primary_key=True),
    Column("school_key", Integer, primary_key=True),
    Column("rule_id", Text, primary_key=True),
    Column("first_seen_date", Date, nullable=False),
    Column("last_seen_date", Date, nullable=False),
    # The value that opened it, and the value on its last list.
    Column("first_value", Numeric),
    Column("last_value", Numeric),
    # How it stood on its last list, and on the list of an earlier day before that.
    Column("last_rank", Integer),
    Column("last_level", Text),
    Column("last_state", Text),
    Column("prior_seen_date", Date),
    Column("prior_rank", Integer),
    Column("prior_level", Text),
    Column("prior_state", Text),
    # Every open need is written anew each night: there is room for it on its page.
    postgresql_with={"fillfactor": 50},
    schema="ops",
)

inquiry_baseline = Table(
    "inquiry_baseline",
    metadata,
    Column("cycle_id", Text, primary_key=True),
    Column("school_key", Integer, primary_key=True),
    Column("metric_id", Text, nullable=False),
    Column("metric_version", Integer, nullable=False),
    Column("school_year", Integer, nullable=False),
    Column("as_of_date", Date, nullable=False),
    Column("release_id", BigInteger, nullable=False),
    Column("numerator", Numeric, nullable=False),
    Column("denominator", BigInteger, nullable=False),
    Column("metric_value", Numeric, nullable=False),
    schema="ops",
)

build = Table(
    "build",
    metadata,
    _id("build_id"),
    _moment("started_at", default=True),
    _moment("finished_at", null=True),
    Column("as_of_date", Date, nullable=False),
    Column("state", Text, nullable=False, server_default="running"),
    _count("models_built"),
    _count("tests_failed"),
    _text("message", null=True),
    Column("input_batch_id", BigInteger, nullable=False, server_default=text("0")),
    # Loads run beside each other: one with a smaller number may end after the build began.
    _count("input_batch_count"),
    # Of rules, models, expectations and settings: another one makes another night.
    _text("inputs_hash", null=True),
    _among("state", "running", "succeeded", "failed"),
    schema="ops",
)

release = Table(
    "release",
    metadata,
    _id("release_id"),
    Column("build_id", BigInteger),
    Column("as_of_date", Date, nullable=False),
    Column("previous_release_id", BigInteger),
    Column("state", Text, nullable=False, server_default="building"),
    _moment("created_at", default=True),
    _moment("published_at", null=True),
    _text("message", null=True),
    _text("content_hash", null=True),
    Column("pinned", Boolean, nullable=False, server_default=text("false")),
    _among("state", "building", "audited", "published", "superseded", "rejected"),
    schema="ops",
)

release_school = Table(
    "release_school",
    metadata,
    Column("release_id", ForeignKey("ops.release.release_id"), primary_key=True),
    Column("school_key", Integer, primary_key=True),
    _text("school_source_id"),
    _text("verdict"),
    Column("live", Boolean, nullable=False, server_default=text("false")),
    # A person pointed the school's readers back from it.
    Column("taken_back", Boolean, nullable=False, server_default=text("false")),
    _count("student_count"),
    _among("verdict", "pass", "notice", "hold"),
    schema="ops",
)

verdict = Table(
    "verdict",
    metadata,
    _id("verdict_id"),
    Column("release_id", ForeignKey("ops.release.release_id"), nullable=False),
    Column("school_key", Integer),
    _text("rule_id"),
    _text("severity"),
    Column("failing_count", BigInteger),
    _text("message"),
    _among("severity", "notice", "hold"),
    Index(None, "release_id"),
    schema="ops",
)

override = Table(
    "override",
    metadata,
    _id("override_id"),
    Column("school_key", Integer),
    _text("rule_id", null=True),
    _text("granted_by"),
    _text("reason"),
    _moment("granted_at", default=True),
    _moment("expires_at"),
    schema="ops",
)

delivery = Table(
    "delivery",
    metadata,
    _id("delivery_id"),
    Column("release_id", ForeignKey("ops.release.release_id"), nullable=False),
    Column("school_key", Integer),
    _text("channel"),
    _text("file_name"),
    _text("sha256"),
    Column("byte_count", BigInteger, nullable=False),
    _moment("delivered_at", default=True),
    Index(None, "release_id"),
    schema="ops",
)

disclosure = Table(
    "disclosure",
    metadata,
    _id("disclosure_id"),
    Column("delivery_id", ForeignKey("ops.delivery.delivery_id"), nullable=False),
    Column("release_id", BigInteger, nullable=False),
    Column("school_key", Integer, nullable=False),
    _text("recipient_type"),
    _text("recipient_id", null=True),
    _text("legal_basis"),
    Column("records_scope", ARRAY(Text), nullable=False),
    Column("student_keys", ARRAY(BigInteger), nullable=False),
    _moment("disclosed_at", default=True),
    schema="ops",
)

event = Table(
    "event",
    metadata,
    _id("event_id"),
    _moment("happened_at", default=True),
    _text("kind"),
    _text("dag_id", null=True),
    _text("task_id", null=True),
    _text("run_id", null=True),
    _text("state", null=True),
    Column("detail", JSONB, nullable=False, server_default=text("'{}'::jsonb")),
    Index(None, "happened_at"),
    schema="ops",
)

pointer = Table(
    "pointer",
    metadata,
    Column("school_key", Integer, primary_key=True, autoincrement=False),
    _text("school_source_id"),
    Column("release_id", ForeignKey("ops.release.release_id"), nullable=False),
    _moment("published_at", default=True),
    # Whether what its list shows is in need_history yet.
    Column("is_remembered", Boolean, nullable=False, server_default=text("true")),
    schema="release",
)
