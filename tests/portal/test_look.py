"""The look: the operator's name, logo and color are checked at start, and a refusal says what to do."""

import pytest

from sealring.errors import SettingsInvalid
from sealring.portal.look import LEAST_CONTRAST, Theme, contrast
from sealring.services.portal_rules import Look

PNG = b"\x89PNG\r\n\x1a\n" + bytes(20)
SVG = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink">{}</svg>'


@pytest.mark.parametrize(
    ("one", "other", "ratio"),
    [("#ffffff", "#000000", 21.0), ("#767676", "#ffffff", 4.54), ("#0b5c86", "#ffffff", 7.26)],
)
def test_contrast_is_that_of_wcag(one, other, ratio):
    assert contrast(one, other) == pytest.approx(ratio, abs=0.01)
    assert contrast(other, one) == contrast(one, other)


@pytest.mark.parametrize("color", ["#ffcc00", "#ff0000", "#00ff00", "#ffffff", "#7a7a7a"])
def test_a_color_that_text_cannot_be_read_on_is_refused_with_one_that_can(color):
    with pytest.raises(SettingsInvalid, match=f"^.portal. color {color} has a contrast of ") as refused:
        Theme.of(Look(color=color))

    assert contrast(str(refused.value)[-7:], "#ffffff") >= LEAST_CONTRAST


@pytest.mark.parametrize("color", ["#000000", "#0b5c86", "#7b1fa2", "#b00020", "#00695c"])
def test_the_color_is_legible_on_a_dark_page_too(color):
    style = Theme.of(Look(color=color)).style.body.decode()

    _, _, own = style.partition(f":root{{--accent:{color};--accent-dark:")
    assert contrast(own[:7], "#11161c") >= LEAST_CONTRAST


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("logo.png", PNG, "image/png"),
        ("LOGO.PNG", PNG, "image/png"),
        ("logo.svg", SVG.format('<path d="M0 0h9"/><use href="#x"/>').encode(), "image/svg+xml"),
    ],
)
def test_a_logo_is_served_as_an_image(tmp_path, make_world, name, content, kind):
    (tmp_path / name).write_bytes(content)
    browser = make_world(look=Look(name="Example", logo=tmp_path / name)).browser()
    page = browser.get("/portal?token=x")
    (image,) = [about for tag, about in page.tags if tag == "img"]

    loaded = browser.client.get(image["src"], base_url="https://keys.example")

    assert image["alt"] == "Example"
    assert loaded.data == content
    assert loaded.headers["Content-Type"] == kind
    assert loaded.headers["Content-Security-Policy"].startswith(
        "default-src 'none'; style-src 'unsafe-inline'; sandbox"
    )


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("logo.png", b"GIF89a", "is no PNG"),
        ("logo.png", PNG + bytes(256 << 10), "is over 256 KiB"),
        ("logo.svg", b"<svg", "is no SVG: it is not well-formed XML"),
        ("logo.svg", b"<html/>", "is no SVG"),
        ("logo.svg", b"<svg/>", "is no SVG"),
        ("logo.svg", b"<!DOCTYPE svg>" + SVG.format("").encode(), "has a DOCTYPE or an entity"),
        ("logo.svg", b'<!DOCTYPE svg [<!ENTITY a "b">]>' + SVG.format("&a;").encode(), "has a DOCTYPE or an entity"),
        ("logo.svg", SVG.format("<script>alert(1)</script>").encode(), "has an element script"),
        ("logo.svg", SVG.format("<foreignObject/>").encode(), "has an element foreignObject"),
        ("logo.svg", SVG.format('<path onload="x"/>').encode(), "has an attribute onload"),
        ("logo.svg", SVG.format('<image href="https://evil.example/x"/>').encode(), "has a reference to something"),
        ("logo.svg", SVG.format('<use xlink:href="//evil.example#x"/>').encode(), "has a reference to something"),
        ("logo.svg", SVG.format('<image href="data:image/png;base64,AA"/>').encode(), "has a reference to something"),
    ],
)
def test_a_logo_that_does_more_than_draw_is_refused(tmp_path, name, content, why):
    (tmp_path / name).write_bytes(content)

    with pytest.raises(SettingsInvalid, match=f"^.portal. logo .*{name} {why}"):
        Theme.of(Look(logo=tmp_path / name))


def test_a_logo_that_is_not_there_is_named(tmp_path):
    with pytest.raises(SettingsInvalid, match="logo.svg cannot be read .No such file or directory."):
        Theme.of(Look(logo=tmp_path / "logo.svg"))


def test_a_long_name_in_another_direction_is_shown_apart(make_world):
    name = "\u05d0" * 60
    page = make_world(look=Look(name=name)).browser().get("/portal?token=x")

    assert f"<bdi>{name}</bdi>" in page.html
