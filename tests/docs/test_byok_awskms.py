"""docs/byok-awskms.md shows the policies and findings as the provider has them."""

import json
import re

from docs.markdown import ROOT, blocks, read, rows, section
from sealring_awskms import setup
from sealring_awskms.key import KEY_OPTIONS

PAGE = read("docs/byok-awskms.md")
PRINCIPAL = "arn:aws:iam::111122223333:role/sealring"


def test_the_policies_are_those_of_the_setup_guide():
    assert [json.loads(block) for block in blocks(PAGE, "json")] == [
        setup.own_policy(direct=True, reencrypt=False),
        setup.trust_policy(PRINCIPAL, "external-id-of-acme"),
        setup.key_policy(PRINCIPAL, "org_acme", reencrypt=False),
    ]


def test_every_option_of_a_binding_is_described():
    described = [cells[0].strip("`") for cells in rows(section(PAGE, "### Binding options"))]

    assert described == [option.name for option in KEY_OPTIONS]


def test_every_finding_is_described_with_its_severity():
    source = (ROOT / "plugins/awskms/src/sealring_awskms/findings.py").read_text()
    made = set(re.findall(r'_(error|warning)\(\s*"([a-z_]+)"', source))

    assert {(cells[1], cells[0].strip("`")) for cells in rows(section(PAGE, "### Findings"))} == made
