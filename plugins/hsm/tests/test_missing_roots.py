"""A root that is missing, another one or damaged is a fault of the token, and never made anew."""

import pytest

from sealring_plugin import DATA, ConfigInvalid, RootLost

DEK = bytearray(range(32))


def test_a_missing_root_is_a_fault_and_never_made(config, provider, run, call):
    run("""
    from pkcs11 import Attribute, ObjectClass
    for key in list(token_session().get_objects({Attribute.CLASS: ObjectClass.SECRET_KEY})):
        key.destroy()
    """)

    for _ in range(2):
        with pytest.raises(RootLost, match="sealring/root/default-data/1 is not on the token"):
            provider.check(call)
        with pytest.raises(RootLost):
            provider.create_key("key-1", 1, b"scope", DATA, call)

    count = run("from pkcs11 import ObjectClass, Attribute\nprint(len(list(token_session().get_objects())))")
    assert count == ["2"]  # the canaries


@pytest.mark.parametrize("lost", ["data", "keep"])
def test_one_missing_root_is_a_fault_though_the_other_is_there(provider, run, call, lost):
    run(f"""
    from pkcs11 import Attribute, ObjectClass
    secrets = {{Attribute.CLASS: ObjectClass.SECRET_KEY, Attribute.LABEL: "sealring/root/default-{lost}/1"}}
    (root,) = list(token_session().get_objects(secrets))
    root.destroy()
    """)

    with pytest.raises(RootLost, match=f"sealring/root/default-{lost}/1 is not on the token"):
        provider.check(call)


def test_a_token_without_root_and_canary_is_a_fault(provider, run, call):
    run("for each in list(token_session().get_objects()): each.destroy()")

    with pytest.raises(ConfigInvalid, match="no root key of domain 'default-data'"):
        provider.check(call)


def test_another_root_domain_is_not_this_one(make_provider, call):
    with pytest.raises(ConfigInvalid, match="no root key of domain 'other-data'"):
        make_provider(root_domain="other").check(call)


def test_a_root_without_canary_is_a_fault(provider, run, call):
    run("""
    from pkcs11 import Attribute, ObjectClass
    for canary in list(token_session().get_objects({Attribute.CLASS: ObjectClass.DATA})):
        canary.destroy()
    """)

    with pytest.raises(ConfigInvalid, match="has no canary"):
        provider.check(call)


@pytest.mark.parametrize("domain", ["data", "keep"])
@pytest.mark.parametrize("position", [0, 40, 70, 124])
def test_a_wrong_canary_is_a_fault(provider, run, call, position, domain):
    _replace_canary(run, domain, f"bytes(b ^ (i == {position}) for i, b in enumerate(value))")

    with pytest.raises(RootLost, match="canary"):
        provider.check(call)


def test_a_canary_whose_check_was_made_anew_is_a_fault_all_the_same(provider, run, call):
    flipped = "bytes(b ^ (i == 40) for i, b in enumerate(value[:-8]))"
    _replace_canary(run, "data", f"(lambda body: body + __import__('hashlib').sha256(body).digest()[:8])({flipped})")

    for use in (provider.check, lambda call: provider.create_key("key-1", 1, b"scope", DATA, call)):
        with pytest.raises(RootLost, match=r"canary of sealring/root/default-data/1 does not open"):
            use(call)
    provider.close()
    with pytest.raises(RootLost, match="does not open"):
        provider.announcement()  # an export guard that was tried on a broken canary would be graded as enforced


def test_a_canary_that_is_destroyed_while_running_does_not_stop_what_runs(provider, key, run, context, call):
    run("""
    from pkcs11 import Attribute, ObjectClass
    for canary in list(token_session().get_objects({Attribute.CLASS: ObjectClass.DATA})):
        canary.destroy()
    """)

    assert provider.unwrap(provider.wrap(key, DEK, context, call), key, context, call) == DEK


def test_a_root_that_is_destroyed_while_running_is_found_out(provider, key, run, call):
    provider.check(call)
    run("""
    from pkcs11 import Attribute, ObjectClass
    for root in list(token_session().get_objects({Attribute.CLASS: ObjectClass.SECRET_KEY})):
        root.destroy()
    """)

    with pytest.raises(RootLost, match="is not on the token"):
        provider.check(call)


def _replace_canary(run, domain, expression):
    run(f"""
    from pkcs11 import Attribute, ObjectClass
    session = token_session()
    label = "sealring/root/default-{domain}/1"
    (canary,) = list(session.get_objects({{Attribute.CLASS: ObjectClass.DATA, Attribute.LABEL: label}}))
    value = canary[Attribute.VALUE]
    kept = {{name: canary[name] for name in (Attribute.APPLICATION, Attribute.LABEL)}}
    canary.destroy()
    session.create_object({{Attribute.CLASS: ObjectClass.DATA, Attribute.TOKEN: True, Attribute.PRIVATE: True,
                           Attribute.VALUE: {expression}, **kept}})
    """)
