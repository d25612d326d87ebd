import itertools

import pytest

_numbers = itertools.count(1)


@pytest.fixture
def org():
    return f"org_kv_{next(_numbers)}"


@pytest.fixture
def kv(run_sealring, live, org):
    """Runs `sealring kv` with a token for one organization."""

    def run(*arguments, **given):
        variables = {"SEALRING_URL": live.url, "SEALRING_TOKEN": live.token(org)}
        return run_sealring("kv", *arguments, **variables | given)

    return run
