"""One customer's key is given away: what else opens? By trying to open every envelope with it."""

import pytest

from sealring.crypto.data_key import DataKey
from sealring.crypto.seal import open_sealed
from sealring.domain.aad import wrap_aad
from sealring.errors import IntegrityFailure
from sealring.keys.keyring import shown_pairs
from sealring_plugin import Call, CiphertextRejected, CustomersKey, KeyNotFound, Purpose, WrapContext, WrappedKey
from support.cmk import CmkProvider


@pytest.fixture
def sealed(world):
    """Envelopes of ACME, of ACME's other dimension under another key as well, of BETA, and under keys of ours."""
    world.bind("org_acme", "key_acme")
    world.bind("org_acme", "key_vault", match={"organization_id": "org_acme", "type": "card"})
    world.bind("org_beta", "key_beta")
    return {
        "acme": world.seal("org_acme", name="plain"),
        "acme's cards": world.seal("org_acme", name="card", type="card"),
        "beta": world.seal("org_beta"),
        "beta's cards": world.seal("org_beta", name="card", type="card"),
        "managed": world.seal("org_gamma"),
    }


def thief_opens(world, record, stolen):
    """Whoever has the secret of one key, all envelopes and their contexts tries each wrap under each key id."""
    thief = CmkProvider(dict.fromkeys(world.kms, stolen))
    envelope = record.current.envelope
    for wrap in envelope.wraps:
        aad = wrap_aad(envelope.header, kek_id=wrap.kek_id, kek_version=wrap.kek_version, share_index=wrap.share_index)
        for name in world.kms:
            for show in ((), ("type",)):
                context = WrapContext(shown_pairs(record.context, show), aad)
                call = Call(float("inf"), "thief", "", Purpose.DECRYPT)
                try:
                    share = thief.unwrap(WrappedKey(wrap.alg, wrap.blob), CustomersKey("cmk", name, 1), context, call)
                    with DataKey(share) as dek:
                        return open_sealed(envelope, dek.secret)
                except (CiphertextRejected, IntegrityFailure, KeyNotFound):
                    continue
    return None


def test_a_compromised_key_opens_what_it_alone_guards_and_nothing_else(world, sealed):
    stolen = world.kms["key_acme"]

    opened = {name: thief_opens(world, record, stolen) for name, record in sealed.items()}

    assert opened == {
        "acme": b"secret",
        "acme's cards": None,
        "beta": None,
        "beta's cards": None,
        "managed": None,
    }
