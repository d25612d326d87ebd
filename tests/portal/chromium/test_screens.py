"""The pictures of docs/portal.md, made anew by `make portal-screens`: every page, wide and light, narrow and dark."""

import subprocess
from pathlib import Path

import pytest
from workos import WorkOSClient

from portal.chromium.conftest import Customer
from portal.chromium.tour import tour

FOLDER = Path(__file__).parents[3] / "docs" / "images" / "portal"
VIEWS = {"1280": ({"width": 1280, "height": 720}, "light"), "375": ({"width": 375, "height": 667}, "dark")}
COLORS = "16"
MOST_BYTES = 1_500_000
DOCUMENT = FOLDER.parents[1] / "portal.md"


def pictures():
    return sorted(FOLDER.glob("*.png"))


@pytest.mark.screens
def test_every_page_has_its_picture(page, server):
    FOLDER.mkdir(parents=True, exist_ok=True)
    client = WorkOSClient(api_key=server.token("org_acme"), client_id="client", base_url=server.url)
    for stop in tour(page, Customer("org_acme", server, client), server, {"return_url": "https://app.example.com/"}):
        for name, (size, scheme) in VIEWS.items():
            page.set_viewport_size(size)
            page.emulate_media(color_scheme=scheme)
            page.screenshot(path=FOLDER / f"{stop}-{name}.png", full_page=True)
    client.close()
    subprocess.run(["pngquant", "--force", "--ext", ".png", "--speed", "1", COLORS, *pictures()], check=True)


def test_every_picture_is_shown_and_they_are_small():
    text = DOCUMENT.read_text(encoding="utf-8")

    assert [path.name for path in pictures() if f"(images/portal/{path.name})" not in text] == []
    assert 0 < sum(path.stat().st_size for path in pictures()) < MOST_BYTES
