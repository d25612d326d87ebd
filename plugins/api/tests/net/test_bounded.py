"""What is made on demand is made once, and kept while it is used."""

from sealring_plugin.net import Bounded


def test_each_identity_is_made_once_and_the_one_that_was_not_used_for_longest_is_forgotten():
    made, kept = [], Bounded()

    def get(number):
        return kept.get(number, lambda: made.append(number) or f"of {number}")

    for number in range(256):
        get(number)
    assert get(0) == "of 0"
    get(256)
    assert get(0) == "of 0"
    assert made == list(range(257))
    assert len(kept) == 256

    get(1)
    assert made == [*range(257), 1]
