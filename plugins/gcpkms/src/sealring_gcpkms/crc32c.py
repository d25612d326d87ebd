"""CRC-32C, the checksum of fields in requests and responses of Cloud KMS."""

from __future__ import annotations

_POLYNOMIAL = 0x82F63B78  # RFC 3720 section 12.1 (Castagnoli), reflected


def _entry(byte: int) -> int:
    for _ in range(8):
        byte = byte >> 1 ^ (_POLYNOMIAL if byte & 1 else 0)
    return byte


_TABLE = tuple(_entry(byte) for byte in range(256))


def crc32c(binary: bytes | bytearray) -> int:
    crc = 0xFFFFFFFF
    for byte in binary:
        crc = crc >> 8 ^ _TABLE[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF
