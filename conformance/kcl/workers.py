"""Workers: how each kind is started, and what it wrote down."""

import os
import signal
import subprocess
import time
from pathlib import Path
from typing import NamedTuple

from checks import Event
from harness import CA_FILE, ENDPOINT, REGION

HERE = Path(__file__).parent
KIND = os.environ["KCL_KIND"]  # java, python or node
HEAP = "-Xmx256m"
# What the JVM itself has to say is not to come between the lines of a worker.
OWN_WORDS = ["-XX:-UsePerfData", "-Xlog:disable", "-Xlog:all=warning:stderr"]
# What was asked for with short times, so that a run is short; version 3 has more to shorten.
SHORT = {
    "coordinator.parentShardPollIntervalMillis": "500",
    "coordinator.shardConsumerDispatchPollIntervalMillis": "250",
    "lease.failoverTimeMillis": "3000",
    "lease.shardSyncIntervalMillis": "5000",
    "lease.leasesRecoveryAuditorExecutionFrequencyMillis": "5000",
    "polling.idleTimeBetweenReadsInMillis": "250",
    "metrics.metricsLevel": "DETAILED",
    "metrics.metricsBufferTimeMillis": "2000",
}
WORKERS = "lease.workerUtilizationAwareAssignmentConfig"
SHORT_SINCE_3 = {
    "lease.leaseAssignmentIntervalMillis": "2000",
    f"{WORKERS}.workerMetricsReporterFreqInMillis": "2000",
    f"{WORKERS}.inMemoryWorkerMetricsCaptureFrequencyMillis": "1000",
}
SHORT_SINCE_3_5 = {
    "lease.dynamoDbLockBasedLeaderLeaseDurationInMillis": "6000",
    "lease.dynamoDbLockBasedLeaderHeartbeatPeriodInMillis": "1000",
}


class Library(NamedTuple):
    """A version of the library, and where it is installed: jars, and what is compiled against them."""

    home: Path
    version: str  # 2, 3.1 or 3.5

    def settings(self):
        """The short times that it knows."""
        return SHORT | (SHORT_SINCE_3 if self.version >= "3" else {}) | (SHORT_SINCE_3_5 if self.version >= "3.5" else {})


TESTED = Library(Path(os.environ["KCL_HOME"]), os.environ["KCL_VERSION"])
OLDER = {version: Library(TESTED.home.parent / name, version) for name, version in (("kcl2", "2"), ("kcl3", "3.1"))}


def environment():
    """For the library's own clients: credentials, region, nothing from outside."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "JAVA_TOOL"))}
    return kept | {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def java(folder):
    """The command up to the class path; over https, with a store that trusts the server."""
    quiet = "-Dlogback.statusListenerClass=ch.qos.logback.core.status.NopStatusListener"
    command = ["java", HEAP, "-XX:+UseSerialGC", *OWN_WORDS, f"-Dlogback.configurationFile={HERE}/logback.xml", quiet]
    if ENDPOINT.startswith("https"):
        store = folder / "trust.p12"
        if not store.exists():
            put = ["-importcert", "-noprompt", "-alias", "ca", "-file", CA_FILE, "-storetype", "PKCS12"]
            subprocess.run(
                ["keytool", *put, "-keystore", store, "-storepass", "changeit"], check=True, capture_output=True
            )
        command += [f"-Djavax.net.ssl.trustStore={store}", "-Djavax.net.ssl.trustStorePassword=changeit"]
    return command


class Worker:
    """A process that reads for one application, and the files that it writes."""

    def __init__(self, name, app, run, library, options):
        """`run` is the scenario: its stream, and the folder for files."""
        self.name, self.app, self.stream, self.folder = name, app, run.stream, run.folder
        self.events, self.log = self.folder / f"{app}-{name}.events", self.folder / f"{app}-{name}.log"
        self.read, self.offset, self.killed, self.asked = [], 0, None, False
        self.library, self.options = library, library.settings() | options
        self.process = self._java() if KIND == "java" else self._daemon()

    def _java(self):
        path = f"{self.library.home}/out:{self.library.home}/jars/*"
        variables = environment() | {
            "ENDPOINT": ENDPOINT,
            "STREAM": self.stream,
            "WORKER": self.name,
            "APP": self.app,
            "OPTIONS": " ".join(f"{name}={value}" for name, value in self.options.items()),
        }
        return self._start([*java(self.folder), "-cp", path, "Worker"], variables, self.events)

    def _daemon(self):
        from multilang import command, properties

        file = self.folder / f"{self.app}-{self.name}.properties"
        file.write_text(properties(self))
        variables = environment() | {"EVENTS": str(self.events), "APP": self.app}
        variables["PYTHONPATH"] = str(self.library.home / "wheel")
        if self.library.version >= "3":
            variables["AWS_ENDPOINT_URL"] = ENDPOINT
        output = self.folder / f"{self.app}-{self.name}.out"
        return self._start([*java(self.folder), *command(self, file)], variables, output)

    def _start(self, command, variables, output):
        with open(output, "ab") as out, open(self.log, "ab") as log:
            return subprocess.Popen(
                command, env=variables, stdin=subprocess.DEVNULL, stdout=out, stderr=log, start_new_session=True
            )

    def so_far(self):
        """What it has written down."""
        if self.events.exists():
            with open(self.events, "rb") as file:
                file.seek(self.offset)
                text = file.read()
            whole = text[: text.rfind(b"\n") + 1]
            self.offset += len(whole)
            for line in whole.decode().splitlines():
                at, kind, app, shard, *rest = line.split(" ")
                self.read.append(Event(int(at), self.name, kind, app, shard, tuple(rest)))
        return self.read

    def kill(self):
        """As when the machine ends that it runs on: its record processors end with it."""
        self.killed = time.monotonic()
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def ask_to_stop(self):
        self.asked = True
        self.process.terminate()

    def stopped(self, seconds=25):
        """Ends it if it does not end by itself; whether it did."""
        try:
            return self.process.wait(seconds) is not None
        except subprocess.TimeoutExpired:
            return False
        finally:
            try:
                os.killpg(self.process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass

    def gone(self):
        """Whether it was killed or has ended."""
        return self.process.poll() is not None

    def died(self):
        """Whether it ended without being killed."""
        return self.killed is None and not self.asked and self.gone()
