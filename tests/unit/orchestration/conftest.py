"""Gives Airflow a home of its own before any test imports it."""

from lib.airflow_in_tests import use_a_home_of_its_own

use_a_home_of_its_own()
