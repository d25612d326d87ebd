"""What axe-core finds on every page in both colour schemes, and what a screen reader says of every control."""

import shutil
from pathlib import Path

import pytest

from portal.chromium.tour import tour
from sdk.tools import needed
from support.installed import CACHE, do, made_once

PINS = Path(__file__).parent / "axe"
FOLDER = CACHE / "portal" / "axe"
SERIOUS = {"moderate", "serious", "critical"}
ROLES = {
    "button": "button",
    "link": "link",
    "textbox": "textbox",
    "radio": "radio",
    "checkbox": "checkbox",
    "DisclosureTriangle": "summary",
}
EVERYWHERE = {"link Skip to the content", "button End session", "link Back to the application"}
CONTROLS = {
    "lost": [],
    "link": ["button Begin"],
    "choose": ["link AWS Key Management Service", "link Azure Key Vault", "link Example KMS", "link Google Cloud KMS"],
    "create-awskms": [
        "link Next: grant access",
        "radio In the console",
        "radio AWS CLI",
        "radio Terraform",
        "radio CloudFormation",
    ],
    "access-awskms": [
        "link Next: name the key",
        "radio In the console",
        "radio AWS CLI",
        "radio Terraform",
        "button Copy",
    ],
    "key-awskms": ["textbox Key", "button Check the key", "summary More options"],
    "create-gcpkms": ["link Next: grant access", "radio In the console", "radio gcloud", "radio Terraform"],
    "access-gcpkms": ["link Next: name the key", "radio In the console", "radio gcloud", "radio Terraform"],
    "key-gcpkms": ["textbox Key", "button Check the key", "summary More options"],
    "create-azurekv": [
        "link Next: grant access",
        "radio In the console",
        "radio Azure CLI",
        "radio Terraform",
        "radio Bicep",
    ],
    "access-azurekv": [
        "link Next: name the key",
        "radio In the console",
        "radio Azure CLI",
        "radio Terraform",
        "radio Bicep",
    ],
    "key-azurekv": ["textbox Key", "textbox Tenant ID", "button Check the key", "summary More options"],
    "create-example": ["link Next: grant access", "radio In the console", "radio Command line"],
    "access-example": ["link Next: name the key", "radio In the console", "radio Command line", "button Copy"],
    "key-example": ["textbox Key", "button Check the key"],
    "key-wrong": ["textbox Key", "button Check the key"],
    "check-running": [],
    "check-failed": [
        "link Change what you entered",
        "link Back to the access",
        "link Go to the status",
        "button Try again",
    ],
    "check-passed": ["link Continue", "link Go to the status"],
    "done": ["link See the status"],
    "status": [
        "link Replace the key",
        "link Stop all use now",
        "summary Other keys (1)",
        "button Print this page",
        "button Check now",
    ],
    "suspend": ["textbox Name of the organization", "button Stop all use now", "link Back, change nothing"],
    "suspend-wrong": ["textbox Name of the organization", "button Stop all use now", "link Back, change nothing"],
    "status-stopped": [
        "link Replace the key",
        "summary Other keys (1)",
        "button Print this page",
        "button Allow use again",
    ],
    "error": ["link To the start"],
    "over-typed": ["textbox Key", "button Send again"],
    "ended": [],
}


@pytest.fixture(scope="package")
def axe():
    """The source of axe-core."""

    def make():
        shutil.copytree(PINS, FOLDER)
        npm = needed("npm", "The tests of the portal need npm: https://nodejs.org.")
        do([npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], FOLDER.resolve())

    made_once(FOLDER, (PINS / "package-lock.json").read_bytes(), make)
    return (FOLDER / "node_modules/axe-core/axe.min.js").read_text()


def found_by(axe, page, scheme):
    """What axe finds: the rule, and where. Only colors depend on the scheme."""
    page.emulate_media(color_scheme=scheme)
    page.evaluate(axe)  # by the debugger's protocol: no policy of the page is asked
    only = {} if scheme == "light" else {"runOnly": ["color-contrast"]}
    found = page.evaluate("only => axe.run(document, {resultTypes: ['violations'], ...only})", only)["violations"]
    return [(each["id"], [node["target"] for node in each["nodes"]]) for each in found if each["impact"] in SERIOUS]


def controls_of(page):
    """The role and the name of every control, as assistive software gets them from the browser."""
    session = page.context.new_cdp_session(page)
    nodes = session.send("Accessibility.getFullAXTree")["nodes"]
    session.detach()
    told = [(_value(node, "role"), _value(node, "name")) for node in nodes if not node["ignored"]]
    return [f"{ROLES.get(role, role)} {name}" for role, name in told if role in ROLES]


def _value(node, what):
    return node.get(what, {}).get("value", "")


def overflows(page):
    """Whether a page has to be scrolled sideways at 320 px, which is 400 % of a window of 1280."""
    page.set_viewport_size({"width": 320, "height": 256})
    wider = page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
    page.set_viewport_size({"width": 1280, "height": 720})
    return wider


def test_no_page_keeps_anybody_out(page, customer, server, axe):
    found, controls, wide = {}, {}, []
    for stop in tour(page, customer, server, {"return_url": "https://app.example.com/settings"}):
        controls[stop] = sorted(set(controls_of(page)) - EVERYWHERE)
        if overflows(page):
            wide.append(stop)
        for scheme in ("light", "dark"):
            if problems := found_by(axe, page, scheme):
                found[stop, scheme] = problems

    assert found == {}
    assert wide == []
    assert controls == {stop: sorted(set(named)) for stop, named in CONTROLS.items()}
