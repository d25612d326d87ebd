"""The bytes of a binding."""

from __future__ import annotations

import struct

from sealring.domain.binding import Binding, BindingFinding, BindingState, Verification
from sealring.domain.envelope import Combine
from sealring.domain.ids import EnvironmentId, OrgId
from sealring.domain.wire import (
    MalformedBytes,
    Reader,
    decode_pairs,
    decode_texts,
    encode_pairs,
    encode_texts,
    lp8,
    lp16,
)

_FORMAT = 1
_HEAD = struct.Struct(">BB?BBQQ")  # format, state, shut, combine, max_stale_decrypt_s, created, updated
_VERIFICATION = struct.Struct(">BQQH")  # verified, checked, since, findings


def encode_binding(binding: Binding) -> bytes:
    return b"".join(
        (
            _HEAD.pack(
                _FORMAT,
                binding.state,
                binding.shut,
                binding.combine,
                binding.max_stale_decrypt_s,
                binding.created_at,
                binding.updated_at,
            ),
            lp16(binding.environment.encode()),
            lp16(binding.org.encode()),
            encode_pairs(binding.match),
            lp8(binding.provider.encode()),
            lp16(binding.key.encode()),
            encode_pairs(binding.options),
            encode_texts(binding.show),
            lp8(binding.replaces),
            _encode_verification(binding.verification),
        )
    )


def decode_binding(binding_id: bytes, reader: Reader) -> Binding:
    """Read to the end what `encode_binding` made. Raises ValueError for anything else."""
    form, state, shut, combine, max_stale_decrypt_s, created_at, updated_at = _HEAD.unpack(reader.take(_HEAD.size))
    if form != _FORMAT:
        raise MalformedBytes("a format that this version does not know")
    binding = Binding(
        id=binding_id,
        environment=EnvironmentId(reader.lp16().decode()),
        org=OrgId(reader.lp16().decode()),
        match=decode_pairs(reader),
        provider=reader.lp8().decode(),
        key=reader.lp16().decode(),
        options=decode_pairs(reader),
        combine=Combine(combine),
        show=decode_texts(reader),
        max_stale_decrypt_s=max_stale_decrypt_s,
        replaces=reader.lp8(),
        state=BindingState(state),
        shut=shut,
        created_at=created_at,
        updated_at=updated_at,
        verification=_decode_verification(reader),
    )
    reader.finish()
    return binding


def _encode_verification(verification: Verification | None) -> bytes:
    if verification is None:
        return b"\x00"
    found = verification.findings
    head = _VERIFICATION.pack(verification.verified, verification.checked_at, verification.since, len(found))
    return b"\x01" + head + b"".join(map(_encode_finding, found))


def _decode_verification(reader: Reader) -> Verification | None:
    if not reader.flag():
        return None
    verified, checked_at, since, count = _VERIFICATION.unpack(reader.take(_VERIFICATION.size))
    findings = tuple(_decode_finding(reader) for _ in range(count))
    return Verification(bool(verified), checked_at, since, findings)


def _encode_finding(finding: BindingFinding) -> bytes:
    return bytes((finding.error,)) + encode_texts((finding.code, finding.message, finding.advice))


def _decode_finding(reader: Reader) -> BindingFinding:
    error = reader.flag()
    code, message, advice = decode_texts(reader)
    return BindingFinding(code, error, message, advice)
