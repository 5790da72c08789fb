"""Registers the listener that writes every run and task outcome into the ledger."""

from typing import ClassVar

from airflow.plugins_manager import AirflowPlugin

from wraparound.orchestration.listener import LedgerListener


class WraparoundListener(AirflowPlugin):
    """The name plate of `wraparound.orchestration.listener`."""

    name = "wraparound_listener"
    listeners: ClassVar[list[object]] = [LedgerListener()]
