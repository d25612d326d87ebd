"""Objects of one organization, made and changed by the use cases."""

from support.make import ACME, caller, context

ME = caller(ACME)


def created(use, name="name", value="value", who=ME, **pairs):
    return use.objects.create(who, name=name, value=value, context=context(**pairs))


def updated(use, record, value="new", version_check=None):
    return use.objects.update(ME, str(record.id), value=value, version_check=version_check, contexts=())
