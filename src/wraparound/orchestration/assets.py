"""The assets, each defined once. Their events only wake; the ledger says what there is to do."""

from airflow.sdk import Asset, AssetAlias, AssetWatcher

from wraparound.orchestration.triggers import InboxTrigger

ARRIVALS = Asset(
    name="arrivals",
    uri="wraparound://ledger/arrivals",
    group="wraparound",
    watchers=[AssetWatcher(name="inbox", trigger=InboxTrigger(poll_seconds=0.5))],
)
"""Files were accepted from the inbox and wait to be loaded."""

LOADED = Asset(name="loaded", uri="wraparound://ledger/loaded", group="wraparound")
"""Batches were loaded that no build has seen."""

BUILT = Asset(name="built", uri="wraparound://ledger/built", group="wraparound")
"""The reports were built anew."""

RELEASED = Asset(name="released", uri="wraparound://ledger/released", group="wraparound")
"""A release was decided upon."""

HELD = Asset(name="held", uri="wraparound://ledger/held", group="wraparound")
"""The newest release holds at least one school."""

PERHAPS_HELD = AssetAlias(name="perhaps_held", group="wraparound")
"""What a task names that tells of `HELD` on some nights and not on others."""
