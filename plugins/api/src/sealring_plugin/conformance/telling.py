"""What a provider reports about keys and about itself is well-formed and true."""

from __future__ import annotations

import re
from collections.abc import Mapping

import pytest

from sealring_plugin.conformance.cases import Key, Provider, call
from sealring_plugin.conformance.subject import Promises, not_claimed
from sealring_plugin.errors import KeyDestroyed, KeyDisabled, KeyPendingDeletion, ProviderError, Unavailable
from sealring_plugin.protocols import Announces, ChecksItself, Describes, ExplainsSetup, Validates
from sealring_plugin.values import Finding, KeyDescription, KeyState, SetupGuide, Severity

CODE = re.compile(r"[a-z0-9_]+")
ORGANIZATION = "org_01J8Z3K5N7Q9S1T3V5X7Z9B1D3"

STATES: Mapping[type[ProviderError], KeyState] = {
    KeyDisabled: KeyState.DISABLED,
    KeyPendingDeletion: KeyState.PENDING_DELETION,
    KeyDestroyed: KeyState.DESTROYED,
}
every_state: pytest.MarkDecorator = pytest.mark.parametrize("failure", STATES, ids=lambda each: each.__name__)


class Telling(Promises):
    """Promises about Describes, Validates, ExplainsSetup, ChecksItself and Announces."""

    @pytest.fixture
    def describer(self, provider: Provider) -> Describes:
        if not isinstance(provider, Describes):
            not_claimed("Describes")
        return provider

    @pytest.fixture
    def validator(self, provider: Provider) -> Validates:
        if not isinstance(provider, Validates):
            not_claimed("Validates")
        return provider

    @pytest.fixture
    def guide(self, provider: Provider) -> SetupGuide:
        if not isinstance(provider, ExplainsSetup):
            not_claimed("ExplainsSetup")
        return provider.explain_setup(
            principal=self.principal, organization_id=ORGANIZATION, external_id="external-id-of-the-kit"
        )

    @pytest.fixture
    def checker(self, provider: Provider) -> ChecksItself:
        if not isinstance(provider, ChecksItself):
            not_claimed("ChecksItself")
        return provider

    @pytest.fixture
    def announcement(self, provider: Provider) -> str:
        if not isinstance(provider, Announces):
            not_claimed("Announces")
        return provider.announcement()

    def test_a_key_that_works_is_described_as_enabled(self, describer: Describes, key: Key) -> None:
        description = describer.describe(key, call())

        assert type(description) is KeyDescription
        assert description.state is KeyState.ENABLED

    def test_a_description_is_of_texts(self, describer: Describes, key: Key) -> None:
        told = describer.describe(key, call())

        assert isinstance(told.versions, tuple)
        assert {type(text) for text in (*told.versions, told.algorithm, told.region, told.protection)} == {str}

    @every_state
    def test_a_key_that_does_not_work_is_described_as_it_is(
        self, provider: Provider, describer: Describes, key: Key, failure: type[ProviderError]
    ) -> None:
        with self.fault(provider, key, failure) as used:
            assert describer.describe(used, call()).state is STATES[failure]

    def test_a_key_that_works_has_no_error(self, validator: Validates, key: Key) -> None:
        findings = validator.validate(key, call())

        assert [finding.code for finding in findings if finding.severity is Severity.ERROR] == []

    @every_state
    def test_a_key_that_does_not_work_is_found(
        self, provider: Provider, validator: Validates, key: Key, failure: type[ProviderError]
    ) -> None:
        with self.fault(provider, key, failure) as used:
            findings = validator.validate(used, call())

        assert Severity.ERROR in {finding.severity for finding in findings}

    def test_findings_are_well_formed(self, provider: Provider, validator: Validates, key: Key) -> None:
        findings = list(validator.validate(key, call()))
        for failure, fault in self.faults(provider, key).items():
            if failure in STATES:
                with fault as other:
                    findings += validator.validate(other or key, call())

        assert [each for each in findings if type(each) is not Finding] == []
        assert [each.code for each in findings if not CODE.fullmatch(each.code)] == []
        assert [each.code for each in findings if not (each.message.strip() and each.advice.strip())] == []
        assert self.leaked([repr(each) for each in findings]) == []

    def test_a_setup_guide_names_us_and_the_organization(self, guide: SetupGuide) -> None:
        assert self.principal in guide.policy
        assert ORGANIZATION in guide.policy

    def test_a_setup_guide_has_steps(self, guide: SetupGuide) -> None:
        assert type(guide) is SetupGuide
        assert guide.steps
        assert [step for step in guide.steps if not step.strip()] == []
        assert self.leaked([repr(guide)]) == []

    def test_a_setup_guide_has_no_empty_or_repeated_text(self, guide: SetupGuide) -> None:
        for part in (guide.create, guide.grant):
            tools = [recipe.tool for recipe in part.recipes]
            texts = [*(step.text for step in part.steps), *(recipe.text for recipe in part.recipes), *tools]
            assert [text for text in texts if not text.strip()] == []
            assert len(set(tools)) == len(tools)
        assert [note.part for note in guide.notes if note.part not in guide.policy or not note.reason.strip()] == []

    def test_a_provider_that_works_finds_itself_well(self, checker: ChecksItself) -> None:
        checker.check(call())

    def test_a_provider_that_does_not_work_finds_itself_ill(
        self, provider: Provider, checker: ChecksItself, key: Key
    ) -> None:
        with self.fault(provider, key, Unavailable), pytest.raises(ProviderError):
            checker.check(call())

    def test_an_announcement_is_one_line(self, announcement: str) -> None:
        assert type(announcement) is str
        assert announcement.strip()
        assert announcement.isprintable()

    def test_an_announcement_shows_no_secret(self, announcement: str) -> None:
        assert self.leaked([announcement]) == []
