"""Providers that claim a power and do not have it, each by a small change of the toy."""

import os
from dataclasses import replace

from toy import Full, Named, mac

from sealring_plugin import (
    DATA,
    CiphertextRejected,
    Finding,
    KeyDescription,
    KeyDestroyed,
    KeyState,
    PolicyNote,
    Recipe,
    RootName,
    SetupGuide,
    SetupPart,
    Severity,
    Unsupported,
)


class CreatesTheFirstVersionOnly(Full):
    def create_key(self, key_id, version, scope, domain, call):
        return super().create_key(key_id, 1, scope, domain, call)


class MakesLargeMaterial(Full):
    def create_key(self, key_id, version, scope, domain, call):
        created = super().create_key(key_id, version, scope, domain, call)
        padding = bytes(8192) if key_id == "created" and version == 3 else b""
        return replace(created, material=created.material + padding)

    def kek(self, key):
        if key.material[48:] == bytes(8192):
            return super().kek(replace(key, material=key.material[:48]))
        return super().kek(key)


class CreatesOneKey(Full):
    def create_key(self, key_id, version, scope, domain, call):
        created = super().create_key(key_id, version, scope, domain, call)
        seed = mac(self.vault.root, key_id.encode(), str(version).encode(), scope)[:16]
        return replace(created, material=seed + self.tag(created, seed))


class BindsNoKeyId(Full):
    def tag(self, key, seed):
        return super().tag(replace(key, key_id=""), seed)


class BindsNoVersion(Full):
    def tag(self, key, seed):
        return super().tag(replace(key, version=0), seed)


class BindsNoScope(Full):
    def tag(self, key, seed):
        return super().tag(replace(key, scope=b""), seed)


class BindsNoRoot(Full):
    def tag(self, key, seed):
        return super().tag(replace(key, root=RootName("", 0)), seed)


class KnowsOneDomain(Full):
    def create_key(self, key_id, version, scope, domain, call):
        return super().create_key(
            key_id, version, scope, DATA if key_id == "created" and version == 1 else domain, call
        )


class RefusesLargeScopes(Full):
    def tag(self, key, seed):
        if len(key.scope) > 4096:
            raise Unsupported
        return super().tag(key, seed)


class AcceptsLongerMaterial(Full):
    def kek(self, key):
        return super().kek(replace(key, material=key.material[:48]))


class KeepsKeysToItself(Full):
    def __init__(self, vault, token="token"):
        super().__init__(vault, token)
        self.salts = {}

    def create_key(self, key_id, version, scope, domain, call):
        created = super().create_key(key_id, version, scope, domain, call)
        if key_id == "created":
            self.salts[created.material] = os.urandom(16)
        return created

    def kek(self, key):
        kek = super().kek(key)
        if key.key_id == "created" and key.material not in self.salts:
            raise Unsupported
        return mac(kek, self.salts.get(key.material, b""))


class DoesNotDestroy(Full):
    def destroy_key(self, key, call):
        pass


class DestroysOnce(Full):
    def destroy_key(self, key, call):
        self.kek(key)
        super().destroy_key(key, call)


class DestroysTheNextToo(Full):
    confused = False

    def destroy_key(self, key, call):
        super().destroy_key(key, call)
        self.confused = True

    def kek(self, key):
        if self.confused:
            self.confused = False
            raise KeyDestroyed
        return super().kek(key)


class OnlyClaimsToGenerate(Named):
    def generate_data_key(self, key, context, call):
        raise Unsupported


class GeneratesTheSame(Full):
    def generate_data_key(self, key, context, call):
        dek = bytearray(32)
        return dek, self.wrap(key, dek, context, call)


class GeneratesUnbound(Full):
    def generate_data_key(self, key, context, call):
        dek, wrapped = super().generate_data_key(key, context, call)
        self.unbound = wrapped, dek
        return dek, wrapped

    def unwrap(self, wrapped, key, context, call):
        unbound, dek = getattr(self, "unbound", (None, None))
        return bytearray(dek) if wrapped == unbound else super().unwrap(wrapped, key, context, call)


class ReWrapsToAnotherKey(Full):
    def rewrap(self, wrapped, old, new, call):
        self.unwrap(wrapped, *old, call)
        return self.wrap(new[0], bytes(32), new[1], call)


class ReWrapsForBoth(Full):
    """What it returns opens under the old context too."""

    def rewrap(self, wrapped, old, new, call):
        self.both = super().rewrap(wrapped, old, new, call), new[1], old[1]
        return self.both[0]

    def unwrap(self, wrapped, key, context, call):
        moved, new, old = getattr(self, "both", (None, None, None))
        return super().unwrap(wrapped, key, new if wrapped == moved and context == old else context, call)


class ReWrapsWhatDoesNotOpen(Full):
    def rewrap(self, wrapped, old, new, call):
        try:
            dek = self.unwrap(wrapped, *old, call)
        except CiphertextRejected:
            dek = bytes(32)
        return self.wrap(new[0], dek, new[1], call)


class DescribesAllAsEnabled(Full):
    def describe(self, key, call):
        return KeyDescription(KeyState.ENABLED)


class DescribesInWords(Full):
    def describe(self, key, call):
        return KeyDescription(str(super().describe(key, call).state))


class DescribesInNumbers(Full):
    def describe(self, key, call):
        described = super().describe(key, call)
        return KeyDescription(described.state, (1,))


class FindsNothing(Full):
    def validate(self, key, call):
        return []


class FindsFaultWithAll(Full):
    def validate(self, key, call):
        return [Finding("key_is_off", Severity.ERROR, "The key cannot be used.", "Enable it.")]


class FindsWithoutAdvice(Full):
    def validate(self, key, call):
        return [*super().validate(key, call), Finding("key_is_old", Severity.WARNING, "The key is old.", "")]


class FindsWithoutACode(Full):
    def validate(self, key, call):
        return [*super().validate(key, call), Finding("Key is old", Severity.WARNING, "It is old.", "Rotate it.")]


class ExplainsToNobody(Full):
    def explain_setup(self, *, principal, organization_id, external_id):
        return SetupGuide(("Paste the policy.",), f"allow {principal}")


class ExplainsInNoSteps(Full):
    def explain_setup(self, *, principal, organization_id, external_id):
        return SetupGuide((), f"allow {principal} for {organization_id}")


class ExplainsOneToolTwice(Full):
    def explain_setup(self, *, principal, organization_id, external_id):
        twice = SetupPart((), (Recipe("cli", "allow"), Recipe("cli", "allow again")))
        return SetupGuide(("Paste the policy.",), f"allow {principal} for {organization_id}", create=twice)


class ExplainsWhatItsPolicyLacks(Full):
    def explain_setup(self, *, principal, organization_id, external_id):
        lacking = (PolicyNote("deny", "It is not there."),)
        return SetupGuide(("Paste the policy.",), f"allow {principal} for {organization_id}", notes=lacking)


class IsAlwaysWell(Full):
    def check(self, call):
        if self.vault.silent:
            super().check(call)


class IsNeverWell(Full):
    def check(self, call):
        super().check(call)
        raise Unsupported


class AnnouncesTwoLines(Full):
    def announcement(self):
        return "a toy\nand more"


class AnnouncesItsToken(Full):
    def announcement(self):
        return f"a toy with {self.token}"
