"""Runs conformance/scenarios/*.yaml against an endpoint, or against AWS itself.

    python scenarios.py --endpoint http://127.0.0.1:4567 --region us-east-1 [-v] [--only NAME]
    python scenarios.py --endpoint aws --region eu-central-1 --profile tests [--with on-demand,queue]

Without arguments, ENDPOINT, AWS_REGION and CA_FILE of the environment are taken, as by the other suites. Prints
`ok NAME`, `not ok NAME # why` or `skip NAME # why` for each; ends with 1 where something is not ok.
"""

import argparse
import concurrent.futures
import os
import sys
import threading
import time
import unittest
from pathlib import Path

from botocore.exceptions import BotoCoreError

from scenario import tests
from scenario.document import Wrong
from scenario.match import shown
from scenario.model import Model
from scenario.run import Run
from scenario.schema import NEEDS, UNCOVERED, load
from scenario.sweep import sweep
from scenario.target import Answer, Target

FOLDER = Path(__file__).resolve().parent.parent / "scenarios"
LOCAL_VARIABLES = {"bucket": "millrace-scenarios", "role": "arn:aws:iam::000000000000:role/millrace-scenarios"}
AWS_PATIENCE = 90.0


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--endpoint", default=os.environ.get("ENDPOINT"), help="URL of a server, or 'aws'")
    parser.add_argument("--region", default=os.environ.get("AWS_REGION", "us-east-1"))
    parser.add_argument("--profile", help="profile of the account; without, test/test, or AWS's usual ways")
    parser.add_argument("--other-profile", help="profile of a second account")
    parser.add_argument("--ca", default=os.environ.get("CA_FILE"), help="PEM file to trust")
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="this scenario; may be repeated")
    parser.add_argument("--with", dest="needs", default="", metavar="NEED,…",
                        help="needs that AWS charges more for, or quotas of one's own server")
    parser.add_argument("--var", action="append", default=[], metavar="NAME=VALUE", help="a variable, such as bucket")
    parser.add_argument("--jobs", type=int, help="scenarios at the same time; 8, at AWS 2")
    parser.add_argument("--patience", type=float, help="seconds to take 'too much' for 'later'; 0, at AWS 90")
    parser.add_argument("-v", "--verbose", action="store_true", help="a line for each step")
    parser.add_argument("--check", action="store_true", help="hold the files against the API model, and end")
    parser.add_argument("--members", action="store_true", help="list what no scenario shows, and end")
    parser.add_argument("--list", action="store_true", help="list the scenarios with needs and costs, and end")
    parser.add_argument("--sweep", action="store_true", help="delete what runs that were cut off left behind, and end")
    return parser.parse_args()


def checked(folder, model, whole):
    """The scenarios, held against the model; where they shall be `whole`, everything is covered or explained."""
    scenarios = load(folder)
    for scenario in scenarios.values():
        model.hold(scenario)
    if not whole:
        return scenarios
    missing = model.uncalled(scenarios.values())
    if missing:
        raise Wrong(folder.name, f"no scenario covers {', '.join(missing)}")
    _, rest = model.uncovered(folder / UNCOVERED, folder)
    if rest:
        raise Wrong(folder.name, f"{len(rest)} members are shown by no scenario, as {rest[0]}: see --members")
    return scenarios


def members(folder, model):
    """Prints what no scenario shows; the number of members without a reason."""
    scenarios = load(folder)
    for scenario in scenarios.values():
        model.hold(scenario)
    explained, rest = model.uncovered(folder / UNCOVERED, folder)
    for member in rest:
        print(f"not shown: {member}")
    for why in dict.fromkeys(explained.values()):
        print(f"cannot be shown: {', '.join(m for m, w in explained.items() if w == why)} ({why})")
    unseen = model.unseen_errors()
    for error in sorted({error for _, error in unseen}):
        print(f"never provoked: {error} by {', '.join(o for o, e in unseen if e == error)}")
    total = len(model.members())
    print(f"{total - len(explained) - len(rest)} of {total} members shown, {len(explained)} explained, {len(rest)} not")
    return len(rest)


def aimed(options):
    """The target with its accounts."""
    aws = options.endpoint == "aws"
    patience = options.patience if options.patience is not None else (AWS_PATIENCE if aws else 0.0)
    target = Target(options.endpoint, options.region, options.ca, patience)
    own = None if aws or options.profile else ("test", "test")
    other = None if options.other_profile else ("other", "other")
    try:
        if not target.join("", options.profile, own):
            sys.exit(f"{options.endpoint} refuses the credentials: give --profile")
        # A server of one's own may know these, or not.
        known = not (options.other_profile or not aws) or target.join("other", options.other_profile, other)
    except BotoCoreError as error:
        sys.exit(f"{options.endpoint}: {error}")
    if options.other_profile and not known:
        sys.exit(f"{options.endpoint} refuses the credentials of --other-profile")
    return target


def lacking(scenario, target, given, wanted):
    """Why a scenario does not run here; None where it does."""
    for need in scenario.needs:
        missing = [name for name in NEEDS[need].variables if name not in given]
        if missing:
            return f"needs {NEEDS[need].what}: --var {missing[0]}="
        absent = {
            "other-account": lambda: not target.has("other"),
            "quotas": lambda: not target.is_aws and "quotas" not in wanted,
            "uncommitted": lambda: target.is_committed(),
        }
        if need in absent and absent[need]():
            return f"needs {NEEDS[need].what}"
        if NEEDS[need].costly and target.is_aws and need not in wanted:
            return f"costs more at AWS, {NEEDS[need].what}: --with {need}"
    return None


class Bench:
    """Runs scenarios and says how they went."""

    def __init__(self, target, given, verbose):
        self.failed = 0
        self.stop = threading.Event()
        self._lock = threading.Lock()
        self._of = (target, given)
        self._verbose = verbose

    def one(self, scenario):
        target, given = self._of
        started = time.monotonic()
        run = Run(scenario, target, given, self.stop)
        wrong = run.run()
        with self._lock:
            self._say(scenario, run, wrong, time.monotonic() - started)

    def _say(self, scenario, run, wrong, took):
        if self._verbose:
            for line in run.said:
                print(f"   {scenario.name}: {line}")
        if not wrong:
            print(f"ok {scenario.name}" + (f" # {took:.1f} s" if self._verbose else ""), flush=True)
            return
        self.failed += 1
        for error in wrong:
            print(f"   {scenario.name}: {type(error).__name__}: {error}", file=sys.stderr)
            found = getattr(error, "found", None)
            if isinstance(found, Answer):
                print(f"   {scenario.name}: the whole answer: {shown(found.value, 2000)}", file=sys.stderr, flush=True)
        text = " ".join(str(wrong[0]).split())[:300]
        print(f"not ok {scenario.name} # {text}", flush=True)

    def all(self, scenarios, jobs):
        """Side by side, then those that must be alone."""
        with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
            futures = [pool.submit(self.one, s) for s in scenarios if not s.alone]
            try:
                concurrent.futures.wait(futures)
                for scenario in (s for s in scenarios if s.alone):
                    self.one(scenario)
            except KeyboardInterrupt:
                print("stopping: cleaning up first", file=sys.stderr)
                self.failed += 1
                self.stop.set()
                futures = [future for future in futures if not future.cancel()]
        for future in futures:
            future.result()


def own_tests():
    """The runner's own tests, as a case."""
    found = unittest.defaultTestLoader.loadTestsFromModule(tests)
    result = unittest.TextTestRunner(stream=sys.stderr, verbosity=0).run(found)
    print("ok runner" if result.wasSuccessful() else "not ok runner # its own tests fail", flush=True)
    return result.wasSuccessful()


def chosen(scenarios, target, given, options):
    """The scenarios that can run here; of the others it is said why not."""
    ready = []
    for scenario in scenarios.values():
        if options.only and scenario.name not in options.only:
            continue
        why = lacking(scenario, target, given, options.needs.split(","))
        if why:
            print(f"skip {scenario.name} # {why}", flush=True)
        else:
            ready.append(scenario)
    return ready


def files(options, model):
    """The scenarios; ends the program where a file is wrong, and where files are all that was asked about."""
    try:
        if options.members:
            sys.exit(1 if members(FOLDER, model) else 0)
        scenarios = checked(FOLDER, model, whole=not options.only)
    except Wrong as wrong:
        print(f"not ok files # {wrong}", flush=True)
        sys.exit(1)
    unknown = [name for name in options.only if name not in scenarios]
    if unknown:
        sys.exit(f"no scenario '{unknown[0]}'; there are {', '.join(scenarios)}")
    if options.list:
        for scenario in scenarios.values():
            needs = f" [needs {', '.join(scenario.needs)}]" if scenario.needs else ""
            print(f"{scenario.name}: {scenario.about}{needs} Costs: {scenario.cost or 'nothing'}.")
        sys.exit(0)
    return scenarios


def local(target):
    """The variables of a server of one's own."""
    key = target.key()
    return LOCAL_VARIABLES | ({"key": key} if key else {})


def main():
    options = arguments()
    scenarios = files(options, Model())
    fine = True
    if not (options.only or options.sweep):
        print("ok files", flush=True)
        fine = own_tests()
    if options.check:
        sys.exit(0 if fine else 1)
    if not options.endpoint:
        sys.exit("where to? give --endpoint URL or --endpoint aws")
    target = aimed(options)
    if options.sweep:
        sys.exit(sweep(target, print))
    given = ({} if target.is_aws else local(target)) | dict(v.split("=", 1) for v in options.var)
    bench = Bench(target, given, options.verbose)
    bench.all(chosen(scenarios, target, given, options), options.jobs or (2 if target.is_aws else 8))
    sys.exit(0 if fine and not bench.failed else 1)


main()
