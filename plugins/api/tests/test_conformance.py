"""What the conformance kit finds: nothing in a correct provider, and in a broken one exactly what it breaks."""

import json
from pathlib import Path

import pytest

from support.pytest_runs import ALONE, run

HERE = Path(__file__).parent / "broken"

FORKS = "test_a_process_that_is_forked_{}_opening_has_a_provider_of_its_own"
TOLD = "test_a_failure_is_told_by_its_class[{}]"
STALE = "test_a_data_key_that_was_opened_before_is_refused_when_its_key_is_taken_away[{}]"
AGAIN = "test_it_works_again_when_a_failure_is_over[{}]"
DESCRIBED = "test_a_key_that_does_not_work_is_described_as_it_is[{}]"
FOUND = "test_a_key_that_does_not_work_is_found[{}]"
ENDS = ("AccessDenied", "KeyDisabled", "KeyPendingDeletion", "KeyDestroyed")
STATES = ("KeyDisabled", "KeyPendingDeletion", "KeyDestroyed")

BREAKS = {
    "LeaksSessions": {"test_calls_leave_no_sessions_open"},
    "ImportsAnSdk": {"test_importing_the_spec_imports_no_sdk"},
    "OffersAnotherSpec": {"test_the_entry_point_leads_to_the_spec"},
    "TellsTheWrongFailureWhenBuilt": {"test_settings_that_cannot_be_used_are_config_invalid"},
    "IgnoresAad": {"test_another_aad_is_rejected"},
    "IgnoresTheKey": {"test_another_key_is_rejected"},
    "IgnoresTheVersion": {"test_another_version_of_the_key_is_rejected"},
    "IgnoresPairsItDoesNotKnow": {"test_an_extra_pair_of_the_context_is_rejected"},
    "IgnoresTheEndOfTexts": {"test_a_changed_pair_of_the_context_is_rejected"},
    "NormalisesTexts": {"test_a_text_that_only_looks_the_same_is_another_context"},
    "FillsInPairs": {"test_a_missing_pair_of_the_context_is_rejected"},
    "KeepsTheOrderOfPairs": {"test_a_context_has_no_order"},
    "ClaimsPairsItDoesNotBind": {"test_the_bound_pairs_hold_the_whole_context"},
    "RefusesLargeContexts": {"test_the_largest_context_is_taken"},
    "RefusesLongAad": {"test_any_aad_up_to_its_limit_is_taken"},
    "KnowsAsciiOnly": {"test_a_context_may_be_of_any_script"},
    "ReturnsBytes": {"test_a_dek_comes_back_in_a_bytearray"},
    "ReturnsAWrongLength": {"test_a_dek_of_16_to_64_bytes_is_wrapped_and_unwrapped"},
    "ReturnsOneBytearrayToAll": {"test_a_dek_that_the_caller_wipes_is_nobody_elses"},
    "WipesTheCallersDek": {"test_the_dek_that_is_wrapped_is_left_as_it_is"},
    "NamesItsAlgorithmBadly": {"test_a_wrapped_key_is_well_formed"},
    "WrapsToATypeOfItsOwn": {"test_a_wrapped_key_is_well_formed"},
    "IsDeterministic": {"test_two_wraps_of_one_dek_differ"},
    "DoesNotEncrypt": {"test_a_wrapped_key_does_not_show_the_dek"},
    "AcceptsTruncated": {"test_every_truncated_blob_is_rejected"},
    "AcceptsLonger": {"test_a_longer_blob_is_rejected"},
    "AcceptsFlippedBits": {"test_every_flipped_bit_is_rejected"},
    "AcceptsSpliced": {"test_two_blobs_cannot_be_spliced"},
    "AcceptsAnyAlgorithm": {"test_a_blob_of_another_algorithm_is_rejected"},
    "RaisesAForeignException": {"test_every_truncated_blob_is_rejected"},
    "WorksInItselfOnly": {"test_a_second_provider_of_the_same_settings_unwraps"},
    "TakesBytesOnly": {"test_a_dek_may_be_bytes_or_a_bytearray", "test_the_dek_that_is_wrapped_is_left_as_it_is"},
    "HasOneKeyForAll": {
        "test_a_changed_pair_of_the_context_is_rejected",
        "test_a_missing_pair_of_the_context_is_rejected",
        "test_a_text_that_only_looks_the_same_is_another_context",
        "test_an_extra_pair_of_the_context_is_rejected",
        "test_another_aad_is_rejected",
        "test_another_key_is_rejected",
        "test_another_version_of_the_key_is_rejected",
        "test_the_blobs_of_two_records_cannot_be_swapped",
    },
    "TellsTheWrongFailure": {TOLD.format("KeyDisabled")},
    "RejectsWhatIsMismatched": {"test_a_context_mismatch_is_told_by_its_class"},
    "TellsADayThatIsNoTime": {"test_when_a_key_will_be_deleted_is_a_time"},
    "ComesBackInThePast": {"test_when_to_come_back_is_in_seconds"},
    "FailsForGood": {AGAIN.format("AccessDenied"), STALE.format("AccessDenied")},
    "KeepsDataKeys": {*map(STALE.format, ENDS)},
    "KeepsDataKeysByTheirBlob": {"test_a_data_key_that_was_opened_before_opens_under_nothing_else"},
    "WrapsForAnyOrganization": {"test_another_organization_cannot_wrap_with_the_key"},
    "UnwrapsForAnyOrganization": {"test_another_organization_cannot_unwrap_with_the_key"},
    "ChokesOnAPastDeadline": {"test_a_deadline_that_has_passed_is_no_fault"},
    "IgnoresTheDeadlineOfWrap": {"test_wrap_keeps_its_deadline"},
    "IgnoresTheDeadlineOfCreateKey": {"test_create_key_keeps_its_deadline"},
    "IgnoresTheDeadlineOfCheck": {"test_check_keeps_its_deadline"},
    "IgnoresTheDeadlineOfUnwrap": {"test_unwrap_keeps_its_deadline"},
    "ShowsTheDekInAFailure": {"test_no_secret_is_in_a_failure"},
    "LogsTheDek": {"test_no_secret_is_logged"},
    "PrintsItsToken": {"test_no_secret_is_printed"},
    "ShowsItsToken": {"test_no_secret_is_in_a_repr"},
    "IsNotThreadSafe": {"test_many_threads_may_call_at_once"},
    "BreaksAfterAFork": {FORKS.format("after"), FORKS.format("before")},
    "ClosesForAll": {"test_closing_one_provider_leaves_another_open"},
    "ClosesOnce": {"test_a_provider_may_be_closed_twice"},
    "LeaksDescriptors": {"test_calls_leave_no_descriptors_open"},
    "LeaksThreads": {"test_calls_leave_no_threads_behind"},
    "LeaksMemory": {"test_calls_do_not_fill_the_memory"},
    "LeaksWhenClosed": {"test_closing_gives_back_what_opening_took"},
    "BlocksAllProviders": {"test_another_provider_does_not_wait_with_it"},
    "CreatesTheFirstVersionOnly": {"test_a_created_key_is_the_one_that_was_asked_for"},
    "MakesLargeMaterial": {"test_a_created_key_can_be_stored"},
    "CreatesOneKey": {"test_two_created_keys_differ"},
    "BindsNoKeyId": {"test_key_material_is_bound_to_its_key_id"},
    "BindsNoVersion": {"test_key_material_is_bound_to_its_version"},
    "BindsNoScope": {"test_key_material_is_bound_to_its_scope"},
    "BindsNoRoot": {"test_key_material_is_bound_to_its_root"},
    "KnowsOneDomain": {"test_a_created_key_names_a_root_of_the_domain_that_was_asked_for"},
    "RefusesLargeScopes": {"test_the_largest_scope_is_taken"},
    "AcceptsLongerMaterial": {"test_altered_key_material_is_rejected"},
    "KeepsKeysToItself": {"test_a_created_key_works_in_another_provider"},
    "DoesNotDestroy": {"test_a_destroyed_key_is_destroyed_in_every_provider"},
    "DestroysOnce": {"test_a_destroyed_key_is_destroyed_in_every_provider"},
    "DestroysTheNextToo": {"test_destroying_one_key_leaves_the_others"},
    "OnlyClaimsToGenerate": {
        "test_a_generated_data_key_is_bound",
        "test_a_generated_data_key_is_what_its_blob_opens_to",
        "test_two_generated_data_keys_differ",
    },
    "GeneratesTheSame": {"test_two_generated_data_keys_differ"},
    "GeneratesUnbound": {"test_a_generated_data_key_is_bound"},
    "ReWrapsToAnotherKey": {"test_a_rewrapped_key_opens_under_the_new_key"},
    "ReWrapsForBoth": {"test_a_rewrapped_key_opens_under_nothing_else"},
    "ReWrapsWhatDoesNotOpen": {"test_what_does_not_open_is_not_rewrapped"},
    "DescribesAllAsEnabled": {*map(DESCRIBED.format, STATES)},
    "DescribesInWords": {*map(DESCRIBED.format, STATES), "test_a_key_that_works_is_described_as_enabled"},
    "DescribesInNumbers": {"test_a_description_is_of_texts"},
    "FindsNothing": {*map(FOUND.format, STATES)},
    "FindsFaultWithAll": {"test_a_key_that_works_has_no_error"},
    "FindsWithoutAdvice": {"test_findings_are_well_formed"},
    "FindsWithoutACode": {"test_findings_are_well_formed"},
    "ExplainsToNobody": {"test_a_setup_guide_names_us_and_the_organization"},
    "ExplainsInNoSteps": {"test_a_setup_guide_has_steps"},
    "ExplainsOneToolTwice": {"test_a_setup_guide_has_no_empty_or_repeated_text"},
    "ExplainsWhatItsPolicyLacks": {"test_a_setup_guide_has_no_empty_or_repeated_text"},
    "IsAlwaysWell": {"test_a_provider_that_does_not_work_finds_itself_ill"},
    "IsNeverWell": {"test_a_provider_that_works_finds_itself_well"},
    "AnnouncesTwoLines": {"test_an_announcement_is_one_line"},
    "AnnouncesItsToken": {"test_an_announcement_shows_no_secret"},
    "QuotesASecret": {"test_a_secret_setting_is_never_quoted"},
    "IsOfAnotherVersion": {"test_the_spec_is_for_this_version_of_the_contract"},
    "ExplainsNoSetting": {"test_every_setting_is_explained"},
    "NamesASettingBadly": {"test_every_setting_is_explained"},
    "HasASettingTwice": {"test_a_setting_is_listed_once"},
    "HasASecretDefault": {"test_what_is_required_or_secret_has_no_default"},
    "HasAMistypedDefault": {"test_a_default_is_of_the_type_of_its_setting"},
    "BuildsOnAnyPath": {"test_a_text_or_path_that_leads_nowhere_is_no_fault"},
    "InitialisesAnew": {"test_initialising_again_replaces_nothing"},
    "SuggestsAPathForAText": {"test_what_is_suggested_fits_the_settings"},
    "SuggestsByMaking": {"test_suggesting_makes_nothing"},
    "NamesACommandBadly": {"test_commands_are_plainly_named_and_explained"},
    "TakesAnySettings": {
        "test_a_missing_setting_is_refused",
        "test_a_mistyped_setting_is_refused",
        "test_an_unknown_setting_is_refused",
    },
    "OffersAnotherKind": {"test_the_provider_is_of_the_kind_that_its_spec_says"},
    "QuotesItsSettings": {"test_a_refusal_quotes_no_value"},
}

# Each is shown to be breakable for one failure; the others are the same test.
SHOWN_FOR_ANOTHER = {
    *map(TOLD.format, ("AccessDenied", "DeadlineExceeded", "KeyDestroyed", "KeyNotFound", "KeyPendingDeletion")),
    *map(TOLD.format, ("Throttled", "Unavailable", "Unsupported", "WrongRegion")),
    *map(AGAIN.format, ("DeadlineExceeded", "KeyDisabled", "KeyPendingDeletion", "Throttled", "Unavailable")),
}
# Not promises of a provider: a measurement, and what the author gives.
NO_PROMISES = {"test_its_speed_is_measured", "test_the_settings_of_the_author_are_taken"}


# One breaks after other calls only, and of the other all powers are of interest.
IN_ALL = {"BreaksAfterAFork", "OnlyClaimsToGenerate"}


def report_of(folder, *options, **environment):
    """What the report says of each provider, by its name."""
    ran = run(folder, HERE / "broken.py", "-q", "--tb=no", "--sealring-report", folder / "report.json", *options,
              **ALONE, **environment)  # fmt: skip
    assert ran.returncode == 1, ran.stderr
    report = json.loads((folder / "report.json").read_text())
    return {each["test_class"].rpartition("::Test")[2]: each for each in report["providers"]}


@pytest.fixture(scope="module")
def sections(tmp_path_factory):
    """Of the correct providers in all tests, and of most broken ones in those that they have to fail."""
    breaks = json.dumps({name: sorted(promises) for name, promises in BREAKS.items() if name not in IN_ALL})
    return report_of(tmp_path_factory.mktemp("narrow"), "-p", "narrow", BREAKS=breaks, PYTHONPATH=str(HERE))


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return report_of(tmp_path_factory.mktemp("whole"))


@pytest.mark.parametrize("name", ["Correct", "CorrectWithoutPowers"])
def test_a_correct_provider_keeps_every_promise(sections, name):
    assert sections[name]["broken"] == []


def test_a_correct_provider_shows_every_failure(sections):
    assert sections["Correct"]["not_shown"] == []


@pytest.mark.parametrize("name", BREAKS)
def test_a_broken_provider_breaks_its_promise(sections, name):
    assert set(sections[name]["broken"]) == BREAKS[name]


@pytest.mark.torture
@pytest.mark.parametrize("name", BREAKS)
def test_a_broken_provider_breaks_no_other_promise(whole, name):
    assert set(whole[name]["broken"]) == BREAKS[name]


def test_every_broken_provider_is_listed(sections):
    assert sections.keys() == BREAKS.keys() | {"Correct", "CorrectWithoutPowers"}


def test_every_promise_can_be_broken(sections):
    broken = set().union(*BREAKS.values())

    assert sections["Correct"]["promises"].keys() - broken == SHOWN_FOR_ANOTHER | NO_PROMISES


def test_powers_are_proven(sections):
    assert sections["Correct"]["powers"] == dict.fromkeys(
        [
            "Announces",
            "BindsContext",
            "ChecksItself",
            "Describes",
            "DestroysKeys",
            "ExplainsSetup",
            "GeneratesDataKeys",
            "ManagedKeys",
            "ReWraps",
            "Validates",
        ],
        "proven",
    )


def test_a_power_that_is_only_claimed_is_reported(sections):
    assert sections["OnlyClaimsToGenerate"]["powers"]["GeneratesDataKeys"] == "broken"
    assert sections["OnlyClaimsToGenerate"]["powers"]["ManagedKeys"] == "not claimed"
    assert sections["OnlyClaimsToGenerate"]["promises"]["test_two_created_keys_differ"] == "not claimed"


def test_the_card_has_the_speed_of_each_use(sections):
    card = sections["Correct"]["card"]

    assert list(card) == ["wrap", "unwrap", "create_key"]
    assert {tuple(line) for line in card.values()} == {("ops_per_s", "p50_us", "p99_us")}
