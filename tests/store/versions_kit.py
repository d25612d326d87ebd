"""Objects of which so many versions are kept."""

from sealring.services.objects import ObjectLimits
from support.make import ACME, caller, context, gateway, services

ME = caller(ACME)
ROOT = gateway(bytes(32))


def keeping(store, count):
    """Every use case, with so many versions of an object."""
    return services(store, limits=ObjectLimits(max_versions=count), provider_gateway=ROOT)


def create(use):
    return use.objects.create(ME, name="name", value="value 1", context=context())


def update(use, record, who=ME, version_check=None):
    number = record.current.number + 1
    return use.objects.update(who, str(record.id), value=f"value {number}", version_check=version_check, contexts=())


def updated(use, record, times):
    for _ in range(times):
        record = update(use, record)
    return record
