"""The clouds of customers on loopback, and what the owner of a key does there: as the pages say, after three mistakes."""

import json
import re
from contextlib import contextmanager
from types import MappingProxyType

from aws_emulators import emulators
from aws_emulators.fault_proxy import FaultProxy
from azure_certificates import Certificates
from azure_fake import VAULT, Azure
from azure_keys import Key
from entra_fake import CLIENT_ID, SECRET, TENANT
from fake_google import DISABLED, ENABLED, Google

DISABLED_KEY, NO_ACCESS = "The key is disabled.", "Access to the key is denied."
DEAD = "0000dead-0000-4000-8000-00000000dead"


class AwsOwner:
    """Of a key in an emulator of KMS, behind a proxy that asks the key's policy."""

    title, provider = "AWS Key Management Service", "awskms"
    unknown = "AWS knows no such key, or hides it from us."

    def __init__(self, aws, proxy):
        self._aws, self._proxy = aws, proxy
        self.options = {"Private endpoint": proxy.url}

    def follow(self, create, access):
        self._arn = self._aws.make_key()
        pasted = access[
            access.index(",\n      {") : access.rindex("}\n") + 1
        ]  # behind the statements of the key's policy
        self._statements = json.loads(f'[{{"Sid": "Administration"}}{pasted}]')[1:]
        self._proxy.policies[self._arn] = lambda _: False
        self._aws.admin.disable_key(KeyId=self._arn)
        self.wrong, self.right = f'"{self._arn[:-36]}{DEAD}"', f"  {self._arn}\n"

    def faults(self):
        return (DISABLED_KEY, self._enable), (NO_ACCESS, self._let_in)

    def _enable(self):
        self._aws.admin.enable_key(KeyId=self._arn)

    def _let_in(self):
        conditions = [each["Condition"]["StringEquals"] for each in self._statements]
        found = {text for each in conditions for name, text in each.items() if name.startswith("kms:Encryption")}
        self._proxy.policies[self._arn] = lambda organization: organization in found


class GoogleOwner:
    """Of a key in the fake of Cloud KMS."""

    title, provider = "Google Cloud KMS", "gcpkms"
    unknown = "Access to the key is denied."
    options = MappingProxyType({})

    def __init__(self, google):
        self._google = google

    def follow(self, create, access):
        self._account = re.search(r"Grant the account (\S+) two roles", access)[1]
        name = f"projects/acme-keys/locations/europe-west3/keyRings/sealring/cryptoKeys/{self._account[9:29]}"
        self._google.iam.add(self._account)
        self._key = self._google.kms.add(name, {self._account})
        self._key.labels = dict(re.findall(r"the label (\S+) with the value (\w+)", create))
        self._key.versions[1].state = DISABLED
        self._granted, self._key.policy = self._key.policy, {}
        self.wrong, self.right = f"{name}-typo", f"https://cloudkms.googleapis.com/v1/{name}/cryptoKeyVersions/1"

    def faults(self):
        return (NO_ACCESS, self._let_in), ("The primary version is not enabled", self._enable)

    def _enable(self):
        self._key.versions[1].state = ENABLED

    def _let_in(self):
        self._key.policy = self._granted


class AzureOwner:
    """Of a key in the fake of Key Vault."""

    title, provider = "Azure Key Vault", "azurekv"
    unknown = "There is no such key, or its vault is gone."

    def __init__(self, azure):
        self._azure = azure
        self.options = {"Tenant ID": TENANT, "Private endpoint": azure.url}

    def follow(self, create, access):
        external_id = re.search(r"the tag sealring-external-id with the value ([^.]+)\.", create)[1]
        name = f"k{external_id.lower()}"[:40]
        self._key = self._azure.keys[VAULT, name] = Key()
        self._key.tags["sealring-external-id"] = external_id
        self._key.newest.attributes["enabled"] = False
        self._azure.denied |= {"wrapKey"}
        self.wrong, self.right = f"{VAULT}/keys/{name}x", f"{VAULT}/keys/{name}/{self._key.newest.name}"

    def faults(self):
        return (DISABLED_KEY, self._enable), (NO_ACCESS, self._let_in)

    def _enable(self):
        self._key.newest.attributes["enabled"] = True

    def _let_in(self):
        self._azure.denied -= {"wrapKey"}


class ExampleOwner:
    """Of a key in the KMS of the example: a provider of somebody else."""

    title, provider = "Example KMS", "example"
    unknown = "The key's provider does not know the key."
    options = MappingProxyType({})

    def __init__(self, kms, name):
        self._kms, self._name = kms, name

    def follow(self, create, access):
        self._org = re.search(r"for organization_id (\w+)", access)[1]
        self._kms.states[self._name] = "KEY_DISABLED"
        self._kms.owners[self._name] = "nobody"
        self.wrong, self.right = f"{self._name}_typo", self._name

    def faults(self):
        return (NO_ACCESS, self._let_in), (DISABLED_KEY, self._enable)

    def _enable(self):
        self._kms.states.pop(self._name)

    def _let_in(self):
        self._kms.owners[self._name] = self._org


PLUGINS = """
[plugins.awskms]
principal = "arn:aws:iam::111122223333:role/sealring"
access_key_id = "{ours}"
secret_access_key_file = "secret"
allowed_hosts = "{aws}"

[plugins.gcpkms]
service_account = "sealring-{{organization}}@vault-prod.iam.gserviceaccount.com"
principal = "sealring@vault-prod.iam.gserviceaccount.com"
credentials_file = "our-account.json"
endpoint = "{google}"
iam_endpoint = "{google}"
allowed_hosts = "127.0.0.1:{google_port}"
ca_file = "ca.pem"

[plugins.azurekv]
client_id = "{client_id}"
client_secret_file = "secret"
authority = "{azure}"
allowed_hosts = "{azure_host}"
ca_file = "{azure_ca}"
"""


class Clouds:
    """All of them, and the settings of a server that has them."""

    def __init__(self, folder, log):
        (folder / "azure").mkdir()
        certificates = Certificates(folder / "azure")
        self.google = Google(folder)
        self.google.key_file(folder)
        self.azure = Azure(certificates.app, certificates.server_files)
        self.azure.start()
        self._secret(folder)
        self._log = log
        self.proxy = FaultProxy()
        self.settings = PLUGINS.format(
            ours=emulators.OURS,
            aws=self.proxy.place,
            google=self.google.origin,
            google_port=self.google.port,
            client_id=CLIENT_ID,
            azure=self.azure.url,
            azure_host=self.azure.host,
            azure_ca=certificates.ca_file,
        )

    def _secret(self, folder):
        path = folder / "secret"
        path.touch(0o600)
        path.write_text(SECRET)

    @contextmanager
    def aws(self):
        """The owner of a key in AWS, whose emulator starts now."""
        with emulators.running("localstack", self._log) as port:
            self.proxy.upstream = port
            yield AwsOwner(emulators.localstack(port), self.proxy)

    def close(self):
        self.google.close()
        self.azure.stop()
        self.proxy.close()
