"""The bucket of the settings, opened.

botocore comes with the extra `sealring[s3]`, and is imported only if keyrings are in a bucket.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from importlib.util import find_spec
from typing import Self

from sealring.archive.bucket import ATTEMPT_S, Bucket
from sealring.archive.keyrings import BucketKeyrings
from sealring.archive.lane import Lane
from sealring.archive.place import BucketPlace
from sealring.archive.probe import FOLDER, Proof
from sealring.domain.ids import EnvironmentId
from sealring.domain.keyring_ports import KeyringLog
from sealring.errors import SettingsInvalid, StoreError


def check_installed() -> None:
    """Raises SettingsInvalid."""
    if find_spec("botocore") is None:
        raise SettingsInvalid("[keyrings] store needs a library that is not installed: pip install 'sealring[s3]'")


def checked(place: BucketPlace | None) -> Iterator[str]:
    """Yield a line if keyrings are in a bucket, and it can hold them. Raises SettingsInvalid, StoreError."""
    if place is None:
        return
    with closing(OpenedBucket.at(place)) as bucket:
        if (failure := bucket.prove()) is not None:
            raise failure
    yield f"keyrings  ok: bucket {place.bucket}"


class OpenedBucket:
    """The bucket of keyrings, for one process. Connects on the first call. Thread-safe."""

    def __init__(self, bucket: Bucket, proof: Proof) -> None:
        self._bucket = bucket
        self._proof = proof

    @classmethod
    def at(cls, place: BucketPlace) -> Self:
        """Raises SettingsInvalid."""
        check_installed()
        from sealring.archive.sdk import Client  # noqa: PLC0415

        bucket = Bucket(Client(place), Lane())
        return cls(bucket, Proof(bucket))

    def keyrings(self, log: KeyringLog, environment: EnvironmentId) -> BucketKeyrings:
        return BucketKeyrings(self._bucket, self._proof, log, environment)

    def prove(self) -> StoreError | None:
        """Find out whether it can hold keyrings. Return why not now, if it is away; that is asked again when needed.

        Raises SettingsInvalid if it never can.
        """
        try:
            self._proof.is_literal()
        except StoreError as failure:
            return failure
        return None

    def check(self) -> None:
        """Raises StoreError if it is away, or refuses us; also without the right to list it."""
        self._bucket.get(f"{FOLDER}ready", until=time.monotonic() + ATTEMPT_S)

    def close(self) -> None:
        self._bucket.close()
