"""pandas, in its own environment: FILE SOCKET. `read_csv`, then `to_sql` as it comes."""

import sys

import sqlalchemy as sa

TYPES = {"eventDate": sa.Date(), "eventDuration": sa.Numeric()}
CELLS = {"attendanceEventReason": str, "eventDuration": float}


def main(file: str, socket: str) -> None:
    """Load the file into `public.attendance`."""
    import pandas as pd

    rows = pd.read_csv(file, dtype=CELLS, parse_dates=["eventDate"])
    types = {name: TYPES.get(name, sa.Text()) for name in rows.columns}
    engine = sa.create_engine(f"postgresql+psycopg2://postgres@/run_peer?host={socket}")
    rows.to_sql("attendance", engine, index=False, if_exists="replace", dtype=types)


if __name__ == "__main__":
    main(*sys.argv[1:])
