"""What somebody who can write to the store tries."""

from collections.abc import Callable, Iterator

from sealring.errors import SealringError


def every_bit_of(raw: bytes) -> Iterator[bytes]:
    """The bytes with one bit flipped, for each bit."""
    for position in range(8 * len(raw)):
        flipped = bytearray(raw)
        flipped[position // 8] ^= 1 << position % 8
        yield bytes(flipped)


def some_bits_of(raw: bytes) -> Iterator[bytes]:
    """As `every_bit_of`, for a bit of each eleventh byte: now a low one, now a high one; the last bytes are the MAC's."""
    yield from list(every_bit_of(raw))[:: 8 * 11 + 1]


def refused(use: Callable[[], object]) -> bool:
    """Whether it raises a failure of ours instead of answering."""
    try:
        use()
    except SealringError:
        return True
    return False
