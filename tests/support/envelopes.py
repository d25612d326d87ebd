"""Envelopes for tests, and hypothesis strategies that make them."""

from hypothesis import strategies as st

from sealring.domain.batch import Item
from sealring.domain.codec import head_of
from sealring.domain.context import KeyContext
from sealring.domain.envelope import Combine, DataKeyBlob, Envelope, Header, Suite, Wrap
from sealring.domain.ids import EnvironmentId, OrgId

ENVIRONMENT = EnvironmentId("environment_01J00000000000000000000000")

orgs = st.from_regex(r"[A-Za-z0-9_-]{0,64}", fullmatch=True).map(OrgId)
names = st.from_regex(r"[a-z][a-z0-9-]{1,31}", fullmatch=True)
ids = st.binary(min_size=16, max_size=16)
digests = st.binary(min_size=32, max_size=32)


@st.composite
def wraps(draw, combine):
    count = draw(st.integers(1, 4))
    return tuple(
        Wrap(
            provider=draw(names),
            kek_id=draw(ids),
            kek_version=draw(st.integers(0, 2**32 - 1)),
            alg=draw(names),
            share_index=index if combine is Combine.ALL else 0,
            blob=draw(st.binary(max_size=100)),
        )
        for index in range(count)
    )


@st.composite
def envelopes(draw):
    combine = draw(st.sampled_from(Combine))
    header = Header(Suite.OBJECT, combine, draw(digests), ENVIRONMENT, draw(orgs), draw(ids), draw(ids), draw(digests))
    ciphertext = draw(st.binary(min_size=16, max_size=80))
    return Envelope(header, draw(wraps(combine)), draw(digests), draw(st.binary(min_size=12, max_size=12)), ciphertext)


@st.composite
def data_key_blobs(draw, suite=Suite.DATA_KEY):
    combine = draw(st.sampled_from(Combine))
    context = KeyContext.of({"organization_id": "org_1", "type": draw(names)})
    header = Header(suite, combine, draw(digests), ENVIRONMENT, OrgId("org_1"), b"", b"", context.digest)
    return DataKeyBlob(header, draw(wraps(combine)), draw(digests), context)


@st.composite
def items(draw):
    head = head_of(draw(data_key_blobs(Suite.ITEM)))
    nonce, ciphertext = draw(st.binary(min_size=12, max_size=12)), draw(st.binary(min_size=16, max_size=80))
    return Item(head, draw(st.integers(0, 2**32 - 1)), nonce, ciphertext)
