"""One scenario, step by step, and its cleanup whatever happens."""

import threading
import time
import uuid

import jmespath

from . import match, values
from .document import Map
from .target import Answer, Events, Refusal

# Every name that a run makes begins with it.
PREFIX = "millrace-scenario-"


class Failed(Exception):
    """A step did not go as its file says."""

    def __init__(self, step, text, found=None):
        super().__init__(f"{step.operation or step.read} ({step.place}): {text}")
        self.found = found


class Stopped(Exception):
    """Somebody pressed the keys."""


class Run:
    """A scenario under way against a target. `said` collects a line for each step."""

    def __init__(self, scenario, target, given, stop=None):
        self.scenario = scenario
        self.target = target
        self.stop = stop or threading.Event()
        self.said = []
        self._kept = {}
        unique = f"{PREFIX}{scenario.name}-{uuid.uuid4().hex[:6]}"
        self.variables = {**target.facts, "unique": unique, **given}
        self.variables |= {k: values.filled(v, self.variables) for k, v in scenario.variables.items()}

    def run(self):
        """What went wrong, an exception each; empty where nothing did."""
        wrong = []
        try:
            for step in self.scenario.steps:
                self._repeated(step)
        except Exception as error:  # noqa: BLE001 - whatever ends the steps, the cleanup runs
            wrong.append(error)
            self.said.append(f"FAILED {error}")
        for name in list(self._kept):
            self._forget(name)
        self.stop = threading.Event()
        for step in self.scenario.cleanup:
            wrong += self._cleaned(step)
        return wrong

    def _cleaned(self, step):
        """A cleanup step: what was never made or is gone already is fine."""
        try:
            self._repeated(step, tidying=True)
        except values.Undefined:
            pass
        except Exception as error:  # noqa: BLE001 - the next cleanup runs nevertheless
            self.said.append(f"LEFT BEHIND {error}")
            return [error]
        return []

    def _repeated(self, step, tidying=False):
        if step.repeat is None:
            return self._step(step, tidying)
        if isinstance(step.repeat, int):
            rounds = [{"n": n} for n in range(1, step.repeat + 1)]
        else:
            (name, items), *_ = values.filled(step.repeat, self.variables).items()
            rounds = [{name: item, "n": n} for n, item in enumerate(items, 1)]
        for one in rounds:
            self.variables |= one
            self._step(step, tidying)

    def _step(self, step, tidying):
        if self.stop.is_set():
            raise Stopped("interrupted")
        started = time.monotonic()
        self._forget(f"\0{step.place}")
        outcome, looks = self._until(step, tidying) if step.until is not None else (self._outcome(step), 1)
        if isinstance(outcome, Refusal) and outcome.code == "ResourceNotFoundException" and tidying:
            return
        self._hold(step, outcome)
        if isinstance(outcome, Answer):
            self._save(step, step.save, outcome.value, must=True)
        took = (time.monotonic() - started) * 1000
        tries = f", {looks} looks" if looks > 1 else ""
        self.said.append(f"{step.place} {step.operation or 'read'}: {_brief(outcome)} ({took:.0f} ms{tries})")

    def _hold(self, step, outcome):
        """The outcome against `error` and `expect`; an `until` held already."""
        if step.until is not None and isinstance(outcome, Refusal):
            return
        if step.error is not None:
            wanted = values.filled(step.error, self.variables)
            problems = _refusal_differences(wanted, outcome)
            if problems:
                raise Failed(step, "; ".join(problems), outcome)
            return
        if isinstance(outcome, Refusal):
            raise Failed(step, f"refused: {outcome}", outcome)
        self._expect(step, outcome)

    def _expect(self, step, outcome):
        if step.expect is None:
            return
        found = match.differences(values.filled(step.expect, self.variables), outcome.value)
        if found:
            raise Failed(step, "; ".join(str(d) for d in found), outcome)

    def _until(self, step, tidying):
        """Looks again and again until what `until` says holds; gives the outcome and the number of looks."""
        within = min(step.within, self.target.wait_max)
        deadline = time.monotonic() + within
        pause, longest = self.target.pauses
        looks, together = 0, []
        while True:
            outcome = self._outcome(step)
            looks += 1
            if isinstance(outcome, Answer):
                self._collect(step, outcome, together)
                self._save(step, step.carry, outcome.value, must=False)
            elif tidying and outcome.code == "ResourceNotFoundException":
                return outcome, looks
            problems = self._unmet(step.until, outcome)
            if not problems:
                return outcome, looks
            if self.stop.is_set():
                raise Stopped("interrupted")
            if time.monotonic() + pause > deadline:
                raise Failed(step, f"not within {within:g} s, {looks} looks: {'; '.join(problems)}", outcome)
            # Events come when they come; only calls are paced.
            if isinstance(outcome, Refusal) or not (step.read or self._is_subscription(step)):
                time.sleep(pause)
                pause = min(pause * 1.4, longest)

    def _unmet(self, until, outcome):
        """Why the wait goes on."""
        wanted = values.filled(until, self.variables)
        if isinstance(wanted, Map) and set(wanted) == {"error"}:
            return _refusal_differences(wanted["error"], outcome)
        if isinstance(outcome, Refusal):
            return [f"refused: {outcome}"]
        return [str(d) for d in match.differences(wanted, outcome.value)]

    def _collect(self, step, outcome, together):
        """Puts the list at `collect` of all answers so far into this one."""
        if step.collect:
            together += outcome.value.get(step.collect) or []
            outcome.value[step.collect] = list(together)

    def _outcome(self, step):
        """One call, or one more event."""
        if step.read:
            return self._event(self._kept[step.read], step)
        if self._is_subscription(step) and f"\0{step.place}" in self._kept:
            return self._event(self._kept[f"\0{step.place}"], step)
        awaited = values.filled(step.error or (step.until or {}).get("error"), self.variables)
        arguments = values.filled(step.arguments, self.variables)

        def is_awaited(refusal):
            return bool(awaited) and not _refusal_differences(awaited, refusal)

        outcome = self.target.call(step.by, step.operation, arguments, is_awaited)
        if isinstance(outcome, Answer) and self._is_subscription(step):
            return self._subscribed(step, outcome)
        return outcome

    def _subscribed(self, step, outcome):
        events = Events(outcome.value["EventStream"])
        asked = step.until is not None and set(step.until) != {"error"}
        if step.keep:
            self._kept[step.keep] = events
        elif asked or step.expect is not None:
            self._kept[f"\0{step.place}"] = events
            return self._event(events, step)
        else:
            events.close()
        return Answer({})

    def _event(self, events, step):
        outcome = events.next()
        if outcome is None:
            raise Failed(step, f"the event stream ended; so far {match.shown(events.so_far)}", Answer(events.so_far))
        return outcome

    def _forget(self, name):
        if name in self._kept:
            self._kept.pop(name).close()

    def _is_subscription(self, step):
        return step.operation == "SubscribeToShard"

    def _save(self, step, paths, value, must):
        for name, path in paths.items():
            found = jmespath.search(values.filled(path, self.variables), value)
            if found is not None:
                self.variables[name] = found
            elif must:
                raise Failed(step, f"nothing to save as ${name} at {path}", Answer(value))


def _refusal_differences(wanted, outcome):
    """What of `{code, message, status}` the outcome is not."""
    if not isinstance(outcome, Refusal):
        return [f"expected {wanted['code']}, but it was answered"]
    if outcome.code not in wanted["code"].split("|"):
        return [f"expected {wanted['code']}, found {outcome}"]
    found = {"message": outcome.message, "status": outcome.status}
    return [str(d) for key in ("message", "status") if key in wanted
            for d in match.differences(wanted[key], found[key], key)]


def _brief(outcome):
    if isinstance(outcome, Refusal):
        return f"refused, {match.shown(str(outcome), 160)}"
    return match.shown(outcome.value, 160)
