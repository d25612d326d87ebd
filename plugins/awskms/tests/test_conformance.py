"""The awskms provider keeps the promises of a key provider, before two emulators.

LocalStack refuses keys by their state, and knows other accounts; moto knows STS and ReEncrypt. What neither does, the
proxy answers as AWS documents it.
"""

from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from aws_emulators.emulators import CUSTOMERS, OURS
from aws_emulators.fault_proxy import FaultProxy

from sealring_awskms.findings import NOBODY
from sealring_awskms.spec import SPEC
from sealring_plugin import (
    AccessDenied,
    ConfigInvalid,
    CustomersKey,
    DeadlineExceeded,
    KeyDisabled,
    KeyNotFound,
    KeyPendingDeletion,
    Throttled,
    Unavailable,
    Unsupported,
    WrongRegion,
)
from sealring_plugin.conformance import ProviderConformance

NO_SUCH_KEY = f"arn:aws:kms:eu-west-1:{CUSTOMERS}:key/00000000-0000-4000-8000-000000000000"
ELSEWHERE = "kms.us-east-1.amazonaws.com"
LOST = "999988887777"  # the access key of whoever falls into the black hole
EXTERNAL_ID = "external-id-of-the-kit"
ROLE = f"arn:aws:iam::{CUSTOMERS}:role/sealring"


class OnAnEmulator(ProviderConformance):
    spec = SPEC
    principal = f"arn:aws:iam::{OURS}:role/sealring"
    deadline_s, slack_s = 0.25, 1.25  # together no more than is usual
    calls, growth_bytes = 600, 3 * 1024 * 1024  # the proxy keeps what it sees, some 2 KiB a call
    openings = 8
    calls_per_thread = 20
    card_calls = 50

    @classmethod
    def begin(cls, emulator, secret_file):
        cls.emulator = emulator
        cls.secret_file = secret_file
        cls.proxy = FaultProxy(emulator.port)
        cls.keys = {name: emulator.make_key() for name in ("first", "second")}
        cls.proxy.policies = dict.fromkeys(cls.keys.values(), lambda organization: organization != NOBODY)
        cls.proxy.trusts = {ROLE: EXTERNAL_ID}

    def settings(self):
        return {
            "access_key_id": OURS,
            "secret_access_key_file": str(self.secret_file),
            "allowed_hosts": f"{self.proxy.place}, {ELSEWHERE}",
            "sts_endpoint": self.proxy.url,
        }

    def make_key(self, provider, name):
        options = {"endpoint": self.proxy.url, "external_id": EXTERNAL_ID, **dict(self.options)}
        return CustomersKey("awskms", self.keys[name], 1, options=tuple(sorted(options.items())))

    def faults(self, provider, key):
        return {
            AccessDenied: self.proxy.answering("AccessDeniedException"),
            ConfigInvalid: self.without_secret(),
            DeadlineExceeded: self.proxy.dripping(),
            KeyNotFound: another(replace(key, key_id=NO_SUCH_KEY)),
            Throttled: self.proxy.answering("ThrottlingException"),
            Unavailable: self.proxy.cutting(),
            Unsupported: self.proxy.answering("InvalidKeyUsageException"),
            WrongRegion: another(with_option(key, "endpoint", f"https://{ELSEWHERE}")),
        }

    @contextmanager
    def without_secret(self):
        self.secret_file.chmod(0o644)
        try:
            yield
        finally:
            self.secret_file.chmod(0o600)

    @contextmanager
    def black_hole(self, folder):
        with self.proxy.dripping(beginning=b"", access_key_id=LOST):
            yield SPEC.build(SPEC.parse_config({**self.settings(), "access_key_id": LOST}, folder))

    def sessions(self, provider):
        return self.proxy.connections

    def secrets(self):
        return (Path(self.secret_file).read_text().strip(), "the-text-of-aws")


@pytest.mark.torture  # as on moto, another emulator: in CI one is enough
class TestOnLocalStack(OnAnEmulator):
    """With our own credentials, and keys of another account."""

    options = (("grant", "direct"),)

    @pytest.fixture(scope="class", autouse=True)
    @classmethod
    def emulated(cls, localstack, secret_file):
        cls.begin(localstack, secret_file)
        yield
        cls.proxy.close()

    def faults(self, provider, key):
        return {
            **super().faults(provider, key),
            KeyDisabled: self.disabled(key),
            KeyPendingDeletion: self.pending_deletion(key),
        }

    @contextmanager
    def another_organization(self, provider, key):
        with self.proxy.letting_in("org_kit"):
            yield key

    @contextmanager
    def disabled(self, key):
        self.emulator.admin.disable_key(KeyId=key.key_id)
        yield
        self.emulator.admin.enable_key(KeyId=key.key_id)

    @contextmanager
    def pending_deletion(self, key):
        self.emulator.admin.schedule_key_deletion(KeyId=key.key_id)
        yield
        self.emulator.admin.cancel_key_deletion(KeyId=key.key_id)
        self.emulator.admin.enable_key(KeyId=key.key_id)


class TestOnMoto(OnAnEmulator):
    """With a role of the customer's, and ReEncrypt."""

    options = (("role_arn", ROLE),)

    @pytest.fixture(scope="class", autouse=True)
    @classmethod
    def emulated(cls, moto, secret_file):
        cls.begin(moto, secret_file)
        yield
        cls.proxy.close()

    def settings(self):
        return {**super().settings(), "reencrypt": True}

    def another_organization(self, provider, key):
        return another(with_option(key, "external_id", "external-id-of-another"))


def with_option(key, name, value):
    return replace(key, options=tuple(sorted({**dict(key.options), name: value}.items())))


@contextmanager
def another(key):
    yield key
