"""What is made on demand is bounded."""

from sealring_awskms.bounded import MOST, Bounded


def test_each_value_is_made_once():
    values, made = Bounded(), []

    for _ in range(3):
        assert values.get("key", lambda: made.append(1) or "value") == "value"

    assert made == [1]


def test_the_least_recently_used_goes_first():
    values, made = Bounded(), []

    def use(number):
        return values.get(number, lambda: made.append(number) or number)

    for number in range(MOST):
        use(number)
    use(0)
    use(MOST)
    made.clear()
    use(0)
    use(1)

    assert made == [1]
