"""Each item of a request to a keyring counts as a request."""

import pytest

from sealring.admission.limits import Rates
from sealring.domain.limits import Limits
from sealring.http.keyrings.views import KeyringViews
from support.make import limiter, services
from support.served import posted, served
from support.stores import memory

RING = "/sealring/v1/keyrings/org_acme"
CEILING = ["vault:keyrings:use", "vault:all_organizations"]
ONE = {"permissions": ["vault:keyrings:use"], "org_id": "org_acme"}
ALL = {"permissions": CEILING}


def of_keyrings(limits):
    return served(KeyringViews(services(memory()).keyrings).routes(), limits, permissions=CEILING)


def asked(server, what, item, items, who=ONE):
    return posted(server, f"{RING}/{what}", {"items": {str(number): item for number in range(items)}}, **who)[0]


@pytest.mark.parametrize(("what", "item"), [("encrypt", "secret"), ("decrypt", "AAAA"), ("decrypt", "no base64")])
def test_each_item_counts_for_the_subject(what, item):
    server = of_keyrings(limiter(rates=Rates(subject=10)))

    assert [asked(server, what, item, count) for count in (15, 5, 1)] == [200, 200, 429]


@pytest.mark.parametrize("who", [ONE, ALL], ids=["of a token for it", "of a token for all"])
@pytest.mark.parametrize(("what", "item"), [("encrypt", "secret"), ("decrypt", "AAAA")])
def test_each_item_counts_for_the_organization_of_the_keyring(what, item, who):
    server = of_keyrings(limiter(limits_of=lambda _environment, org: Limits(requests_per_second=10 * (org != ""))))

    assert [asked(server, what, item, count, who) for count in (15, 5, 1)] == [200, 200, 429]


def test_a_request_that_is_over_a_rate_is_refused_as_a_whole():
    server = of_keyrings(limiter(rates=Rates(subject=10)))
    asked(server, "encrypt", "secret", 15)

    status, answer = posted(server, f"{RING}/encrypt", {"items": {str(number): "" for number in range(6)}}, **ONE)

    assert (status, answer["code"]) == (429, "rate_limited")
