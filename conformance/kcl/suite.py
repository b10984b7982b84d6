"""The Kinesis Client Library against one server that is its Kinesis, its DynamoDB and its CloudWatch.

README.md tells what happens; checks.py what must hold. LONG=1 runs the variations too.
"""

import functools
import os

import checks
from harness import CASES, case, run
from scenario import APPS, Scenario
from variations import VARIATIONS, not_run

LONG = os.environ.get("LONG") == "1"
ONLY = os.environ.get("ONLY")  # one variation, for whoever works on it


@functools.cache
def runs():
    """The scenario, and with LONG its variations: name -> run, or what went wrong."""
    wanted = [v for v in VARIATIONS if v[0] == ONLY] if ONLY else VARIATIONS if LONG else VARIATIONS[:1]
    found = {}
    for name, settings in wanted:
        why = not_run(name)
        if why:
            print(f"not run {name} # {why}", flush=True)
            continue
        print(f"# {name}", flush=True)
        try:
            found[name] = Scenario(**settings).run()
        except Exception as fault:  # noqa: BLE001 - told by every case
            found[name] = fault
    return found


def complaints_of(judge):
    """Collects what `judge` says of each run, and raises it."""
    wrong = []
    for name, scenario in runs().items():
        if isinstance(scenario, Exception):
            raise scenario
        wrong += [f"{name}: {complaint}" for complaint in judge(scenario)]
    if wrong:
        raise AssertionError(f"{len(wrong)} complaints: " + "; ".join(wrong[:4]))


def add(app, check):
    """A case for a check of an application."""

    def judge():
        complaints_of(lambda s: check(s.ledger, s.events(app)))

    judge.__name__ = f"{app}_{check.__name__}"
    CASES.append(judge)


def add_leases(app):
    """A case for the lease table of an application."""

    def judge():
        complaints_of(lambda s: checks.leases_hold_the_checkpoints(s.ledger, s.leases[app], s.cleaned))

    judge.__name__ = f"{app}_leases_hold_the_checkpoints"
    CASES.append(judge)


for each in APPS:
    for one in checks.ALL:
        add(each, one)
    add_leases(each)


@case
def the_killed_workers_leases_are_taken_over():
    def judge(scenario):
        taken = {app for app, _ in scenario.taken}
        return [f"nothing of {app} was there to be taken over" for app in APPS if app not in taken]

    complaints_of(judge)


@case
def workers_stop_when_they_are_asked_to():
    complaints_of(lambda s: [] if s.stopped and all(s.stopped) else [f"had to be killed: {s.stopped}"])


@case
def the_fan_out_consumer_is_registered():
    def judge(scenario):
        wanted = [(f"{scenario.stream}-fanout", "ACTIVE")]
        return [] if scenario.consumers == wanted else [f"{scenario.consumers}, not {wanted}"]

    complaints_of(judge)


@case
def what_the_workers_measure_is_in_cloudwatch():
    def judge(scenario):
        return [f"{app}: {m} counted, {r} read" for app, (m, r) in scenario.measured.items() if m != r or not r]

    complaints_of(lambda s: judge(s) if s.measured else ["nothing measured"])


@case
def a_fault_would_be_found():
    """Each check complains of a run that was spoiled for it."""

    def judge(scenario):
        silent = []
        for app in APPS:
            for what, check, events in checks.spoiled(scenario.ledger, scenario.events(app)):
                if not check(scenario.ledger, events):
                    silent.append(f"{app}: {check.__name__} does not see what was {what}")
            leases = dict(scenario.leases[app])
            shard = next(shard for shard in leases if shard not in scenario.ledger.closed())
            leases[shard] = ("TRIM_HORIZON", leases[shard][1])
            if not checks.leases_hold_the_checkpoints(scenario.ledger, leases):
                silent.append(f"{app}: a lease that is behind is not seen")
        return silent

    complaints_of(judge)


if __name__ == "__main__":
    run()
