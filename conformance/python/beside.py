"""Processes beside the server under test: other services, and servers with settings of their own."""

import contextlib
import os
import socket
import subprocess
import sys
import tempfile

from harness import eventually


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def moto():
    """The port and the command of a moto, which is every service that a test may need."""
    port = free_port()
    return port, [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]


def _listening(port):
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


@contextlib.contextmanager
def server(settings, before=()):
    """The endpoint of a server with these settings.

    What is to run `before` it, as ports and commands, runs as long; each starts when the one before it listens.
    """
    port = free_port()
    with tempfile.TemporaryDirectory() as data, contextlib.ExitStack() as running:
        settings = {"server.listen": f"127.0.0.1:{port}", "storage.data_dir": data} | settings
        sets = [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
        for wanted, command in (*before, (port, [os.environ["MILLRACE"], "serve", *sets])):
            child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            running.callback(child.wait)
            running.callback(child.terminate)
            eventually(lambda: _listening(wanted), seconds=30)  # noqa: B023 - called at once
        yield f"http://127.0.0.1:{port}"
