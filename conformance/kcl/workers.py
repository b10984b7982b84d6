"""Workers: how each kind is started, and what it wrote down."""

import os
import signal
import subprocess
import time
from pathlib import Path

from checks import Event
from harness import CA_FILE, ENDPOINT, REGION

HERE = Path(__file__).parent
HOME = Path(os.environ["KCL_HOME"])  # where the library is installed: jars, and what is compiled against them
KIND = os.environ["KCL_KIND"]  # java, python or node
VERSION = os.environ["KCL_VERSION"]  # 2, 3.1 or 3.5
HEAP = "-Xmx256m"
# What was asked for with short times, so that a run is short; versions 3 have more to shorten.
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
if not VERSION.startswith("2"):
    SHORT |= SHORT_SINCE_3
if VERSION == "3.5":
    SHORT |= SHORT_SINCE_3_5


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
    command = ["java", HEAP, "-XX:+UseSerialGC", f"-Dlogback.configurationFile={HERE}/logback.xml", quiet]
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

    def __init__(self, name, app, run):
        """`run` is the scenario: its stream, the folder for files, options."""
        self.name, self.app, self.stream, self.folder = name, app, run.stream, run.folder
        self.events, self.log = self.folder / f"{app}-{name}.events", self.folder / f"{app}-{name}.log"
        self.read, self.offset, self.killed = [], 0, None
        self.options = SHORT | run.options
        self.process = self._java() if KIND == "java" else self._daemon()

    def _java(self):
        path = f"{HOME}/out:{HOME}/jars/*"
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
        variables = environment() | {"EVENTS": str(self.events), "APP": self.app, "PYTHONPATH": str(HOME / "wheel")}
        if not VERSION.startswith("2"):
            variables["AWS_ENDPOINT_URL"] = ENDPOINT
        output = self.folder / f"{self.app}-{self.name}.out"
        return self._start([*java(self.folder), *command(file)], variables, output)

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

    def died(self):
        """Whether it ended without being killed."""
        return self.killed is None and self.process.poll() is not None
