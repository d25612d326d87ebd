"""Settings: one TOML file, with all limits of the server and of one organization, read strictly once at start."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from sealring.admission.limits import Rates
from sealring.archive.place import BucketPlace
from sealring.auth.profiles import IssuerKind, IssuerProfile, LocalIssuer
from sealring.auth.service_token import ServiceToken
from sealring.domain.ids import EnvironmentId
from sealring.domain.limits import MAX_QUOTA, MAX_RATE, Limits
from sealring.errors import SettingsInvalid
from sealring.keys.keyring import ManagedKeys
from sealring.keys.routing import ManagedKeks
from sealring.keys.sealing import Sealing
from sealring.observability.settings import Observability
from sealring.services.keyring_rules import KeyringRules
from sealring.services.objects import ObjectLimits
from sealring.services.portal_rules import PortalRules
from sealring.store.connection.durability import DurabilityPolicy
from sealring.store.connection.store_url import StoreUrl
from sealring.table import Table
from sealring.toml_file import read_file
from sealring_plugin import ConfigInvalid, read_private

_TABLES = (
    "store", "keys", "seal", "plugins", "issuers", "token", "limits", "server", "logs", "traces", "keyrings", "connect",
    "portal",
)  # fmt: skip

MAX_VALUE_BYTES = 16 << 20
MAX_WAIT_REPLICAS = 5
MAX_VERSIONS = 10_000  # of one object: one answer lists all of them
DAY_S = 86_400
DEFAULT_RUN_FOLDER = "run"


class WorkerKind(Enum):
    """How a worker of the server serves requests: on one event loop, or each in a thread."""

    LOOP = "loop"
    THREADS = "threads"


# A thread is too rare to be refused while it is free: what is beyond them waits in a queue.
CONCURRENCY_PERCENT = {WorkerKind.LOOP: 75, WorkerKind.THREADS: 100}


@dataclass(frozen=True, slots=True)
class Fairness:
    """The limits that keep one organization out of the way of others."""

    rates: Rates
    organization: Limits  # of each one without an override
    concurrency_percent: int  # of the requests that a worker serves at once, for one organization beside others


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of config/sealring.toml. `load` checks them; nothing checks them again."""

    path: Path
    store_url: str = field(repr=False)  # it may contain a password
    pin_file: Path
    durability: DurabilityPolicy
    managed: ManagedKeys
    plugins: Mapping[str, Mapping[str, object]] = field(repr=False)  # they may contain secrets
    issuers: tuple[IssuerProfile, ...]
    local_issuer: LocalIssuer | None
    limits: ObjectLimits
    fairness: Fairness
    audit_retention_s: int
    run_folder: Path  # where the workers of one server share fetched key sets
    worker: WorkerKind
    keyrings: KeyringRules
    bucket: BucketPlace | None  # of keyrings; None: they are in the store
    service_token: ServiceToken | None
    sealing: Sealing
    portal: PortalRules | None = None  # None: there are no pages, and no links to them
    observability: Observability = field(default_factory=Observability)

    @property
    def environments(self) -> tuple[EnvironmentId, ...]:
        return _environments(self.issuers)

    @property
    def providers_in_use(self) -> tuple[str, ...]:
        """The providers of keys of ours that make or wrap new ones."""
        master = self.keyrings.master
        return (self.managed.provider,) if master is None else (self.managed.provider, master)

    def profile_of(self, issuer: str) -> IssuerProfile:
        """Raises SettingsInvalid if there is none."""
        for profile in self.issuers:
            if profile.issuer == issuer:
                return profile
        raise SettingsInvalid(f"no profile under [[issuers]] has the issuer {issuer!r}")


def load(path: Path) -> Settings:
    """Read and check the settings. Raises SettingsInvalid with one line that names the place and the fix."""
    base = path.absolute().parent
    root = read_file(path)
    root.only(*_TABLES)
    plugins = root.table("plugins")
    store = root.table("store")
    store.only("url", "url_file", "pin_file", "accept_data_loss", "declared_durable", "wait_replicas")
    server = root.table("server", {})
    worker = _worker(server)
    url = _store_url(store, base)
    issuers = tuple(IssuerProfile.parse(each, base=base) for each in root.tables("issuers"))
    settings = Settings(
        path=path,
        store_url=url,
        pin_file=_pin_file(store, base),
        durability=_durability(store),
        managed=_managed(root.table("keys")),
        plugins={name: plugins.table(name).members for name in plugins.members},
        issuers=issuers,
        local_issuer=LocalIssuer.parse(root, base),
        limits=_limits(root.table("limits", {})),
        fairness=_fairness(root.table("limits", {}), worker),
        audit_retention_s=DAY_S * root.table("limits", {}).number("audit_retention_days", 30, most=3650),
        run_folder=_run_folder(server, base),
        worker=worker,
        keyrings=KeyringRules.parse(root.table("keyrings", {})),
        bucket=BucketPlace.parse(root.table("keyrings", {}), base),
        service_token=ServiceToken.parse(root.table("connect", {}), base, _environments(issuers)),
        sealing=Sealing.parse(root.table("seal", {}), base),
        portal=PortalRules.parse(root.table("portal", {}), base),
        observability=Observability.parse(root),
    )
    _check_together(settings)
    return settings


def _environments(issuers: Iterable[IssuerProfile]) -> tuple[EnvironmentId, ...]:
    return tuple(sorted({issuer.environment_id for issuer in issuers}))


def _store_url(table: Table, base: Path) -> str:
    url = _said_url(table, base)
    StoreUrl.parse(url)
    return url


def _said_url(table: Table, base: Path) -> str:
    if "url_file" not in table.members:
        return table.text("url")
    if "url" in table.members:
        table.refuse("url", "and url_file are both there; keep only one")
    try:
        return read_private(base / table.text("url_file"), "url_file").decode().strip()
    except ConfigInvalid as error:
        raise SettingsInvalid(f"[store] {error}") from error
    except UnicodeDecodeError:
        raise SettingsInvalid("[store] url_file is not text") from None


def _pin_file(table: Table, base: Path) -> Path:
    if "pin_file" not in table.members:
        table.refuse("pin_file", 'is missing: add pin_file = "store-pin", and let `sealring init` write the pin')
    return base / table.text("pin_file")


def _durability(table: Table) -> DurabilityPolicy:
    return DurabilityPolicy(
        accept_data_loss=table.flag("accept_data_loss"),
        declared_durable=table.flag("declared_durable"),
        wait_replicas=table.number("wait_replicas", 0, least=0, most=MAX_WAIT_REPLICAS),
    )


def _managed(table: Table) -> ManagedKeys:
    table.only("managed", "managed_readable", "managed_keks")
    per = table.members.get("managed_keks", ManagedKeks.COMBINATION.value)
    if per not in [each.value for each in ManagedKeks]:
        table.refuse("managed_keks", "must be 'combination' or 'items'")
    return ManagedKeys(table.text("managed"), ManagedKeks(per), _names(table))


def _names(table: Table) -> tuple[str, ...]:
    names = table.texts("managed_readable", [])
    if not all(names):
        table.refuse("managed_readable", "has an empty name")
    return tuple(names)


def _limits(table: Table) -> ObjectLimits:
    table.only(
        "max_value_bytes",
        "max_versions_per_object",
        "deleted_retention_days",
        "audit_retention_days",
        "subject_requests_per_second",
        "organization_requests_per_second",
        "environment_requests_per_second",
        "organization_concurrency_percent",
        "organization_objects",
        "organization_bytes",
        "organization_contexts",
    )
    return ObjectLimits(
        max_value_bytes=table.number("max_value_bytes", 1 << 20, most=MAX_VALUE_BYTES),
        max_versions=table.number("max_versions_per_object", 100, most=MAX_VERSIONS),
        retention_s=table.number("deleted_retention_days", 30, most=3650) * DAY_S,
    )


def _fairness(table: Table, worker: WorkerKind) -> Fairness:
    def limit(member: str, most: int) -> int:
        return table.number(member, 0, least=0, most=most)

    return Fairness(
        rates=Rates(
            subject=limit("subject_requests_per_second", MAX_RATE),
            environment=limit("environment_requests_per_second", MAX_RATE),
        ),
        organization=Limits(
            requests_per_second=limit("organization_requests_per_second", MAX_RATE),
            objects=limit("organization_objects", MAX_QUOTA),
            stored_bytes=limit("organization_bytes", MAX_QUOTA),
            contexts=limit("organization_contexts", MAX_QUOTA),
        ),
        concurrency_percent=table.number("organization_concurrency_percent", CONCURRENCY_PERCENT[worker], most=100),
    )


def _run_folder(table: Table, base: Path) -> Path:
    table.only("run_folder", "worker", "metrics_bind")
    return base / (table.text("run_folder") if "run_folder" in table.members else DEFAULT_RUN_FOLDER)


def _worker(table: Table) -> WorkerKind:
    kind = table.members.get("worker", WorkerKind.LOOP.value)
    if kind not in [each.value for each in WorkerKind]:
        table.refuse("worker", "must be 'loop' or 'threads'")
    return WorkerKind(kind)


def _check_together(settings: Settings) -> None:
    for name in settings.managed.providers:
        if name not in settings.plugins:
            raise SettingsInvalid(f"[keys] names '{name}', but there is no [plugins.{name}]")
    if len(set(settings.managed.providers)) != len(settings.managed.providers):
        raise SettingsInvalid("[keys] managed_readable names a provider twice, or that of managed; leave it out")
    master = settings.keyrings.master
    if master is not None and (master not in settings.plugins or master in settings.managed.providers):
        raise SettingsInvalid(f"[keyrings] master_keys '{master}' must have [plugins.{master}], and no part in [keys]")
    if settings.bucket is not None and len(settings.environments) > 1:
        raise SettingsInvalid("[keyrings] store: a bucket is for one environment, and the issuers have several")
    issuers = [each.issuer for each in settings.issuers]
    if len(set(issuers)) != len(issuers):
        raise SettingsInvalid("[[issuers]] name the same issuer twice")
    local = settings.local_issuer
    if local is not None and local.issuer not in issuers:
        raise SettingsInvalid(f"[token] issuer '{local.issuer}' has no profile under [[issuers]]")
    if local is not None and settings.profile_of(local.issuer).kind is IssuerKind.KUBERNETES:
        raise SettingsInvalid(
            f"[token] issuer '{local.issuer}' is a cluster, which signs its tokens itself; name another"
        )
