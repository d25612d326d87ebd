"""Installations whose root keys are sealed by the toy KMS of the example."""

from dataclasses import dataclass
from pathlib import Path

from sealring import settings
from sealring.operator import installation
from sealring.server import wiring
from sealring.server.root_seals import RootSeals
from sealring_example.kms import TOKEN, Kms

TABLE = """
[seal.{name}]
provider = "example"
key = "{key}"
endpoint = "{endpoint}"
token = "{token}"
"""
NO_STORE = "redis://127.0.0.1:1"


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
