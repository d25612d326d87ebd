"""The emulators as processes of their own on loopback, each with its admin's client.

Their pins are of `moto[kms,sts,server]==5.2.5`; and of `localstack-core==4.4.0`, `cbor2<6` (the newer one does not
fit), and what its KMS provider imports: `boto3`, `jsonpatch`, `rolo`, `xmltodict`.
"""

import socket
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

from botocore.config import Config
from botocore.session import Session

from support.installed import CACHE, python_with

HERE = Path(__file__).parent
OURS = "111122223333"  # our AWS account; for LocalStack, whose accounts are access key ids, our access key as well
CUSTOMERS = "444455556666"
REGION = "eu-west-1"

_COMMANDS = {
    "moto": ("-m", "moto.server", "-H", "127.0.0.1", "-p"),
    "localstack": (str(HERE / "localstack_kms.py"),),
}


class Emulator:
    """`admin` is what the owner of the keys holds."""

    def __init__(self, port, admin):
        self.port = port
        self.admin = admin

    def make_key(self, **options):
        """Return the ARN of a new key of the customer's."""
        return self.admin.create_key(**{"KeyUsage": "ENCRYPT_DECRYPT", **options})["KeyMetadata"]["Arn"]


@contextmanager
def running(name, log):
    """Start an emulator, and end it afterwards. Raises NotInstalled."""
    python = python_with(HERE / f"{name}.txt", CACHE / "awskms" / name)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with log.open("wb") as output:
        process = subprocess.Popen([python, *_COMMANDS[name], str(port)], stdout=output, stderr=output)
    try:
        _wait_for(port, process, log)
        yield port
    finally:
        process.terminate()
        process.wait(20)


def client(service, port, access_key_id, secret="admin", token=None):
    """Return a client of botocore that talks to an emulator, past everything of ours."""
    return Session().create_client(
        service,
        region_name=REGION,
        endpoint_url=f"http://127.0.0.1:{port}",
        aws_access_key_id=access_key_id,
        aws_secret_access_key=secret,
        aws_session_token=token,
        config=Config(proxies={}),
    )


def localstack(port):
    return Emulator(port, client("kms", port, CUSTOMERS))


def moto(port):
    """The account of a caller is that of the role that they took."""
    sts = client("sts", port, "AKIAIOSFODNN7EXAMPLE")
    role = f"arn:aws:iam::{CUSTOMERS}:role/admin"
    taken = sts.assume_role(RoleArn=role, RoleSessionName="admin")["Credentials"]
    return Emulator(port, client("kms", port, taken["AccessKeyId"], taken["SecretAccessKey"], taken["SessionToken"]))


def _wait_for(port, process, log):
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise AssertionError(f"the emulator did not start:\n{log.read_text()}")
