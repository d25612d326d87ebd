"""A server is ready only if all of its own keys are."""

import base64

from revocations.commands import new_installation
from sealring import settings
from sealring.observability.logs import Log
from sealring.server.application import make_app
from sealring.server.inheritance import Inheritance
from sealring_masterkey.wrap import MasterKeyProvider
from sealring_plugin import Unavailable
from vectors.keyring_reader import message

MASTER_KEY = base64.b64encode(message((1, "kek_one"), (3, bytes(32)))).decode()
SETTINGS = """
[plugins.masterkey]
master_keys_file = "master-keys"

[keyrings]
master_keys = "masterkey"
"""


class Unwell(MasterKeyProvider):
    """A class of its own: Python remembers which classes have had a method `check`."""

    def check(self, call):
        raise Unavailable


def test_a_server_whose_master_keys_do_not_work_is_not_ready(tmp_path, valkey, monkeypatch):
    path, file = new_installation(tmp_path, valkey, 1), tmp_path / "master-keys"
    file.write_text(MASTER_KEY)
    file.chmod(0o600)
    path.write_text(path.read_text() + SETTINGS)
    monkeypatch.setattr("sealring_masterkey.wrap.MasterKeyProvider", Unwell)
    app = make_app(Inheritance.of(settings.load(path), Log()), Log()).test_client()

    for route in ("/readyz", "/health/ready"):
        answer = app.get(route)
        assert answer.status_code == 503
        assert "kms_unavailable" in answer.text
