"""The settings of keyrings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from sealring.domain.keyring_codec import Algorithm
from sealring.table import Table

_ENVELOPES = {"compatible": Algorithm.AES_256_GCM, "bound": Algorithm.AES_256_GCM_BOUND}
_MEMBERS = ("master_keys", "envelope", "rotate_after_days", "fresh_s", "stale_s", "cached")
_OF_A_BUCKET = ("store", "access_key_id", "secret_access_key_file", "ca_file")  # archive/place.py reads them
_DAY_S = 86_400
_MAX_AGE_DAYS = 3_650
_MAX_CACHED = 1_000_000


@dataclass(frozen=True, slots=True)
class KeyringRules:
    """How keyrings are kept. `parse` checks them; nothing checks them again."""

    master: str | None = None  # a provider with keys of its own; None: the managed KEKs of [keys]
    algorithm: Algorithm = Algorithm.AES_256_GCM_BOUND  # of new values
    rotate_after_s: int = 0  # 0: DEKs are replaced only when they have encrypted enough
    fresh_s: int = 3_600
    stale_s: int = _DAY_S
    cached: int = 10_000

    @classmethod
    def parse(cls, table: Table) -> Self:
        """Check the table of the settings; all members are optional.

            master_keys = "masterkey"       # a plugin whose keys wrap those of keyrings; default: [keys] managed
            envelope = "bound"              # or "compatible", which other servers of vault.v1 open as well; with
                                            # keyrings in a bucket, `store`, this is the default and the only one
            rotate_after_days = 90          # 0, the default: not by age
            fresh_s = 3600                  # the cache: how long a key is used before it is read again beside its use
            stale_s = 86400                 # and how long it is used if it cannot be read
            cached = 10000                  # keys in the cache of a worker

        Raises SettingsInvalid.
        """
        table.only(*_MEMBERS, *_OF_A_BUCKET)
        in_bucket = "store" in table.members
        envelope = table.members.get("envelope", "compatible" if in_bucket else "bound")
        if envelope not in _ENVELOPES:
            table.refuse("envelope", "must be 'bound' or 'compatible'")
        if in_bucket and envelope == "bound":
            table.refuse("envelope", "'bound' is not for a bucket, whose other servers would not open it; leave it out")
        fresh_s = table.number("fresh_s", cls().fresh_s, least=0, most=_DAY_S)
        stale_s = table.number("stale_s", cls().stale_s, least=0, most=30 * _DAY_S)
        if stale_s < fresh_s:
            table.refuse("stale_s", "must not be less than fresh_s")
        return cls(
            master=table.text("master_keys") if "master_keys" in table.members else None,
            algorithm=_ENVELOPES[str(envelope)],
            rotate_after_s=table.number("rotate_after_days", 0, least=0, most=_MAX_AGE_DAYS) * _DAY_S,
            fresh_s=fresh_s,
            stale_s=stale_s,
            cached=table.number("cached", cls().cached, most=_MAX_CACHED),
        )
