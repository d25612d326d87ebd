"""The guide in a browser: its texts are for one organization, and what the portal copies becomes the key's URL."""

import pytest

from sealring_azurekv.guide import create_part, grant_part
from sealring_azurekv.key import read_key

URL = "https://my-vault.vault.azure.net/keys/sealring"
VERSION = "0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize(
    "copied", [URL, f" {URL}\n", f"{URL}/{VERSION}", f'"kid": "{URL}/{VERSION}",', f"Key Identifier {URL}/{VERSION}"]
)
def test_what_the_portal_copies_is_the_url(copied):
    assert read_key(copied) == URL


@pytest.mark.parametrize("text", ["", "sealring", f"{URL}/{VERSION} {URL}2", "https://my-vault.vault.azure.net/keys/"])
def test_another_text_stays_as_it_is(text):
    assert read_key(text) == text


def test_every_tool_gives_the_key_its_tag():
    recipes = create_part("the-tag", "external-1").recipes

    assert [each.tool for each in recipes] == ["Azure CLI", "Terraform", "Bicep"]
    assert [each.tool for each in recipes if "the-tag" not in each.text or "external-1" not in each.text] == []


def test_the_role_of_bicep_is_the_one_that_only_wraps_and_unwraps():
    text = grant_part("the app", "policy").recipes[2].text

    assert "'e147488a-f6f5-4113-8e2d-b22465e65bf6'" in text
