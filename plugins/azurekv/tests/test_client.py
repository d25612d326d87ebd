"""The client calls only the hosts that it may, each once, with the operator's authorities and the call's deadline."""

import socket
import time
from dataclasses import replace

import pytest
from azure_fake import refused
from entra_fake import Refused

from sealring_plugin import ConfigInvalid, DeadlineExceeded, Unavailable
from support.waiting import becomes_true

DEK = bytes(32)


@pytest.fixture
def everything_leads_inside(monkeypatch):
    """Every name leads to an address of a network of our own."""
    found = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda _host, port, **options: found("10.0.0.1", port, **options))


def soon(seconds):
    return time.monotonic() + seconds


# --- the guard


def test_an_endpoint_that_is_not_allowed_is_never_called(azure, provider, make_key, context, call):
    with pytest.raises(ConfigInvalid, match="not one that the operator allows"):
        provider.wrap(make_key(endpoint="https://evil.example"), DEK, context, call)

    assert azure.operations() == []


def test_an_authority_that_is_not_allowed_is_never_called(azure, make_provider, key, context, call):
    provider = make_provider(authority="https://evil.example")
    azure.seen.clear()

    with pytest.raises(ConfigInvalid, match="not one that the operator allows"):
        provider.wrap(key, DEK, context, call)

    assert azure.seen == []


@pytest.mark.usefixtures("everything_leads_inside")
def test_an_authority_of_the_cloud_whose_name_leads_inside_is_not_called(make_provider, key, context, call):
    provider = make_provider(authority=None)

    with pytest.raises(ConfigInvalid, match="leads to an address that is never called"):
        provider.wrap(key, DEK, context, call)


def test_a_vault_whose_name_leads_inside_is_not_called(provider, key, make_key, context, call, request):
    provider.wrap(key, DEK, context, call)  # so that there is a token
    request.getfixturevalue("everything_leads_inside")

    with pytest.raises(ConfigInvalid, match="leads to an address that is never called"):
        provider.wrap(make_key(endpoint=""), DEK, context, call)


# --- authorities of certificates


def test_an_authority_of_certificates_that_is_not_named_is_not_trusted(make_provider, key, context, call):
    provider = make_provider(ca_file=None)

    with pytest.raises(Unavailable, match="see ca_file"):
        provider.wrap(key, DEK, context, call)


# --- the deadline


def test_a_vault_that_hangs_does_not_outlast_the_deadline(azure, provider, key, context, call):
    wrapped = provider.wrap(key, DEK, context, call)
    began = time.monotonic()

    with azure.hanging(), pytest.raises(DeadlineExceeded):
        provider.unwrap(wrapped, key, context, replace(call, deadline=soon(0.5)))

    assert time.monotonic() - began < 2.5


def test_an_authority_that_hangs_does_not_outlast_the_deadline(azure, provider, key, context, call):
    began = time.monotonic()

    with azure.hanging():
        with pytest.raises(DeadlineExceeded):
            provider.wrap(key, DEK, context, replace(call, deadline=soon(0.5)))
        took_s = time.monotonic() - began
        assert becomes_true(lambda: azure.entra_requests() == 1)  # it goes on for the next call

    assert took_s < 2.5


def test_an_unwrap_whose_time_has_passed_asks_nobody(azure, provider, key, context, call):
    wrapped = provider.wrap(key, DEK, context, call)
    azure.seen.clear()

    with pytest.raises(DeadlineExceeded):
        provider.unwrap(wrapped, key, context, replace(call, deadline=time.monotonic()))

    assert azure.seen == []


# --- attempts, answers, connections


@pytest.mark.parametrize(("status", "headers"), [(503, {}), (307, {"location": "/keys/second?api-version=7.4"})])
def test_an_operation_that_fails_or_is_redirected_is_not_tried_again(
    azure, provider, key, context, call, status, headers
):
    wrapped = provider.wrap(key, DEK, context, call)
    azure.seen.clear()

    with azure.switched(fails_with=refused(status, "x", headers=headers)), pytest.raises(Unavailable):
        provider.unwrap(wrapped, key, context, call)

    assert azure.operations() == ["POST unwrapkey"]


def test_an_answer_that_does_not_say_its_length_is_not_used(azure, provider, key, context, call):
    endless = Refused(200, {"value": "AAAA"}, {"content-length": None, "connection": "close"})
    wrapped = provider.wrap(key, DEK, context, call)

    with azure.switched(fails_with=endless), pytest.raises(Unavailable, match="does not say its length"):
        provider.unwrap(wrapped, key, context, call)


def test_a_connection_to_the_vault_and_one_to_its_authority_are_used_again(provider, key, context, call):
    for _ in range(3):
        provider.unwrap(provider.wrap(key, DEK, context, call), key, context, call)

    assert provider.idle_connections == 2
