"""A server that the conformance runner starts: it says where it listens, and ends with its standard input.

Arguments: the settings, and the kind of worker.
"""

import os
import signal
import struct
import subprocess
import sys
from pathlib import Path

from connect.runner.messages import message
from connect.runner.variables import LIMIT, WORKER
from sealring.server import serving
from support.asking import ask
from support.ports import free_port
from support.waiting import becomes_true

MOST_BYTES = 32 << 20


def main(path, worker):
    asked = message("ServerCompatRequest").FromString(received(sys.stdin.buffer))
    os.environ[LIMIT] = str(asked.message_receive_limit or MOST_BYTES)
    os.environ[WORKER] = worker
    port = free_port()
    command = serving._command(f"127.0.0.1:{port}", 1, 16, Path(__file__).with_name("gunicorn_conf.py"))
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=2, env=serving._environment(Path(path)))
    signal.signal(signal.SIGTERM, lambda *_: end(process))
    url = f"http://127.0.0.1:{port}"
    assert becomes_true(lambda: is_alive(url))
    said = message("ServerCompatResponse")(host="127.0.0.1", port=port).SerializeToString()
    sys.stdout.buffer.write(struct.pack(">I", len(said)) + said)
    sys.stdout.buffer.flush()
    process.wait()


def received(stream):
    (size,) = struct.unpack(">I", stream.read(4))
    return stream.read(size)


def is_alive(url):
    try:
        return ask(url, "GET", "/livez").status == 200
    except OSError:
        return False


def end(process):
    process.terminate()
    process.wait(20)
    sys.exit(0)


main(*sys.argv[1:])
