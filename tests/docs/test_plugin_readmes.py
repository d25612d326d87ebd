"""Every plugin has a README of a page, with a settings example that works."""

import ast
import json
import re
import tomllib
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from textwrap import dedent

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from docs.markdown import ROOT, blocks, links, section
from docs.plugins import entry_points, every_plugin, readme

HEADINGS = ["Prerequisites", "Settings", "Permissions", "Limits", "Files"]
PAGE_LINES = 80
GUIDES = {  # where more is said to operators
    "awskms": "docs/byok-awskms.md",
    "azurekv": "docs/byok-azurekv.md",
    "example": "docs/writing-a-plugin.md",
    "gcpkms": "docs/byok-gcpkms.md",
    "hsm": "docs/keys.md",
    "local": "docs/storage.md",
    "masterkey": "docs/keyrings.md",
}


@pytest.fixture(scope="module")
def files():
    """What is in the files that examples name, by the name of the setting."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name, now = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "readme")]), datetime.now(UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(days=1))
    pem = made.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    account = {
        "type": "service_account",
        "client_email": "sealring@vault-prod.iam.gserviceaccount.com",
        "token_uri": "https://oauth2.googleapis.com/token",
        "private_key": private.decode(),
    }
    return {
        "ca_file": pem,
        "certificate_file": private + pem,
        "credentials_file": json.dumps(account).encode(),
        "pin_file": b"1234-pin",
        "master_keys_file": b64encode(b"\x0a\x07kek_one\x1a\x20" + bytes(32)),
        "secret_access_key_file": b"secret",
        "session_token_file": b"token",
    }


def spec_of(plugin):
    ((_, place),) = entry_points(plugin).items()
    module, _, name = place.partition(":")
    return getattr(import_module(module), name)


def example(plugin):
    (shown,) = blocks(section(readme(plugin), "## Settings"), "toml")
    return shown


def settings_of(plugin):
    ((name, table),) = tomllib.loads(example(plugin))["plugins"].items()
    assert name == spec_of(plugin).name
    return table


@every_plugin
def test_it_has_the_same_sections_as_the_others(plugin):
    assert re.findall(r"^## (.*)$", readme(plugin), re.MULTILINE) == HEADINGS


@every_plugin
def test_it_is_a_page(plugin):
    assert len(readme(plugin).splitlines()) <= PAGE_LINES


@every_plugin
def test_its_distribution_shows_it(plugin):
    project = tomllib.loads((plugin / "pyproject.toml").read_text(encoding="utf-8"))["project"]

    assert project["readme"] == "README.md"
    assert readme(plugin).startswith(f"# {project['name']}\n")


@every_plugin
def test_it_leads_to_what_is_said_to_operators(plugin):
    targets = {(plugin / link.partition("#")[0]).resolve() for link in links(readme(plugin))}

    assert ROOT / GUIDES[plugin.name] in targets


@every_plugin
def test_its_example_has_every_setting(plugin):
    fields = {field.name for field in spec_of(plugin).config}

    assert {name for name in fields if not re.search(rf"\b{name}\b", example(plugin))} == set()


@every_plugin
def test_its_example_is_that_of_the_provider(plugin):
    (wrap,) = plugin.glob("src/*/wrap.py")
    classes = [node for node in ast.parse(wrap.read_text("utf-8")).body if isinstance(node, ast.ClassDef)]
    shown = [(ast.get_docstring(each) or "").partition("configuration:\n\n")[2] for each in classes]

    assert example(plugin) in [f"{dedent(text)}\n" for text in shown]


@every_plugin
def test_its_example_builds_a_provider(plugin, files, tmp_path):
    spec = spec_of(plugin)
    checked = spec.parse_config(settings_of(plugin), tmp_path)
    for name, path in checked.items():
        if isinstance(path, Path) and tmp_path in path.parents and name in files:
            path.parent.mkdir(exist_ok=True)
            path.touch(mode=0o600)
            path.write_bytes(files[name])
    if plugin.name == "local":
        spec.initialise(checked)

    spec.build(checked).close()


@every_plugin
def test_it_says_which_settings_are_required(plugin):
    fields = spec_of(plugin).config
    ((word, rest),) = re.findall(r"\b(All|Only|No) (.*?required)\b", section(readme(plugin), "## Settings"))
    said = {
        "All": {field.name for field in fields},
        "Only": set(re.findall(r"`(\w+)`", rest)),
        "No": set(),
    }

    assert said[word] == {field.name for field in fields if field.required}
