"""The scenario as it is run always, and the variations that are run on demand (LONG=1)."""

import os

KIND = os.environ["KCL_KIND"]
VERSION = os.environ["KCL_VERSION"]  # "2", "3.1", "3.5"

VARIATIONS = [
    ("short", {"kill_leader": VERSION == "3.5"}),  # which alone can be told how long a dead leader stays one
    ("leader", {"kill_leader": True, "replace": True, "keys": 64}),
    ("compatible", {"options": {"coordinator.clientVersionConfig": "CLIENT_VERSION_CONFIG_COMPATIBLE_WITH_2X"}}),
    ("one-table", {"options": {"coordinator.migrateAllEntitiesToLeaseTable": "true"}}),
]


def not_run(name):
    """Why a variation cannot be run with this library."""
    if name in ("leader", "compatible") and VERSION.startswith("2"):
        return "version 2 has no leader to kill and nothing to be compatible with"
    if name == "one-table" and VERSION != "3.5":
        return "only from version 3.5 on can all be in the lease table"
    if name in ("compatible", "one-table") and KIND != "java":
        return "the daemon's properties do not reach this setting"
    return None
