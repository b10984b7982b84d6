"""The scenario as it is run always, and the variations that are run on demand (LONG=1)."""

from workers import KIND, OLDER, TESTED

NEW = TESTED.version >= "3.5"
COMPATIBLE = {"coordinator.clientVersionConfig": "CLIENT_VERSION_CONFIG_COMPATIBLE_WITH_2X"}
ONE_TABLE = {"coordinator.migrateAllEntitiesToLeaseTable": "true"}

VARIATIONS = [
    ("short", {"kill_leader": NEW}),  # only since 3.5 can it be told how long a dead leader is taken for one
    ("leader", {"kill_leader": True, "replace": True, "keys": 64}),
    ("compatible", {"options": COMPATIBLE}),
    ("upgrade-from-2", {"upgrade": ("2", [(COMPATIBLE, "CLIENT_VERSION_3X_WITH_ROLLBACK"), ({}, "'CLIENT_VERSION_3X'")])}),
    ("upgrade-from-3.1", {"upgrade": ("3.1", [({}, "STATUS_DEPLOYED"), (ONE_TABLE, "STATUS_COMPLETE")])}),
]


def not_run(name):
    """Why a variation cannot be run with this library; nothing when it can."""
    if name != "short" and TESTED.version < "3":
        return "version 2 has no leader to kill and nothing older to be compatible with"
    if name == "upgrade-from-3.1" and not NEW:
        return "it is 3.1; from 3.5 on everything is in one table"
    if name not in ("short", "leader") and KIND != "java":
        return "it is the same library in Java, and runs there"
    needed = OLDER.get(name.removeprefix("upgrade-from-"))
    if needed and not needed.home.exists():
        return f"version {needed.version} is not installed; run that suite first"
    return None
