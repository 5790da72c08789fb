"""Airflow in tests: a home of its own, no database, nothing written to the user's folder."""

import atexit
import os
import shutil
import tempfile


def use_a_home_of_its_own() -> None:
    """Must run before the first import of Airflow; again changes nothing."""
    if os.environ.get("WRAPAROUND_TEST_AIRFLOW_HOME"):
        return
    home = tempfile.mkdtemp(prefix="wraparound-airflow-")
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    os.environ["WRAPAROUND_TEST_AIRFLOW_HOME"] = home
    os.environ["AIRFLOW_HOME"] = home
    os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"
    os.environ["AIRFLOW__CORE__UNIT_TEST_MODE"] = "False"
    os.environ["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] = f"sqlite:///{home}/airflow.db"
