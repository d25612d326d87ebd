"""Installations whose root keys are sealed by the toy KMS of the example."""

import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

from sealring import settings
from sealring.domain.root_seal import RootEpoch, RootSeal
from sealring.operator import installation
from sealring.server import serving as gunicorn
from sealring.server import wiring
from sealring.server.root_seals import RootSeals, StaysSealed
from sealring_example.kms import TOKEN, Kms
from sealring_local.roots import Roots
from sealring_plugin import DATA, RootName
from support.ports import free_port

TABLE = """
[seal.{name}]
provider = "example"
key = "{key}"
endpoint = "{endpoint}"
token = "{token}"
"""
NO_STORE = "redis://127.0.0.1:1"
AWAY = "UNAVAILABLE"  # a state of a key


@dataclass
class Sealed:
    """`kms` has the keys of seals 1 and 2, each named as its seal."""

    folder: Path
    kms: Kms

    @property
    def path(self) -> Path:
        return self.folder / installation.SETTINGS_FILE

    @property
    def config(self) -> settings.Settings:
        return settings.load(self.path)

    @property
    def seals(self) -> RootSeals:
        config = self.config
        return RootSeals(config, wiring.load_plugins(config))

    def file(self, name: str) -> Path:
        return self.folder / f"root-seal-{name}"


def tables(kms: Kms, names: tuple[str, ...] = ("1", "2")) -> str:
    return "".join(TABLE.format(name=name, key=name, endpoint=kms.endpoint, token=TOKEN) for name in names)


def install(folder: Path, kms: Kms, names: tuple[str, ...] = ("1", "2"), store_url: str = NO_STORE) -> Sealed:
    """Make the files of an installation, as `sealring init --seals` does."""
    folder.mkdir(parents=True, exist_ok=True)
    seals = folder.with_name(f"{folder.name}.seals")
    seals.write_text(tables(kms, names))
    list(installation.create_files(folder, store_url, None, None, seals))
    return Sealed(folder, kms)


def rolled(root):
    """The same root keys with one more epoch of the domain `data`."""
    roots = Roots.parse(root.content.decode())
    more = Roots({**roots.keys, RootName(DATA, 2): bytes(32)})
    epochs = tuple(sorted([*root.epochs, RootEpoch(DATA, 2)]))
    return replace(root, content=more.encode().encode(), epochs=epochs)


def told(sealed):
    """Why the root keys stay sealed."""
    found = sealed.seals.attempt()
    assert isinstance(found, StaysSealed)
    return found.why


def claiming(sealed, name, **head):
    """Let a seal's file say something else of itself."""
    seal = RootSeal.parse(sealed.file(name).read_text())
    sealed.file(name).write_text(replace(seal, head=replace(seal.head, **head)).encode())


def started(installed, log):
    """Start a server of one worker, whose output goes to a file."""
    command = gunicorn._command(bind=f"127.0.0.1:{free_port()}", workers=1, threads=2, gunicorn_config=None)
    environment = gunicorn._environment(installed.path)
    with log.open("wb") as output:
        return subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=environment)
