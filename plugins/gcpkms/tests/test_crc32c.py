"""CRC-32C as RFC 3720 has it."""

import pytest

from sealring_gcpkms.crc32c import crc32c


@pytest.mark.parametrize(
    ("binary", "crc"),
    [
        (bytes(32), 0x8A9136AA),  # RFC 3720 appendix B.4, this and the next three
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
        (bytes(range(31, -1, -1)), 0x113FDB5C),
        (b"123456789", 0xE3069283),
        (b"", 0),
    ],
)
def test_the_checksums_are_those_of_the_standard(binary, crc):
    assert crc32c(binary) == crc
    assert crc32c(bytearray(binary)) == crc
