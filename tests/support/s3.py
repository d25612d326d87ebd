"""S3-compatible storage on loopback: versitygw, built once, and buckets in it."""

import contextlib
import itertools
import os
import secrets
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from sealring.archive.answers import NoAnswer, Refused
from sealring.archive.bucket import Bucket
from sealring.archive.keyrings import BucketKeyrings
from sealring.archive.lane import Lane
from sealring.archive.place import BucketPlace
from sealring.archive.probe import Proof
from sealring.archive.sdk import Client
from support.installed import CACHE, go_program
from support.make import ENVIRONMENT
from support.plain_s3 import BUCKET
from support.ports import free_port
from support.stores import Store
from support.waiting import becomes_true

PINS = Path(__file__).parents[1] / "archive" / "versitygw"
ACCESS_KEY_ID, SECRET = "test-key", "test-secret-of-the-bucket"
REGION = "us-east-1"

_numbers = itertools.count(1)


def versitygw() -> Path:
    """Return the program. Raises NotInstalled."""
    return go_program(PINS, CACHE / "versitygw", "github.com/versity/versitygw/cmd/versitygw")


@dataclass
class Storage:
    """A running server. `url` may lead to it through a proxy."""

    url: str
    process: subprocess.Popen[bytes]

    def place(self, bucket: str, url: str | None = None) -> BucketPlace:
        return BucketPlace(bucket, REGION, url or self.url, True, ACCESS_KEY_ID, SECRET)

    def made(self, *, versions: bool = False) -> BucketPlace:
        """Make a new bucket."""
        place = self.place(f"rings-{next(_numbers)}-{secrets.token_hex(4)}")
        call(place, "create_bucket")
        if versions:
            call(place, "put_bucket_versioning", VersioningConfiguration={"Status": "Enabled"})
        return place


def plain_place(url: str) -> BucketPlace:
    """The bucket of a PlainS3."""
    return BucketPlace(BUCKET, REGION, url, True, ACCESS_KEY_ID, SECRET)


def call(place: BucketPlace, operation: str, **parameters):
    """Ask as botocore names it, with no retries."""
    with contextlib.closing(Client(place)) as client:
        return client.call(operation, time.monotonic() + 10, **parameters)


def objects(place: BucketPlace) -> dict[str, bytes]:
    """All keys and contents of a bucket."""
    with contextlib.closing(Client(place)) as client:
        return {key: _read(client, key) for key in _keys(client)}


def _read(client: Client, key: str) -> bytes:
    return client.call("get_object", time.monotonic() + 10, Key=key)["Body"].read()


def _keys(client: Client) -> Iterator[str]:
    rest = {}
    while True:
        page = client.call("list_objects_v2", time.monotonic() + 10, **rest)
        yield from (each["Key"] for each in page.get("Contents", ()))
        if not page["IsTruncated"]:
            return
        rest = {"ContinuationToken": page["NextContinuationToken"]}


def put(place: BucketPlace, key: str, body: bytes) -> None:
    call(place, "put_object", Key=key, Body=body)


class Buckets:
    """Opens buckets, and closes them in the end."""

    def __init__(self) -> None:
        self._opened: list[Bucket] = []

    def opened(self, place: BucketPlace) -> Bucket:
        self._opened.append(Bucket(Client(place), Lane()))
        return self._opened[-1]

    def keyrings(self, place: BucketPlace, log, environment=ENVIRONMENT) -> BucketKeyrings:
        bucket = self.opened(place)
        return BucketKeyrings(bucket, Proof(bucket), log, environment)

    def store(self, store: Store, place: BucketPlace) -> Store:
        """A store whose keyrings are in a bucket."""
        return replace(store, keyrings=self.keyrings(place, store.keyring_log))

    def close(self) -> None:
        for each in self._opened:
            each.close()


@contextlib.contextmanager
def running_storage(folder: Path) -> Iterator[Storage]:
    """Raises NotInstalled."""
    program, port = versitygw(), free_port()
    data, side, versions = (folder / name for name in ("data", "side", "versions"))
    for each in (data, side, versions):
        each.mkdir(parents=True)
    command = [program, "--quiet", "--port", f"127.0.0.1:{port}", "--region", REGION, "posix"]
    own = {"ROOT_ACCESS_KEY": ACCESS_KEY_ID, "ROOT_SECRET_KEY": SECRET}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "--sidecar", side, "--versioning-dir", versions, data],
            stdout=log,
            stderr=log,
            env={**os.environ, **own},
        )
    storage = Storage(f"http://127.0.0.1:{port}", process)
    try:
        assert becomes_true(lambda: _answers(storage)), (folder / "log").read_text()
        yield storage
    finally:
        process.kill()
        process.wait()


def _answers(storage: Storage) -> bool:
    try:
        call(storage.place("no-such-bucket"), "list_objects_v2")
    except NoAnswer:
        return False
    except Refused:
        return True
    return True
