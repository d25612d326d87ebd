#!/usr/bin/env python3
"""What the commands `systemctl` of docs/production.md do, if systemd does not run: they start and stop programs.

sealring is started as its unit says: as its user, with its folder in /run, without new privileges, and without memory that
is both written and executed.
"""

import ctypes
import grp
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

READY_S, STOP_S = 180, 90  # on a machine that is busy
PR_SET_NO_NEW_PRIVS, PR_SET_MDWE = 38, 65  # linux/prctl.h
PID, LOG = Path("/run/sealring.pid"), Path("/run/sealring.log")


def unit():
    """The last value of each name."""
    lines = Path("/etc/systemd/system/sealring.service").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))


def confine(settings):
    user = pwd.getpwnam(settings["User"])
    os.setgroups([user.pw_gid, *(each.gr_gid for each in grp.getgrall() if user.pw_name in each.gr_mem)])
    os.setgid(user.pw_gid)
    os.setuid(user.pw_uid)
    os.umask(int(settings["UMask"], 8))
    libc = ctypes.CDLL(None)
    asked = [(PR_SET_NO_NEW_PRIVS, settings["NoNewPrivileges"]), (PR_SET_MDWE, settings["MemoryDenyWriteExecute"])]
    assert [libc.prctl(option, int(said == "yes"), 0, 0, 0) for option, said in asked] == [0, 0]


def start_sealring():
    settings = unit()
    folder = Path("/run", settings["RuntimeDirectory"])
    folder.mkdir(exist_ok=True)
    shutil.chown(folder, settings["User"], settings["Group"])
    folder.chmod(int(settings["RuntimeDirectoryMode"], 8))
    notified = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    notified.bind("/run/notify")
    Path("/run/notify").chmod(0o777)
    notified.settimeout(READY_S)
    with LOG.open("ab") as log:
        process = subprocess.Popen(
            settings["ExecStart"].split(), env={"PATH": os.defpath, "NOTIFY_SOCKET": "/run/notify"}, stdin=subprocess.DEVNULL, cwd="/",
            stdout=log, stderr=log, start_new_session=True, preexec_fn=lambda: confine(settings),  # noqa: PLW1509  one thread
        )  # fmt: skip
    try:
        assert b"READY=1" in notified.recv(4096)
    except TimeoutError:
        raise SystemExit(f"it has not said that it is ready:\n{LOG.read_text()}") from None
    Path("/run/notify").unlink()
    PID.write_text(str(process.pid))
    until(
        READY_S,
        lambda: (
            subprocess.run(
                ["curl", "-fs", "http://127.0.0.1:8420/readyz"], stdout=subprocess.DEVNULL, check=False
            ).returncode
            == 0
        ),
    )


def stop_sealring():
    pid = int(PID.read_text())
    os.kill(pid, signal.SIGTERM)
    until(STOP_S, lambda: not Path(f"/proc/{pid}").exists() or Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z")


def restart_redis():
    folder = Path("/run/redis")
    folder.mkdir(exist_ok=True)
    shutil.chown(folder, "redis", "redis")
    start = [
        "runuser",
        "-u",
        "redis",
        "--",
        "redis-server",
        "/etc/redis/redis.conf",
        "--daemonize",
        "yes",
        "--supervised",
        "no",
    ]
    subprocess.run(start, stdout=subprocess.DEVNULL, check=True)
    until(READY_S, (folder / "sealring.sock").exists)


def until(seconds, condition):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, LOG.read_text() if LOG.exists() else "it does not start"
        time.sleep(0.05)


COMMANDS = {
    "daemon-reload": unit,
    "restart redis-server": restart_redis,
    "restart nginx": lambda: subprocess.run(["nginx"], check=True),
    "enable --now sealring": start_sealring,
    "restart sealring": lambda: (stop_sealring(), start_sealring()),
    "reload sealring": lambda: os.kill(int(PID.read_text()), signal.SIGHUP),
}
COMMANDS[" ".join(sys.argv[1:])]()
