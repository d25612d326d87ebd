"""An installation with two stores: one that is backed up, and one to restore into."""

from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path

from sealring import settings
from sealring.domain.binding import Binding
from sealring.domain.ids import OrgId
from sealring.domain.principal import Caller
from sealring.http.app import Services
from sealring.keys.store_key import open_store_keys
from sealring.operator import installation, whole_store
from sealring.operator.whole_store import BackupFiles
from sealring.providers.gateway import Gateway
from sealring.providers.instances import ManagedSource, Source
from sealring.server import wiring
from sealring.services.bindings import NewBinding
from sealring.settings import Settings
from sealring.store.connection.links import Links
from sealring.store.layout import read_layout
from sealring.store.opened import OpenedStore
from sealring.store.schema.counts import Counts
from sealring_local.roots import Roots, read_roots
from sealring_local.wrap import LocalProvider
from support.cmk import CATALOG, CmkProvider, Key
from support.make import caller, context, services
from support.stores import Store, on_parts

NAME, VALUE, HIDDEN = "the name of it", "the value of it", "org_hidden"  # of the object of a small backup


def unseen(_step, _length):
    """Progress that nobody looks at."""
    return nullcontext(lambda _: None)


@dataclass
class Opened:
    """A store that is in use."""

    links: Links
    parts: OpenedStore
    store: Store
    use: Services


@dataclass
class Installation:
    """`findings` are those of the last restore or verify."""

    settings: Settings
    other_url: str
    folder: Path
    findings: list[str] = field(default_factory=list)
    kms: dict[str, Key] = field(default_factory=dict)  # keys of customers, by name

    @property
    def roots(self) -> Roots:
        return read_roots(self.folder / "etc" / "root.key")

    @property
    def gateway(self) -> Gateway:
        """To the installation's own keys, and to those of customers."""
        ours, theirs = LocalProvider(self.roots), CmkProvider(self.kms)
        return Gateway(
            {"local": ManagedSource(lambda: ours, waits=False)}, {"cmk": Source(lambda: theirs, waits=False)}
        )

    @property
    def there(self) -> Settings:
        """The settings of the store to restore into."""
        return replace(self.settings, store_url=self.other_url)

    @contextmanager
    def opened(self, config: Settings | None = None) -> Iterator[Opened]:
        config = config or self.settings
        with closing(Links.to(config.store_url)) as links, closing(self.gateway) as gateway:
            layout = read_layout(links)
            keys = open_store_keys(gateway, layout, wiring.trust_files(config).pin())
            parts = OpenedStore.of(links, keys, layout)
            store = on_parts(parts)
            use = services(store, provider_gateway=gateway, catalog=CATALOG)
            yield Opened(links, parts, store, use)

    def back_up(self, name: str = "store") -> BackupFiles:
        files = BackupFiles(self.folder / f"{name}.data", self.folder / f"{name}.keys")
        whole_store.backup(self.settings, files, unseen)
        return files

    def restore(self, files: BackupFiles, progress=unseen) -> Counts:
        self.findings = []
        return whole_store.restore(self.there, files, progress, self.findings.append)

    def verify(self, *, unwrap: bool = False) -> list[str]:
        found: list[str] = []
        whole_store.verify(self.settings, unseen, found.append, unwrap=unwrap)
        return sorted(found)

    def empty_the_other(self) -> None:
        with closing(Links.to(self.other_url)) as links:
            links.call((b"FLUSHALL",))

    def bind(self, use: Services, org: str, key: str, *, activate: bool = True) -> Binding:
        """Let a customer's key guard an organization; or say so and leave it pending."""
        return self.bind_for(use, caller(org), key, activate=activate)

    def bind_for(self, use: Services, who: Caller, key: str, *, activate: bool = True) -> Binding:
        """Likewise, for the one organization of a caller."""
        self.kms.setdefault(key, Key())
        (org,) = who.principal.organizations
        new = NewBinding(org=OrgId(org), match=context(organization_id=org), provider="cmk", key=key)
        return use.bindings.create(who, new, activate=activate)


def install(folder: Path, store_url: str, partitions: int, other_url: str = "") -> Installation:
    """An installation in `folder` with keys in software, and its store ready."""
    list(installation.create_files(folder / "etc", store_url, "local"))
    config = settings.load(folder / "etc" / installation.SETTINGS_FILE)
    wiring.initialise_store(config, partitions)
    return Installation(config, other_url, folder)


def updated(use, caller, record, value):
    return use.objects.update(caller, str(record.id), value=value, version_check=None, contexts=())


def keys_of(url: str) -> list[bytes]:
    """All keys of a store."""
    with closing(Links.to(url)) as links:
        return list(links.scan(b"*"))
