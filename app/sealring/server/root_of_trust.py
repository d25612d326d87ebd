"""The root of trust: which store an installation trusts.

The first time, a store is trusted if it has the layout that this installation kept when it made the store, or if the
operator says so. From then on only the pin decides, and nothing in a store.
"""

from __future__ import annotations

from pathlib import Path

from sealring.domain.layout import Layout
from sealring.domain.pin import Pin
from sealring.errors import SettingsInvalid
from sealring.keys.store_key import make_layout, open_store_keys, pin_of
from sealring.providers.gateway import Gateway
from sealring.server.trust_files import TrustFiles, read_layout_file
from sealring.store.connection.links import Links
from sealring.store.layout import check_untouched, holds_layout_alone, read_layout, write_layout
from sealring.store.markers import Markers
from sealring.store.opened import OpenedStore


def make_ready(gateway: Gateway, links: Links, files: TrustFiles, new: tuple[str, int], *, trusting: bool) -> str:
    """Make an empty store ready, or check the existing one, and return what was done.

    `new` is the provider and the number of partitions for a new store. Raises SettingsInvalid if the store is not
    trusted; KeyFailure; StoreError.
    """
    stored = read_layout(links)
    if stored is None:
        check_untouched(links)
    if stored is None and files.found_pin() is not None:
        raise SettingsInvalid(
            f"the store is empty, but {files.pin_file} pins a store that had data: find out what emptied it. Restore a "
            f"backup with `sealring restore`, or start without its data: add `--layout {files.layout_file}` to the "
            "same `sealring init`"
        )
    if stored is None:
        layout = _kept(gateway, files) or make_layout(gateway, *new)
        files.keep_layout(layout)
        return _write(gateway, links, files, layout)
    markers = _markers(
        gateway, links, stored, trust(gateway, files, stored, trusting=trusting or stored == files.layout())
    )
    if holds_layout_alone(links):  # an earlier set-up may have been interrupted
        markers.begin()
    markers.check_all()
    return "the store was ready already"


def make_ready_with(gateway: Gateway, links: Links, files: TrustFiles, layout_file: Path, *, trusting: bool) -> str:
    """Make an empty store ready with a kept layout, and return what was done. Raises as `make_ready` does."""
    layout = read_layout_file(layout_file)
    check_untouched(links)
    trust(gateway, files, layout, trusting=trusting)
    return _write(gateway, links, files, layout, again=True)


def trust(gateway: Gateway, files: TrustFiles, layout: Layout, *, trusting: bool) -> Pin:
    """Check that a layout belongs to the pinned store, or pin it if there is no pin; keep it, and return the pin.

    Raises SettingsInvalid if it belongs to another store, or if there is no pin and not `trusting`; KeyFailure.
    """
    pin = files.found_pin()
    if pin is not None:
        open_store_keys(gateway, layout, pin)
    elif not trusting:
        raise SettingsInvalid(
            f"the store is not trusted: there is no {files.pin_file}. If you know that the store is yours, run "
            "`sealring init --trust-store` once; from then on no other store is opened"
        )
    if files.layout() != layout:
        files.keep_layout(layout)
    return pin or _pinned(gateway, files, layout)


def _kept(gateway: Gateway, files: TrustFiles) -> Layout | None:
    """Return the layout of an interrupted set-up. Raises SettingsInvalid if it belongs to another installation."""
    layout = files.layout()
    if layout is not None:
        try:
            pin_of(gateway, layout)
        except SettingsInvalid as error:
            raise SettingsInvalid(
                f"{files.layout_file} belongs to another installation, with other keys: restore the root keys that it "
                "was made with, or move it away to make a new store"
            ) from error
    return layout


def _write(gateway: Gateway, links: Links, files: TrustFiles, layout: Layout, *, again: bool = False) -> str:
    """Write layout, pin and markers. `again`: servers that knew the lost store may still run."""
    if not write_layout(links, layout):
        raise SettingsInvalid("another process made the store ready at the same time; run `sealring init` again")
    markers = _markers(gateway, links, layout, files.found_pin() or _pinned(gateway, files, layout))
    if again:
        markers.begin_again()
    else:
        markers.begin()
    return f"made the store ready, with {layout.partitions} partitions"


def _markers(gateway: Gateway, links: Links, layout: Layout, pin: Pin) -> Markers:
    return OpenedStore.of(links, open_store_keys(gateway, layout, pin), layout).markers


def _pinned(gateway: Gateway, files: TrustFiles, layout: Layout) -> Pin:
    pin = pin_of(gateway, layout)
    files.keep_pin(pin)
    return pin
