"""The files of the root of trust, the pin and the layout, which are beside the settings and outside of the store.

Neither is secret: the layout contains the store key in wrapped form. Anyone who can write them decides which store is
trusted.
"""

from __future__ import annotations

import base64
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from sealring.domain.byte_order_mark import WHAT_TO_DO, is_marked
from sealring.domain.layout import Layout
from sealring.domain.pin import Pin
from sealring.errors import SettingsInvalid
from sealring.files import replacing

LAYOUT_FILE = "store-layout"
MODE = 0o644
MAX_BYTES = 1 << 20

_LAYOUT_HEADING = "sealring store layout\n"


@dataclass(frozen=True, slots=True)
class TrustFiles:
    """The pin, and the layout in the same folder."""

    pin_file: Path

    @property
    def layout_file(self) -> Path:
        return self.pin_file.with_name(LAYOUT_FILE)

    def pin(self) -> Pin:
        """Return the pin. Raises SettingsInvalid if it is missing, writable by others, or damaged."""
        found = self.found_pin()
        if found is None:
            raise SettingsInvalid(
                f"[store] pin_file {self.pin_file} is missing, and without it no store is trusted: restore it from the "
                "backup of the settings. `sealring init` makes one for a new store, `sealring init --trust-store` for "
                "a store that you know is yours, and `sealring restore --trust-backup` for a restored one"
            )
        return found

    def found_pin(self) -> Pin | None:
        """Return the pin, or None if there is none. Raises SettingsInvalid if it is writable by others, or damaged."""
        text = read_guarded(self.pin_file, "[store] pin_file")
        try:
            return None if text is None else Pin.parse(text)
        except ValueError:
            raise SettingsInvalid(
                f"[store] pin_file {self.pin_file} is damaged: restore it from the backup of the settings"
            ) from None

    def layout(self) -> Layout | None:
        """Return the kept layout, or None if there is none. Raises SettingsInvalid."""
        return read_layout_file(self.layout_file) if self.layout_file.exists() else None

    def keep_layout(self, layout: Layout) -> None:
        """Write the layout, and replace one that was kept before. Raises SettingsInvalid."""
        encoded = base64.b64encode(layout.encode()).decode()
        write_guarded(self.layout_file, f"{_LAYOUT_HEADING}{encoded}\n")

    def keep_pin(self, pin: Pin) -> None:
        """Write the pin; the caller has checked that there is none. Raises SettingsInvalid."""
        write_guarded(self.pin_file, pin.encode())


def read_layout_file(path: Path) -> Layout:
    """Raises SettingsInvalid if the file is missing, writable by others, or damaged."""
    text = read_guarded(path, "layout file")
    if text is None:
        raise SettingsInvalid(f"layout file {path} is missing")
    try:
        encoded = text.removeprefix(_LAYOUT_HEADING).removesuffix("\n")
        layout = Layout.decode(base64.b64decode(encoded, validate=True))
    except ValueError:
        layout = None
    if layout is None or f"{_LAYOUT_HEADING}{base64.b64encode(layout.encode()).decode()}\n" != text:
        raise SettingsInvalid(f"layout file {path} is damaged, or of another version of sealring")
    return layout


def read_guarded(path: Path, what: str) -> str | None:
    """Return the text of a file, or None if there is none. Raises SettingsInvalid if others can write it."""
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            raw = file.read(MAX_BYTES)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise SettingsInvalid(f"{what} {path} cannot be read ({error.strerror})") from error
    if mode & 0o022:
        raise SettingsInvalid(f"{what} {path} is writable by others, who could replace it; run: chmod go-w {path}")
    if is_marked(raw):
        raise SettingsInvalid(f"{what} {path} {WHAT_TO_DO}")
    return raw.decode("ascii", errors="replace")


def write_guarded(path: Path, text: str, mode: int = MODE) -> None:
    """Replace a file as a whole. Raises SettingsInvalid."""
    try:
        with replacing(path, mode) as file:
            file.write(text.encode())
    except OSError as error:
        raise SettingsInvalid(f"{path} cannot be written ({error.strerror})") from error
