"""The azurekv provider keeps the promises of a key provider, with a key of each kind and two kinds of credentials."""

import shutil
from contextlib import contextmanager
from dataclasses import replace

import pytest
from azure_fake import HSM, VAULT, refused
from entra_fake import CLIENT_ID, SECRET, TENANT

from sealring_azurekv.spec import SPEC
from sealring_plugin import (
    AccessDenied,
    ConfigInvalid,
    CustomersKey,
    KeyDisabled,
    KeyNotFound,
    KeyPendingDeletion,
    Throttled,
    Unavailable,
)
from sealring_plugin.conformance import ProviderConformance, silent_endpoint

EVERYTHING = {"get", "wrapKey", "unwrapKey", "encrypt", "decrypt", "deleted", "rotationpolicy"}


class Kit(ProviderConformance):
    spec = SPEC
    principal = CLIENT_ID
    deadline_s, slack_s = 0.25, 1.25  # together no more than is usual
    calls, growth_bytes = 2000, 2 * 1024 * 1024  # as many bytes a call as is usual, and a little more for pools
    openings, calls_per_thread, card_calls = 10, 20, 100

    @pytest.fixture(autouse=True, scope="class")
    @classmethod
    def _azure(cls, azure, certificates, secret_file, tmp_path_factory):
        cls.azure, cls.certificates = azure, certificates
        given = {"certificate_file": certificates.app_file, "client_secret_file": secret_file}[cls.credential]
        cls.credential_file = shutil.copy(given, tmp_path_factory.mktemp("app") / "credential")

    def settings(self):
        return self.settings_for(self.azure.host)

    def settings_for(self, host):
        return {
            "client_id": CLIENT_ID,
            self.credential: str(self.credential_file),
            "authority": f"https://{host}",
            "allowed_hosts": f"{host}, {self.azure.host}",
            "ca_file": str(self.certificates.ca_file),
        }

    def make_key(self, provider, name):
        options = (("endpoint", self.azure.url), ("external_id", "external-1"), ("tenant_id", TENANT))
        return CustomersKey("azurekv", f"{self.vault}/keys/{getattr(self, name)}", 1, options=options)

    def faults(self, provider, key):
        where = (self.vault, self.first)
        throttled = refused(429, "Throttled", headers={"retry-after": "7"})
        return {
            AccessDenied: self.azure.switched(denied=EVERYTHING),
            KeyDisabled: self.azure.disabled(where),
            KeyPendingDeletion: self.deleted(where),
            KeyNotFound: self.azure.without(where, recoverable=False),
            Throttled: self.azure.switched(fails_with=throttled),
            Unavailable: self.azure.switched(fails_with=refused(503, "ServiceUnavailable")),
            ConfigInvalid: self.without_credential(),
        }

    @contextmanager
    def another_organization(self, provider, key):
        yield replace(key, options=tuple(sorted({**dict(key.options), "external_id": "external-2"}.items())))

    @contextmanager
    def deleted(self, where):
        with self.azure.switched(denied=set()), self.azure.without(where, recoverable=True):
            yield

    @contextmanager
    def without_credential(self):
        kept = self.credential_file.rename(self.credential_file.with_suffix(".kept"))
        try:
            yield
        finally:
            kept.rename(self.credential_file)

    @contextmanager
    def black_hole(self, folder):
        with silent_endpoint() as (host, port):
            yield self.spec.build(self.spec.parse_config(self.settings_for(f"{host}:{port}"), folder))

    def sessions(self, provider):
        return provider.idle_connections

    def secrets(self):
        credential = self.credential_file.read_text() if self.credential_file.exists() else ""
        return (SECRET, credential, *self.azure.entra.tokens)


class TestVault(Kit):
    vault = VAULT
    credential = "certificate_file"
    first, second = "first", "second"


class TestManagedHsm(Kit):
    vault = HSM
    credential = "client_secret_file"
    first, second = "aes", "other"
