"""Makes the store that a release keeps, once, when it is made: a later one adds a file of its own. It may never change.

.venv/bin/python tests/vectors/make_kept_store.py > tests/vectors/store-<release>.json
"""

import base64
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from backup.kept import kept
from backup.kit import install, updated
from sealring.domain.ids import uuid_text
from sealring.keys.routing import ManagedKeks
from sealring.operator.embedded import EmbeddedValkey
from sealring.server import wiring
from sealring.services.objects import ObjectLimits
from support.cmk import CATALOG
from support.make import ACME, BETA, caller, context, services
from support.revocations import revoke, subject, token

FOREVER = ObjectLimits(retention_s=10**9)  # of a deleted object


def filled(installed, opened):
    """Make something of everything. Return what a reader has to find."""
    (environment,) = installed.settings.environments
    me, them, everywhere, bound = (
        caller(*orgs, environment=environment) for orgs in ([ACME], [BETA], [], ["org_01JBENCH000000000000000000"])
    )
    use = services(opened.store, limits=FOREVER, provider_gateway=installed.gateway, catalog=CATALOG)
    few = services(opened.store, limits=ObjectLimits(max_versions=3), provider_gateway=installed.gateway)
    items = services(opened.store, per=ManagedKeks.ITEMS, provider_gateway=installed.gateway)
    mine = use.objects.create(me, name="żółć", value="one", context=context())
    for value in ("two", "three", "four", "five"):
        mine = updated(few, me, mine, value)
    theirs = use.objects.create(them, name="theirs", value="1", context=context(organizationId=BETA, kind="card"))
    updated(use, them, theirs, "2")
    deleted = use.objects.create(me, name="deleted", value="there still", context=context())
    use.objects.delete(me, str(deleted.id), version_check=None)
    restored = use.objects.create(me, name="restored", value="again", context=context())
    use.objects.delete(me, str(restored.id), version_check=None)
    use.objects.restore(me, str(restored.id))
    use.objects.create(everywhere, name="nobody's", value="", context=context(kind="x" * 500))
    items.objects.create(me, name="of two KEKs", value="both", context=context(organization_id=ACME, kind="both"))
    org = next(iter(bound.principal.organizations))
    installed.bind_for(use, bound, "key_one")
    use.objects.create(bound, name="bound", value="under their key", context=context(organization_id=org))
    stores = wiring.Stores.on(opened.parts)
    for each in (token("t1"), subject("billing")):
        revoke(stores.revocations, each, environment=environment)
    pair = use.data_keys.create(me, context())
    kept_back = [version.id for version in use.versions.list(me, str(mine.id))]
    return {
        "values": {
            "żółć": "five",
            "theirs": "2",
            "restored": "again",
            "nobody's": "",
            "of two KEKs": "both",
            "bound": "under their key",
        },
        "versions": {uuid_text(each): value for each, value in zip(kept_back, ("five", "four", "three"), strict=True)},
        "ids": {"żółć": str(mine.id), "deleted": str(deleted.id)},
        "data key": {"wrapped": base64.b64encode(pair.wrapped).decode(), "secret": pair.secret.hex()},
        "events": len(opened.store.events()),
    }


def main():
    with tempfile.TemporaryDirectory() as name, EmbeddedValkey(Path(name, "valkey")) as valkey:
        installed = install(Path(name), valkey.url, 2)
        with installed.opened() as opened:
            found = filled(installed, opened)
        sys.stdout.write(kept(installed, found))


if __name__ == "__main__":
    main()
