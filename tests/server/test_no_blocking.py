"""Code that runs on the event loop calls nothing that is known to block a thread."""

import ast
from pathlib import Path

import pytest

APP = Path(__file__).parents[2] / "app" / "sealring"
ROOMS = (
    "admission",
    "archive",
    "auth",
    "connect",
    "crypto",
    "domain",
    "http",
    "keys",
    "providers",
    "services",
    "store",
)
BLOCKING = {
    *("time.sleep", "threading.Condition", "threading.Event", "threading.Semaphore", "threading.Barrier"),
    *("queue.Queue", "queue.SimpleQueue", "subprocess.run", "subprocess.Popen", "os.system", "select.select"),
    *("socket.create_connection", "socket.getaddrinfo", "socket.gethostbyname", "urllib.request.urlopen"),
    *("concurrent.futures.Future", "asyncio.run"),
}
ELSEWHERE = {  # with the threads in which it runs
    "archive/bucket.py": "the threads of calls",
    "auth/deadline.py": "the thread of a key set",
    "auth/token_reviews.py": "threads without a loop wait for a call",
    "auth/url_keys.py": "threads of Lane.TOKENS wait for it",
    "keys/refreshing.py": "a thread of its own",
    "keys/single_flight.py": "threads without a loop wait for a flight",
    "providers/call_threads.py": "the threads of calls",
    "providers/calls.py": "a call sleeps in its own thread",
    "providers/instances.py": "the threads of calls",
    "services/fair_queue.py": "housekeeping",
    "store/doctor/watch_cases.py": "the command line",
}


def names_in(path):
    """The full names that a module imports and uses, however it imports them."""
    tree, known, used = ast.parse(path.read_text()), {}, set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            known |= {alias.asname or alias.name: alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            known |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id in known:
            used.add(known[node.id])
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in known:
            used.add(f"{known[node.value.id]}.{node.attr}")
    return used


@pytest.mark.parametrize("room", ROOMS)
def test_nothing_on_the_loop_calls_what_blocks(room):
    found = {
        str(path.relative_to(APP)): names
        for path in (APP / room).rglob("*.py")
        if (names := names_in(path) & BLOCKING) and str(path.relative_to(APP)) not in ELSEWHERE
    }

    assert found == {}


def test_no_exception_is_kept_that_is_none():
    assert {path for path in ELSEWHERE if not names_in(APP / path) & BLOCKING} == set()


@pytest.mark.parametrize(
    "source",
    [
        "import time\ntime.sleep(1)",
        "from time import sleep\nsleep(1)",
        "from time import sleep as rest\nrest(1)",
        "import threading\nx = threading.Event()",
    ],
)
def test_a_blocking_call_is_found_however_it_is_written(source, tmp_path):
    (tmp_path / "module.py").write_text(source)

    assert names_in(tmp_path / "module.py") & BLOCKING
