"""Checks of providers' results: one that breaks the contract is a PluginFault."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from sealring.domain.envelope import DEK_BYTES
from sealring.errors import PluginFault
from sealring_plugin import (
    MAX_WRAPPED_BYTES,
    Finding,
    KeyDescription,
    KeyState,
    ManagedKey,
    PolicyNote,
    Recipe,
    RootName,
    Screen,
    SetupGuide,
    SetupPart,
    SetupStep,
    Severity,
    WrappedKey,
)

_ALG = re.compile(r"[a-z0-9-]{1,32}")
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


def wrapped(result: object) -> WrappedKey:
    if not isinstance(result, WrappedKey) or not isinstance(result.alg, str) or not isinstance(result.blob, bytes):
        raise PluginFault("a malformed wrapped key")
    if not _ALG.fullmatch(result.alg) or not 1 <= len(result.blob) <= MAX_WRAPPED_BYTES:
        raise PluginFault("a malformed wrapped key")
    return result


def unwrapped(result: object) -> bytearray:
    if not isinstance(result, bytearray) or len(result) != DEK_BYTES:
        raise PluginFault("a malformed unwrapped key")
    return result


def created(result: object, wanted: ManagedKey) -> ManagedKey:
    """The provider may choose another key id than `wanted` has; of the wanted root, only the domain counts."""
    if not isinstance(result, ManagedKey) or not isinstance(result.root, RootName):
        raise PluginFault("a malformed created key")
    if replace(result, key_id="", root=wanted.root, material=b"") != replace(wanted, key_id=""):
        raise PluginFault("a malformed created key")
    if result.root.domain != wanted.root.domain or not 1 <= result.root.epoch < 2**32:
        raise PluginFault("a created key with another root")
    if not isinstance(result.key_id, str) or not isinstance(result.material, bytes):
        raise PluginFault("a malformed created key")
    return result


def seconds(result: object) -> float | None:
    """Return a duration in seconds; None for any other value."""
    return float(result) if isinstance(result, int | float) and 0 <= result < float("inf") else None


def line(result: object) -> str:
    if not isinstance(result, str) or not result.isprintable():
        raise PluginFault("a malformed announcement")
    return result


def description(result: object) -> KeyDescription:
    if not isinstance(result, KeyDescription) or not isinstance(result.state, KeyState):
        raise PluginFault("a malformed description")
    return result


def findings(result: object) -> Sequence[Finding]:
    found = tuple(result) if isinstance(result, Sequence) else (None,)
    if not all(isinstance(each, Finding) and _is_well_formed(each) for each in found):
        raise PluginFault("a malformed finding")
    return tuple(each for each in found if isinstance(each, Finding))


def guide(result: object) -> SetupGuide:
    if not isinstance(result, SetupGuide) or not isinstance(result.policy, str):
        raise PluginFault("a malformed setup guide")
    if not isinstance(result.steps, tuple) or not all(isinstance(step, str) for step in result.steps):
        raise PluginFault("a malformed setup guide")
    if not (_is_part(result.create) and _is_part(result.grant) and _is_pairs(result.options)):
        raise PluginFault("a malformed setup guide")
    if not _all_of(result.notes, PolicyNote) or not all(_is_texts(each.part, each.reason) for each in result.notes):
        raise PluginFault("a malformed setup guide")
    return result


def _is_part(part: object) -> bool:
    if not isinstance(part, SetupPart) or not (_all_of(part.steps, SetupStep) and _all_of(part.recipes, Recipe)):
        return False
    screens = [step.screen for step in part.steps if step.screen is not None]
    if not _all_of((*screens,), Screen) or not all(_is_texts(each.place, each.button) for each in screens):
        return False
    texts = [*(step.text for step in part.steps), *(text for each in part.recipes for text in (each.tool, each.text))]
    return _is_texts(part.paste, *texts) and all(_is_pairs(each.fields) for each in screens)


def _all_of(found: object, kind: type) -> bool:
    return isinstance(found, tuple) and all(isinstance(each, kind) for each in found)


def _is_pairs(found: object) -> bool:
    return isinstance(found, tuple) and all(
        isinstance(pair, tuple) and len(pair) == 2 and _is_texts(*pair) for pair in found
    )


def _is_texts(*texts: object) -> bool:
    return all(isinstance(text, str) for text in texts)


def _is_well_formed(finding: Finding) -> bool:
    texts = (finding.code, finding.message, finding.advice)
    return isinstance(finding.severity, Severity) and all(isinstance(text, str) for text in texts)


def request_id(result: object) -> str:
    """Return the id that a provider gave to a call; "" if it is none: it is only for the log."""
    return result if isinstance(result, str) and _REQUEST_ID.fullmatch(result) else ""
