"""The conformance kit: the promises of a key provider, as tests that its author runs.

    # tests/test_conformance.py
    from sealring_example.spec import SPEC
    from sealring_plugin.conformance import ProviderConformance

    class TestExample(ProviderConformance):
        spec = SPEC

        def settings(self):
            return {"endpoint": "http://127.0.0.1:8200"}

`pytest --sealring-report report.json` runs them. `ProviderConformance` lists the other hooks. It needs pytest: install
`sealring-plugin-api[conformance]`.
"""

import pytest

pytest.register_assert_rewrite(
    *(
        f"{__name__}.{module}"
        for module in (
            "bindings",
            "card",
            "failures",
            "leaks",
            "loading",
            "organizations",
            "powers",
            "processes",
            "revocation",
            "round_trips",
            "seals",
            "secrecy",
            "settings",
            "tampering",
            "telling",
            "waiting",
        )
    )
)

from sealring_plugin.conformance.card import Card  # noqa: E402
from sealring_plugin.conformance.contexts import Contexts  # noqa: E402  after register_assert_rewrite
from sealring_plugin.conformance.failures import Failures  # noqa: E402
from sealring_plugin.conformance.hooks import Faults  # noqa: E402
from sealring_plugin.conformance.leaks import Leaks  # noqa: E402
from sealring_plugin.conformance.loading import Loading  # noqa: E402
from sealring_plugin.conformance.organizations import Organizations  # noqa: E402
from sealring_plugin.conformance.powers import (  # noqa: E402
    CreatedKeys,
    DestroyedKeys,
    GeneratedDataKeys,
    ReWrappedKeys,
)
from sealring_plugin.conformance.processes import Processes  # noqa: E402
from sealring_plugin.conformance.revocation import Revocation  # noqa: E402
from sealring_plugin.conformance.round_trips import RoundTrips  # noqa: E402
from sealring_plugin.conformance.seals import SealConformance  # noqa: E402
from sealring_plugin.conformance.secrecy import Secrecy  # noqa: E402
from sealring_plugin.conformance.settings import Settings  # noqa: E402
from sealring_plugin.conformance.tampering import Tampering  # noqa: E402
from sealring_plugin.conformance.telling import Telling  # noqa: E402
from sealring_plugin.conformance.waiting import Waiting, silent_endpoint  # noqa: E402

__all__ = ["Faults", "ProviderConformance", "SealConformance", "silent_endpoint"]


class ProviderConformance(
    RoundTrips,
    Tampering,
    Contexts,
    CreatedKeys,
    DestroyedKeys,
    GeneratedDataKeys,
    ReWrappedKeys,
    Telling,
    Failures,
    Revocation,
    Organizations,
    Waiting,
    Secrecy,
    Settings,
    Loading,
    Processes,
    Leaks,
    Card,
):
    """Subclass it with a name that begins with Test, set `spec`, and override what your provider needs.

    `settings` and `make_provider` make a provider, `make_key` returns a key. With `faults`, `another_organization`,
    `black_hole`, `sessions` and `secrets`, the kit can show more. The class attributes of `Hooks` are limits and
    counts. Each test is one promise; tests of a power that the provider does not claim are skipped.
    """
