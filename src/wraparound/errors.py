"""The family of errors, on one screen.

WraparoundError
├── SettingsWrong        W01  exit 3   the machine or the district file is not set up right
├── WarehouseMissing     W02  exit 3   no usable PostgreSQL
├── ContractBroken       W21  exit 4   an arrival cannot be read as the feed it claims to be
├── FeedUnknown          W22  exit 4   nothing says which feed a file belongs to
├── ArrivalUnsafe        W23  exit 4   an archive that must not be opened
├── ArrivalIncomplete    W24  exit 4   a file that is still being written, or is gone
├── ArrivalBraked        W26  exit 4   a change too large to believe; a person decides
├── ConservationBroken   W25  exit 5   rows in and rows accounted for differ; nothing was kept
├── LoadFailed           W27  exit 5   the database refused, or a fault of ours; the arrival waits
├── BuildFailed          W31  exit 6   dbt could not build the tables
├── GateUnreadable       W41  exit 7   a suite cannot be trusted as it stands
├── ReleaseRejected      W42  exit 7   no school may publish this candidate
├── ReleaseMissing       W43  exit 7   the release named does not exist or cannot be shown
└── AirflowMissing       W51  exit 8   the local Airflow did not start or did not answer

The text says what, where and what to do, and never repeats a value from a row.
"""

import errno
import sys

# Connection, rollback, resources, operator, system: by SQLSTATE class; a lock not got; and a
# server that only reads, as a standby in the place of the one that was lost.
PASSING_STATES = ("08", "25006", "40", "53", "55P03", "57", "58")
NOT_WRITABLE = (errno.EACCES, errno.EDQUOT, errno.ENOSPC, errno.EPERM, errno.EROFS)


class WraparoundError(Exception):
    """Anything Wraparound refuses to do, said so that an operator can act."""

    code = "W00"
    exit_code = 1


class SettingsWrong(WraparoundError):
    """The machine or the district file is not set up right."""

    code = "W01"
    exit_code = 3


class WarehouseMissing(WraparoundError):
    """There is no PostgreSQL that can be used."""

    code = "W02"
    exit_code = 3

    @classmethod
    def lost(cls, sqlstate: str | None) -> "WarehouseMissing":
        """It went away, had no room or no connection, or gave no lock, in the middle of work."""
        return cls(
            "The warehouse was lost in the middle, is full or read-only, or did not give a lock "
            f"({sqlstate or 'no SQLSTATE'}). What was committed stands. Give the same command "
            "again; should that fail too, run `wraparound doctor`."
        )


class ContractBroken(WraparoundError):
    """An arrival cannot be read as the feed it claims to be."""

    code = "W21"
    exit_code = 4


class FeedUnknown(WraparoundError):
    """Nothing says which feed a file belongs to."""

    code = "W22"
    exit_code = 4


class ArrivalUnsafe(WraparoundError):
    """An archive that must not be opened."""

    code = "W23"
    exit_code = 4


class ArrivalIncomplete(WraparoundError):
    """A file that is still being written, or is gone."""

    code = "W24"
    exit_code = 4


class ArrivalBraked(WraparoundError):
    """A change too large to believe; nothing was applied, and a person decides.

    `counts` are what was counted, by table and school.
    """

    code = "W26"
    exit_code = 4

    def __init__(self, text: str, *, counts: tuple[object, ...] = ()) -> None:
        super().__init__(text)
        self.counts = counts


class LoadFailed(WraparoundError):
    """The database refused a load for a reason of its own; the arrival waits for the next try."""

    code = "W27"
    exit_code = 5


class ConservationBroken(WraparoundError):
    """Rows in and rows accounted for differ; nothing of the batch was kept."""

    code = "W25"
    exit_code = 5


class BuildFailed(WraparoundError):
    """dbt could not build the tables."""

    code = "W31"
    exit_code = 6


class GateUnreadable(WraparoundError):
    """A suite of expectations cannot be trusted as it stands."""

    code = "W41"
    exit_code = 7


class ReleaseRejected(WraparoundError):
    """No school may publish this candidate."""

    code = "W42"
    exit_code = 7


class ReleaseMissing(WraparoundError):
    """The release named does not exist or cannot be shown."""

    code = "W43"
    exit_code = 7


class AirflowMissing(WraparoundError):
    """The local Airflow did not start or did not answer."""

    code = "W51"
    exit_code = 8


def may_pass(sqlstate: str | None) -> bool:
    """Whether the same may succeed later: the server was away, busy, full or stopped."""
    return sqlstate is None or sqlstate.startswith(PASSING_STATES)


def in_our_words(error: Exception) -> WraparoundError | None:
    """An error of ours, or one of the machine in our words; None where nobody foresaw it."""
    if isinstance(error, WraparoundError):
        return error
    if isinstance(error, OSError) and error.errno in NOT_WRITABLE:
        return SettingsWrong(
            f"{error.filename or 'A file'} cannot be used: {error.strerror}. What was committed "
            "stands. Make room or give the right to it, then give the same command again."
        )
    # Its import takes longer than `--help`; and what it says may quote a cell.
    psycopg = sys.modules.get("psycopg")
    if psycopg is not None and isinstance(error, psycopg.Error):
        is_known = error.sqlstate is not None and may_pass(error.sqlstate)
        if is_known or isinstance(error, psycopg.OperationalError):
            return WarehouseMissing.lost(error.sqlstate)
    return None


def where_from(error: Exception) -> str:
    """Say what kind of error nobody foresaw, and where; its text may quote a value of a row."""
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    place = f"{frame.tb_frame.f_code.co_filename}:{frame.tb_lineno}" if frame else "?"
    state = getattr(error, "sqlstate", None)
    return f"{type(error).__name__}{f' (SQLSTATE {state})' if state else ''} at {place}"
