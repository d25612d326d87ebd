"""A provider has the powers over keys that it claims."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from sealring_plugin.conformance.cases import (
    CONTEXT,
    DEK,
    MAX_MATERIAL_BYTES,
    MAX_SCOPE_BYTES,
    NO_SUCH_KEY,
    OTHER_CONTEXT,
    REJECTED,
    SCOPE,
    Key,
    Provider,
    call,
    created_by,
    opens,
    unwrap,
    works,
    wrap,
)
from sealring_plugin.conformance.subject import Promises, not_claimed
from sealring_plugin.errors import KeyDestroyed
from sealring_plugin.protocols import DestroysKeys, GeneratesDataKeys, ManagedKeys, ReWraps
from sealring_plugin.values import (
    DATA,
    DEK_BYTES,
    KEEP,
    MAX_WRAPPED_BYTES,
    ManagedKey,
    RootName,
    WrappedKey,
)


class CreatedKeys(Promises):
    """ManagedKeys: each key is new, and its material is bound to its record and its root."""

    @pytest.fixture
    def creator(self, provider: Provider) -> ManagedKeys:
        if not isinstance(provider, ManagedKeys):
            not_claimed("ManagedKeys")
        return provider

    @pytest.fixture
    def created(self, creator: ManagedKeys) -> ManagedKey:
        return created_by(creator, "created", 3)

    def test_a_created_key_is_the_one_that_was_asked_for(self, created: ManagedKey) -> None:
        """Except its id: a KMS may choose names itself."""
        assert type(created) is ManagedKey
        assert replace(created, key_id="", material=b"") == ManagedKey(self.spec.name, "", 3, SCOPE, created.root)

    def test_a_created_key_names_a_root_of_the_domain_that_was_asked_for(self, creator: ManagedKeys) -> None:
        for domain in (KEEP, DATA):
            root = creator.create_key("created", 1, SCOPE, domain, call()).root

            assert type(root) is RootName
            assert root.domain == domain
            assert 1 <= root.epoch < 2**32

    def test_a_created_key_can_be_stored(self, created: ManagedKey) -> None:
        assert type(created.key_id) is str
        assert created.key_id
        assert type(created.material) is bytes
        assert len(created.material) <= MAX_MATERIAL_BYTES

    def test_two_created_keys_differ(self, provider: Provider, creator: ManagedKeys) -> None:
        one, two = (created_by(creator, "created") for _ in range(2))

        assert one.material != two.material
        assert not opens(provider, wrap(provider, one), two)

    def test_a_created_key_works_in_another_provider(self, created: ManagedKey, folder: Path) -> None:
        with closing(self.make_provider(folder)) as another:
            assert works(another, created)

    def test_the_largest_scope_is_taken(self, provider: Provider, creator: ManagedKeys) -> None:
        assert works(provider, created_by(creator, "created", 1, bytes(MAX_SCOPE_BYTES)))

    def test_key_material_is_bound_to_its_key_id(self, provider: Provider, created: ManagedKey) -> None:
        expect_useless(provider, created, replace(created, key_id="another"))

    def test_key_material_is_bound_to_its_version(self, provider: Provider, created: ManagedKey) -> None:
        expect_useless(provider, created, replace(created, version=4))

    def test_key_material_is_bound_to_its_scope(self, provider: Provider, created: ManagedKey) -> None:
        expect_useless(provider, created, replace(created, scope=SCOPE[:-1] + b"X"))

    def test_key_material_is_bound_to_its_root(
        self, provider: Provider, creator: ManagedKeys, created: ManagedKey
    ) -> None:
        kept = creator.create_key("created", 3, SCOPE, KEEP, call())

        expect_useless(provider, created, replace(created, root=kept.root))
        expect_useless(provider, kept, replace(kept, root=created.root))

    def test_altered_key_material_is_rejected(self, provider: Provider, created: ManagedKey) -> None:
        material = created.material
        altered = [material[:at] + bytes([material[at] ^ 1]) + material[at + 1 :] for at in range(len(material))]

        for each in (*altered, material[:-1], material + b"\0", b""):
            expect_useless(provider, created, replace(created, material=each))


class DestroyedKeys(Promises):
    """DestroysKeys: a destroyed key stays destroyed, in every provider."""

    @pytest.fixture
    def destroyer(self, provider: Provider) -> DestroysKeys:
        if not isinstance(provider, DestroysKeys):
            not_claimed("DestroysKeys")
        return provider

    def test_a_destroyed_key_is_destroyed_in_every_provider(
        self, provider: Provider, destroyer: DestroysKeys, folder: Path
    ) -> None:
        doomed = self.make_key(provider, "destroyed")
        wrapped = wrap(provider, doomed)
        with closing(self.make_provider(folder)) as another:
            unwrap(another, wrapped, doomed)

            destroyer.destroy_key(doomed, call())
            destroyer.destroy_key(doomed, call())

            for each in (provider, another):
                with pytest.raises(KeyDestroyed):
                    wrap(each, doomed)
                with pytest.raises(KeyDestroyed):
                    unwrap(each, wrapped, doomed)

    def test_destroying_one_key_leaves_the_others(
        self, provider: Provider, destroyer: DestroysKeys, key: Key, other_key: Key
    ) -> None:
        destroyer.destroy_key(self.make_key(provider, "destroyed"), call())

        assert works(provider, key)
        assert works(provider, other_key)


class GeneratedDataKeys(Promises):
    """GeneratesDataKeys: 32 random bytes, wrapped as by `wrap`."""

    @pytest.fixture
    def generator(self, provider: Provider) -> GeneratesDataKeys:
        if not isinstance(provider, GeneratesDataKeys):
            not_claimed("GeneratesDataKeys")
        return provider

    def test_a_generated_data_key_is_what_its_blob_opens_to(
        self, provider: Provider, generator: GeneratesDataKeys, key: Key
    ) -> None:
        dek, wrapped = generator.generate_data_key(key, CONTEXT, call())

        assert type(dek) is bytearray
        assert len(dek) == DEK_BYTES
        assert type(wrapped) is WrappedKey
        assert 1 <= len(wrapped.blob) <= MAX_WRAPPED_BYTES
        assert unwrap(provider, wrapped, key) == dek

    def test_two_generated_data_keys_differ(self, generator: GeneratesDataKeys, key: Key) -> None:
        one, two = (generator.generate_data_key(key, CONTEXT, call())[0] for _ in range(2))

        assert one != two

    def test_a_generated_data_key_is_bound(
        self, provider: Provider, generator: GeneratesDataKeys, key: Key, other_key: Key
    ) -> None:
        _, wrapped = generator.generate_data_key(key, CONTEXT, call())

        assert not opens(provider, wrapped, key, OTHER_CONTEXT)
        assert not opens(provider, wrapped, other_key)


class ReWrappedKeys(Promises):
    """ReWraps: the same DEK, only under the new key and context."""

    @pytest.fixture
    def rewrapper(self, provider: Provider) -> ReWraps:
        if not isinstance(provider, ReWraps):
            not_claimed("ReWraps")
        return provider

    def test_a_rewrapped_key_opens_under_the_new_key(
        self, provider: Provider, rewrapper: ReWraps, key: Key, other_key: Key
    ) -> None:
        moved = rewrapper.rewrap(wrap(provider, key), (key, CONTEXT), (other_key, OTHER_CONTEXT), call())

        assert unwrap(provider, moved, other_key, OTHER_CONTEXT) == DEK

    def test_a_rewrapped_key_opens_under_nothing_else(
        self, provider: Provider, rewrapper: ReWraps, key: Key, other_key: Key
    ) -> None:
        moved = rewrapper.rewrap(wrap(provider, key), (key, CONTEXT), (other_key, OTHER_CONTEXT), call())

        assert not opens(provider, moved, key, CONTEXT)
        assert not opens(provider, moved, key, OTHER_CONTEXT)
        assert not opens(provider, moved, other_key, CONTEXT)

    def test_what_does_not_open_is_not_rewrapped(
        self, provider: Provider, rewrapper: ReWraps, key: Key, other_key: Key
    ) -> None:
        wrapped = wrap(provider, key)

        with pytest.raises(REJECTED):
            rewrapper.rewrap(wrapped, (key, OTHER_CONTEXT), (other_key, OTHER_CONTEXT), call())


def expect_useless(provider: Provider, key: ManagedKey, altered: ManagedKey) -> None:
    """Assert that a key with an altered record or material neither wraps nor unwraps."""
    wrapped = wrap(provider, key)
    with pytest.raises(NO_SUCH_KEY):
        wrap(provider, altered)
    with pytest.raises(NO_SUCH_KEY):
        unwrap(provider, wrapped, altered)
