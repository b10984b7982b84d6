"""What must hold of a run: pure functions over what was put and what the workers wrote down.

Each takes the `Ledger` of what was put and the events of one application, and answers a list of complaints.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

START = "TRIM_HORIZON"
END = "SHARD_END"


class Event(NamedTuple):
    """One line of a worker."""

    time: int  # microseconds since 1970
    worker: str
    kind: str  # init, record, saving, saved, unsaved, lost
    app: str
    shard: str
    rest: tuple  # what follows on the line


@dataclass
class Ledger:
    """What was put, as the server acknowledged it."""

    records: list = field(default_factory=list)  # (shard, sequence number, key, n)
    parents: dict = field(default_factory=dict)  # shard -> its parents

    def of(self, shard):
        """The records of a shard, in the order of their sequence numbers."""
        return sorted((int(number), key, n) for at, number, key, n in self.records if at == shard)

    def closed(self):
        """Shards that have children."""
        return {parent for parents in self.parents.values() for parent in parents}


def every_record_is_seen(ledger, events):
    """At least once, in the shard that the server put it in."""
    seen = {(e.shard, e.rest[2], e.rest[0], int(e.rest[1])) for e in events if e.kind == "record"}
    put = set(ledger.records)
    return [f"never seen: {r}" for r in sorted(put - seen)] + [f"never put: {r}" for r in sorted(seen - put)]


def order_of_each_key_is_kept(_, events):
    """Leaving repeats aside, the records of a key come as they were put, whatever shards and workers they went through."""
    following, wrong = {}, []
    for event in events:
        if event.kind == "record":
            key, n = event.rest[0], int(event.rest[1])
            if n > following.get(key, 0):
                wrong.append(f"{key}: {n} where {following.get(key, 0)} was to come, {event.worker} {event.shard}")
            following[key] = max(following.get(key, 0), n + 1)
    return wrong


def each_turn_continues_at_the_checkpoint(ledger, events):
    """A turn is what one worker does with a shard from `init` on.

    It begins at the last checkpoint that was saved – or at one that was being saved when its worker was killed – and
    reads on from there without a hole, a repeat or a swap.
    """
    wrong = []
    for shard in sorted({e.shard for e in events}):
        order = [number for number, _, _ in ledger.of(shard)]
        of_shard = [e for e in events if e.shard == shard]
        wrong += [f"{shard}: {w}" for w in _beginnings(of_shard)]
        for start, numbers in _turns(of_shard):
            after = [n for n in order if n > start]
            if numbers != after[: len(numbers)]:
                at = next(i for i, pair in enumerate(zip(numbers, after + [None])) if pair[0] != pair[1])
                wrong.append(f"{shard}: from {start} on, record {at} is {numbers[at]}, not {(after + [None])[at]}")
    return wrong


def _beginnings(events):
    """Complaints about where turns begin."""
    saved, open_since = START, []
    for event in events:
        if event.kind == "saving":
            open_since.append(event.rest[0])
        elif event.kind == "saved":
            saved, open_since = event.rest[0], []
        elif event.kind == "init" and event.rest[0] != saved and event.rest[0] not in open_since:
            yield f"{event.worker} begins at {event.rest[0]}; saved was {saved}"


def _turns(events):
    """(where it begins, sequence numbers that it has seen), for each turn."""
    turns, current = [], {}
    for event in events:
        if event.kind == "init":
            begin = event.rest[0]
            current[event.worker] = []
            turns.append((int(begin) if begin.isdigit() else -1, current[event.worker]))
        elif event.kind == "record":
            current[event.worker].append(int(event.rest[2]))
    return turns


def children_begin_when_parents_have_ended(ledger, events):
    """A child's first turn comes after its parents were checkpointed at their end."""
    ended, wrong, begun = set(), [], set()
    for event in events:
        if event.kind == "saving" and event.rest[0] == END:
            ended.add(event.shard)
        elif event.kind == "init":
            begun.add(event.shard)
            waiting = [p for p in ledger.parents.get(event.shard, ()) if p not in ended]
            wrong += [f"{event.shard} begins before the end of {parent}" for parent in waiting]
    return wrong + [f"{shard} never begins" for shard in sorted({r[0] for r in ledger.records} - begun)]


ALL = (
    every_record_is_seen,
    order_of_each_key_is_kept,
    each_turn_continues_at_the_checkpoint,
    children_begin_when_parents_have_ended,
)


def leases_hold_the_checkpoints(ledger, leases, cleaned=False):
    """Parents at their end, children at their last record; `leases` is shard -> (checkpoint, parents).

    `cleaned` when the run took so long that the library may have deleted the leases of shards that have ended.
    """
    wrong = []
    for shard in sorted({r[0] for r in ledger.records}):
        wanted = END if shard in ledger.closed() else str(ledger.of(shard)[-1][0])
        parents = sorted(ledger.parents.get(shard, ()))
        found = leases.get(shard)
        if found is None and not (cleaned and wanted == END):
            wrong.append(f"no lease for {shard}")
        elif found is not None and found != (wanted, parents):
            wrong.append(f"{shard}: is {found}, should be {(wanted, parents)}")
    return wrong


def spoiled(ledger, events):
    """Runs with one fault each: (what was done, the check that must complain, the events)."""
    at = _middle_of_a_turn(events)
    one, two = events[at], events[at + 1]
    swapped = [*events[:at], two._replace(time=one.time), one._replace(time=two.time), *events[at + 2 :]]
    begin = next(i for i, e in enumerate(events) if e.kind == "init" and e.shard in ledger.parents)
    child = events[begin]
    foreign = one._replace(rest=("nobody", "0", one.rest[2]))
    yield "lost", each_turn_continues_at_the_checkpoint, events[:at] + events[at + 1 :]
    yield "repeated", each_turn_continues_at_the_checkpoint, events[:at] + [one] + events[at:]
    yield "swapped", each_turn_continues_at_the_checkpoint, swapped
    yield "swapped", order_of_each_key_is_kept, _swapped_key(events)
    yield "never put", every_record_is_seen, events[:at] + [foreign] + events[at + 1 :]
    yield "lost everywhere", every_record_is_seen, [e for e in events if e.rest[:2] != one.rest[:2]]
    yield "lost everywhere", order_of_each_key_is_kept, [e for e in events if e.rest[:2] != one.rest[:2]]
    yield "begun early", children_begin_when_parents_have_ended, [child, *events[:begin], *events[begin + 1 :]]
    first = next(i for i, e in enumerate(events) if e.kind == "saved" and e.rest[0] != END)
    again = events[first]._replace(kind="init", worker="Z", rest=(START,))
    yield "begun at the start", each_turn_continues_at_the_checkpoint, events[: first + 1] + [again] + events[first + 1 :]


def _middle_of_a_turn(events):
    """Where three records of one worker and shard lie side by side, none of them in another turn too."""
    times = {}
    for event in events:
        if event.kind == "record":
            times[event.rest] = times.get(event.rest, 0) + 1
    for at in range(len(events) // 3, len(events) - 2):
        three = events[at : at + 3]
        alike = {(e.kind, e.worker, e.shard) for e in three}
        if len(alike) == 1 and three[0].kind == "record" and all(times[e.rest] == 1 for e in three):
            return at
    raise AssertionError("no three records side by side: the run is too small")


def _swapped_key(events):
    """Two records of one key change places."""
    at = _middle_of_a_turn(events)
    key = events[at].rest[0]
    later = next(i for i in range(at + 1, len(events)) if events[i].kind == "record" and events[i].rest[0] == key)
    changed = list(events)
    changed[at], changed[later] = changed[later], changed[at]
    return changed
