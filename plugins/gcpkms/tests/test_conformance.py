"""The gcpkms provider keeps the promises of a key provider, with Google's part played on loopback."""

from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from fake_google import DISABLED, ENABLED, Google

from sealring_gcpkms.spec import SPEC
from sealring_plugin import (
    AccessDenied,
    ConfigInvalid,
    CustomersKey,
    KeyDestroyed,
    KeyDisabled,
    KeyNotFound,
    KeyPendingDeletion,
    Throttled,
    Unavailable,
    Unsupported,
    WrongRegion,
)
from sealring_plugin.conformance import ProviderConformance, silent_endpoint

RING = "projects/acme-keys/locations/europe-west3/keyRings/sealring/cryptoKeys"
ACCOUNT = "sealring-vvwmhpalytvmiy4pfev7@vault-prod.iam.gserviceaccount.com"
OPTIONS = (("external_id", "external-id-of-acme"),)
ANOTHERS = "sealring-v5mv7usp6p6xiwu4fwim@vault-prod.iam.gserviceaccount.com"


class TestGcpKms(ProviderConformance):
    spec = SPEC
    principal = "sealring@vault-prod.iam.gserviceaccount.com"
    deadline_s, slack_s = 0.25, 1.25  # together no more than is usual
    calls, growth_bytes = 2000, 2 * 1024 * 1024  # as many bytes a call as is usual, and a little more for pools
    openings, calls_per_thread = 10, 30

    @classmethod
    def setup_class(cls):
        cls.own = TemporaryDirectory()
        folder = Path(cls.own.name)
        cls.google = Google(folder)
        for account in (ACCOUNT, ANOTHERS):
            cls.google.iam.add(account)
        cls.google.kms.project_members.add(ACCOUNT)
        for name in ("first", "second"):
            cls.google.kms.add(f"{RING}/{name}", {ACCOUNT})
        cls.file = cls.google.key_file(folder)

    @classmethod
    def teardown_class(cls):
        cls.google.close()
        cls.own.cleanup()

    def settings(self):
        return {
            "service_account": "sealring-{organization}@vault-prod.iam.gserviceaccount.com",
            "principal": self.principal,
            "credentials_file": str(self.file),
            "endpoint": self.google.origin,
            "iam_endpoint": self.google.origin,
            "allowed_hosts": f"127.0.0.1:{self.google.port}",
            "ca_file": str(self.google.authority.file),
        }

    def make_key(self, provider, name):
        return CustomersKey("gcpkms", f"{RING}/{name}", 1, options=OPTIONS)

    def secrets(self):
        return tuple(self.google.iam.tokens)

    def sessions(self, provider):
        return self.google.connections

    def faults(self, provider, key):
        elsewhere = (("endpoint", "https://cloudkms.us-east1.rep.googleapis.com"), *OPTIONS)
        return {
            AccessDenied: self.denied(key),
            KeyDisabled: self.in_state(key, DISABLED),
            KeyPendingDeletion: self.in_state(key, "DESTROY_SCHEDULED"),
            KeyDestroyed: self.in_state(key, "DESTROYED"),
            KeyNotFound: self.instead(CustomersKey("gcpkms", f"{RING}/missing", 1, options=OPTIONS)),
            WrongRegion: self.instead(CustomersKey("gcpkms", key.key_id, 1, options=elsewhere)),
            Unsupported: self.google.refusing("UNIMPLEMENTED"),
            Throttled: self.google.refusing("RESOURCE_EXHAUSTED", retry_delay="1.5s"),
            Unavailable: self.google.refusing("UNAVAILABLE"),
            ConfigInvalid: self.not_ours(),
        }

    def another_organization(self, provider, key):
        return self.instead(replace(key, options=(("external_id", "external-id-of-another"),)))

    @contextmanager
    def denied(self, key):
        policy, self.google.kms.keys[key.key_id].policy = self.google.kms.keys[key.key_id].policy, {}
        yield
        self.google.kms.keys[key.key_id].policy = policy

    @contextmanager
    def in_state(self, key, state):
        version = self.google.kms.keys[key.key_id].versions[1]
        version.state = state
        yield
        version.state = ENABLED

    @contextmanager
    def instead(self, key):
        yield key

    @contextmanager
    def not_ours(self):
        creators = self.google.iam.token_creators.pop(ACCOUNT)
        yield
        self.google.iam.token_creators[ACCOUNT] = creators

    @contextmanager
    def black_hole(self, folder):
        with silent_endpoint() as (host, port):
            hosts = f"127.0.0.1:{self.google.port}, {host}:{port}"
            changed = {"endpoint": f"https://{host}:{port}", "allowed_hosts": hosts}
            yield SPEC.build(SPEC.parse_config({**self.settings(), **changed}, folder))
