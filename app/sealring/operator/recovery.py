"""The recovery key on paper: five shares of words (SLIP-39), of which any three give the key."""

from __future__ import annotations

from collections.abc import Sequence

from shamir_mnemonic import MnemonicError, combine_mnemonics, generate_mnemonics

from sealring.crypto.root_seal import RECOVERY_KEY_BYTES, RecoveryKey
from sealring.errors import ChangeRefused

SHARES = 5
NEEDED = 3


def shares_of(key: RecoveryKey) -> Sequence[str]:
    """Return the shares, of 33 words each."""
    shares: Sequence[str]
    (shares,) = generate_mnemonics(1, [(NEEDED, SHARES)], key.secret)
    return shares


def key_of(shares: Sequence[str]) -> RecoveryKey:
    """Return the key. Raises ChangeRefused, which quotes no word."""
    distinct = {" ".join(each.lower().split()) for each in shares if each.strip()}
    if len(distinct) != NEEDED:
        raise ChangeRefused(f"the recovery key needs {NEEDED} different shares, each in a line of its own")
    try:
        secret = combine_mnemonics(distinct)
    except MnemonicError:
        raise ChangeRefused("the shares do not fit together: a word is wrong, or one is of another key") from None
    if len(secret) != RECOVERY_KEY_BYTES:
        raise ChangeRefused("the shares are not those of a recovery key of sealring")
    return RecoveryKey(secret)
