"""A store that a benchmark fills holds what the server itself would have written."""

from filling import LARGE, VALUE, fill
from servers import initialise

from sealring import settings
from sealring.domain.principal import Caller, Permission, Principal
from sealring.observability.logs import Log
from sealring.operator.embedded import EmbeddedValkey
from sealring.server import application, wiring
from sealring.server.inheritance import Inheritance
from sealring.services.health_checks import FailedKeys


def test_what_is_filled_in_is_an_object_of_the_servers(tmp_path):
    with EmbeddedValkey(tmp_path) as valkey:
        path = initialise(tmp_path, valkey.url, "local")

        samples = fill(path, 20, processes=2)

        assert len(samples) == 20
        assert sum(sample.org == LARGE for sample in samples) == 10
        config = settings.load(path)
        environment = config.issuers[0].environment_id
        reader = Caller(Principal("urn:t", "t", "t", environment, frozenset(), frozenset(Permission)), "read")
        with wiring.opened_stores(config) as (gateway, stores):
            limits = wiring.make_limits(config, stores)
            use = application._services(
                Inheritance.of(config, Log()), gateway, stores, None, FailedKeys(), Log(), limits
            )
            assert {use.objects.read(reader, sample.id).value for sample in samples} == {VALUE}
