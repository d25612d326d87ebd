"""Each test has a SoftHSM token of its own: a copy of one that was made once."""

import shutil
import subprocess
import sys
import textwrap
import time
from dataclasses import replace

import pytest

from sealring_hsm import softhsm
from sealring_hsm.config import HsmConfig
from sealring_hsm.spec import SPEC
from sealring_hsm.wrap import HsmProvider
from sealring_plugin import DATA, Call, Purpose, WrapContext

MODULE = softhsm.find_module()

# What a script in another process may use; it touches PKCS#11 only where it says so.
PRELUDE = """
import os, sys, time
from pathlib import Path
from sealring_hsm.config import HsmConfig
from sealring_hsm.wrap import HsmProvider
from sealring_plugin import DATA, Call, ManagedKey, ProviderError, Purpose, RootName, WrapContext, WrappedKey

folder = Path(sys.argv[1])
config = HsmConfig(module=Path(sys.argv[2]), pin_file=folder / "pin", conf_file=folder / "softhsm2.conf")
CALL = Call(time.monotonic() + 600, "request-1", "org_acme", Purpose.ENCRYPT)
BINDING = WrapContext({}, b"aad")
DEK = bytes(range(32))

def token_session():
    '''Whoever has the PIN: python-pkcs11 alone, and nothing of ours.'''
    import pkcs11
    os.environ["SOFTHSM2_CONF"] = str(folder / "softhsm2.conf")
    token = pkcs11.lib(sys.argv[2]).get_token(token_label="sealring")
    return token.open(rw=True, user_pin=(folder / "pin").read_text().strip())
"""


@pytest.fixture(scope="session")
def pattern(tmp_path_factory):
    if MODULE is None:
        pytest.skip("SoftHSM2 is not installed")
    folder = tmp_path_factory.mktemp("pattern") / "hsm"
    softhsm.initialise(HsmConfig(module=MODULE, pin_file=folder / "pin", conf_file=folder / "softhsm2.conf"))
    return folder


@pytest.fixture
def config(pattern, tmp_path):
    folder = tmp_path / "hsm"
    shutil.copytree(pattern, folder)
    softhsm.write_conf(folder / "softhsm2.conf", folder / "tokens")
    return HsmConfig(module=MODULE, pin_file=folder / "pin", conf_file=folder / "softhsm2.conf")


@pytest.fixture
def make_provider(config):
    made = []

    def make(**settings):
        made.append(HsmProvider(replace(config, **settings)))
        return made[-1]

    yield make
    for provider in made:
        provider.close()


@pytest.fixture
def provider(make_provider):
    return make_provider()


@pytest.fixture
def call():
    return Call(time.monotonic() + 600, "request-1", "org_acme", Purpose.ENCRYPT)


@pytest.fixture
def key(provider, call):
    return provider.create_key("key-1", 1, b"scope", DATA, call)


@pytest.fixture
def context():
    return WrapContext({"organization_id": "org_acme"}, b"aad")


@pytest.fixture
def start(config):
    """Start a script in another process."""
    started = []

    def run(script, *arguments):
        command = [sys.executable, "-c", PRELUDE + textwrap.dedent(script), config.pin_file.parent, MODULE, *arguments]
        started.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
        return started[-1]

    yield run
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def run(start):
    """Run a script in another process, and return the lines that it prints."""

    def finish(script, *arguments):
        process = start(script, *arguments)
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
        return out.splitlines()

    return finish


@pytest.fixture
def plugin_config(config):
    """The settings as the server hands them over."""
    folder = config.pin_file.parent
    table = {"module": str(MODULE), "pin_file": "pin", "conf_file": "softhsm2.conf"}
    return SPEC.parse_config(table, folder)
