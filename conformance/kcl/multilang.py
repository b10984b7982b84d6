"""The MultiLang daemon: its properties, its command, and the record processors that it starts for each shard."""

import sys
from pathlib import Path

from harness import ENDPOINT, REGION
from workers import HERE, KIND

DAEMON = "software.amazon.kinesis.multilang.MultiLangDaemon"
# How the daemons of version 2 are told; those of version 3 take AWS_ENDPOINT_URL from the environment.
ENDPOINTS = ("kinesisEndpoint", "dynamoDBEndpoint", "cloudWatchClient.endpointOverride")
# The daemon's names of what workers.py sets; it has no others.
NAMES = {
    "parentShardPollIntervalMillis",
    "failoverTimeMillis",
    "shardSyncIntervalMillis",
    "idleTimeBetweenReadsInMillis",
    "metricsLevel",
    "metricsBufferTimeMillis",
    "workerMetricsReporterFreqInMillis",
    "inMemoryWorkerMetricsCaptureFrequencyMillis",
}


def properties(worker):
    """The file for one worker."""
    settings = {
        "executableName": executable(worker),
        "processingLanguage": KIND,
        "streamName": worker.stream,
        "applicationName": f"{worker.stream}-{worker.app}",
        "workerId": worker.name,
        "AwsCredentialsProvider": "DefaultCredentialsProvider",
        "initialPositionInStream": "TRIM_HORIZON",
        "regionName": REGION,
        "retrievalMode": worker.app.upper(),
        "shutdownGraceMillis": "6000",
    }
    if worker.library.version < "3":
        settings |= dict.fromkeys(ENDPOINTS, ENDPOINT)
    for option, value in worker.options.items():
        name = option.rsplit(".", 1)[-1]
        if name in NAMES:
            settings[name] = value
    return "".join(f"{name} = {value}\n" for name, value in settings.items())


def executable(worker):
    """What the daemon starts for each shard."""
    if KIND == "python":
        return f"{sys.executable} {HERE / 'processor.py'}"
    return f"node {worker.library.home / 'processor.js'}"


def command(worker, file: Path):
    """The daemon, after what starts Java."""
    return ["-cp", f"{worker.library.home}/jars/*", DAEMON, "--properties-file", str(file), "-l", str(HERE / "logback.xml")]
