"""The official SDKs make links to the portal, with the calls that their users have."""

import pytest

from sdk.driver import Refused
from sdk.versions import every_sdk
from sealring.domain.portal import Intent
from sealring.server import wiring
from sealring.services.portal import Portal

BYOK = "bring_your_own_key"


@pytest.fixture
def seen(live):
    """What is stored of a link."""

    def seen(link):
        with wiring.opened_stores(live.settings) as (_, stores):
            return Portal(stores.portal, live.settings.portal).seen(link.partition("?token=")[2])

    return seen


@every_sdk()
def test_a_link_is_for_the_organization_that_was_named(vault, org, seen):
    link = vault.generate_link(organization=org.id, intent=BYOK)

    assert link.startswith("http://localhost:8420/portal?token=")
    assert (seen(link).org, seen(link).intent) == (org.id, Intent.BRING_YOUR_OWN_KEY)
    assert (seen(link).return_url, seen(link).success_url) == ("", "")


@every_sdk()
def test_a_link_leads_back_to_the_urls_that_were_named(vault, org, seen):
    back, done = "https://app.example.com/settings?tab=keys", "https://app.example.com/done"

    link = vault.generate_link(organization=org.id, intent=BYOK, return_url=back, success_url=done)

    assert (seen(link).return_url, seen(link).success_url) == (back, done)


@every_sdk()
def test_another_organization_is_forbidden(sdk, vault):
    with pytest.raises(Refused) as refused:
        vault.generate_link(organization="org_another", intent=BYOK)

    assert refused.value.kind == sdk.refusals.forbidden


@every_sdk()
@pytest.mark.parametrize("intent", ["sso", "domain_verification"])
def test_another_intent_is_refused_and_its_user_told_which_there_is(sdk, vault, org, intent):
    with pytest.raises(Refused) as refused:
        vault.generate_link(organization=org.id, intent=intent)

    assert refused.value.kind == sdk.refusals.invalid
    assert "bring_your_own_key" in refused.value.message


@every_sdk()
def test_a_url_of_another_host_is_refused(sdk, vault, org):
    with pytest.raises(Refused) as refused:
        vault.generate_link(organization=org.id, intent=BYOK, return_url="https://evil.example/")

    assert refused.value.kind == sdk.refusals.invalid
    assert "return_url" in refused.value.message
