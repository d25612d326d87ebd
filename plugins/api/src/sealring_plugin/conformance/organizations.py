"""A key serves only the organization that owns it, even if another one names it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from sealring_plugin.conformance.cases import DEK, OTHER_CONTEXT, REJECTED, Key, Provider, unwrap, works, wrap
from sealring_plugin.conformance.subject import Promises, not_claimed, not_shown
from sealring_plugin.errors import AccessDenied, ConfigInvalid, KeyNotFound
from sealring_plugin.spec import CustomersSpec

KEPT_OUT = (AccessDenied, KeyNotFound, ConfigInvalid, *REJECTED)


class Organizations(Promises):
    """Tested inside the author's `another_organization`: to know a key's name is not enough to use it."""

    def test_another_organization_cannot_wrap_with_the_key(self, provider: Provider, key: Key) -> None:
        with self._as_another_binds(provider, key) as theirs:
            with pytest.raises(KEPT_OUT):
                wrap(provider, theirs, DEK, OTHER_CONTEXT)
            assert works(provider, key)

    def test_another_organization_cannot_unwrap_with_the_key(self, provider: Provider, key: Key) -> None:
        """It cannot even unwrap what is bound to itself, which anybody can make with the public half of a key."""
        wrapped, mine = wrap(provider, key, DEK, OTHER_CONTEXT), wrap(provider, key)

        with self._as_another_binds(provider, key) as theirs:
            with pytest.raises(KEPT_OUT):
                unwrap(provider, wrapped, theirs, OTHER_CONTEXT)
            assert unwrap(provider, mine, key) == DEK

    @contextmanager
    def _as_another_binds(self, provider: Provider, key: Key) -> Iterator[Key]:
        bound = self.another_organization(provider, key)
        if bound is None and isinstance(self.spec, CustomersSpec):
            not_shown("another_organization")
        if bound is None:
            not_claimed("keys of customers")
        with bound as theirs:
            yield theirs
