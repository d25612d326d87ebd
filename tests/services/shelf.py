"""Objects of several organizations, to be listed."""

from sealring.services.listing import ListOptions
from support.make import ACME, caller, context, services

ME, EVERYWHERE = caller(ACME), caller()


class Shelf:
    """A store with its use cases, and short names for what these tests do."""

    def __init__(self, store):
        self.use = services(store)
        self.made = 0

    def add(self, org=ACME, name=None):
        self.made += 1
        made = caller(org)
        record = self.use.objects.create(
            made, name=name or f"object {self.made}", value="v", context=context(organization_id=org)
        )
        return record.id

    def touch(self, object_id):
        self.use.objects.update(EVERYWHERE, str(object_id), value="new", version_check=None, contexts=())

    def remove(self, object_id):
        self.use.objects.delete(EVERYWHERE, str(object_id), version_check=None)

    def page(self, who=ME, **options):
        return self.use.lists.list(who, ListOptions(**options))

    def names(self, who=ME, **options):
        return [row.name for row in self.page(who, **options).rows]
