"""The live check: each probe is told as it is made, to every tab and worker, and "try again" loses nothing."""

import pytest

import sealring_plugin as api
from sealring.domain.checks import CheckProgress, Outcome, Probe, ProbeResult
from sealring.domain.ids import uuid_text
from sealring.errors import StoreUnavailable
from support.cmk import Key


def named(world, key="key_one", **about):
    """A browser that named a key, whose check has not begun yet."""
    world.kms[key] = Key(**about)
    browser = world.begun()
    browser.get("/portal/connect/cmk/key")
    browser.send("/key", key=key)
    return browser


def outcomes(page):
    """The outcome of each probe, in their order."""
    return [about["class"] for tag, about in page.tags if tag == "li" and about.get("class") in MARKS]


MARKS = {"running", "passed", "warned", "failed", "waiting"}

MISTAKES = {
    "a key of another account": (api.AccessDenied(), "Access to the key is denied.", "Give sealring the permissions"),
    "a disabled key": (api.KeyDisabled(), "The key is disabled.", "Enable the key."),
    "a key that was not found": (
        api.KeyNotFound(),
        "The key's provider does not know the key.",
        "Check the key's name",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_explained_with_what_to_do(world, mistake):
    failure, message, advice = MISTAKES[mistake]
    browser = named(world, failure=failure)

    world.work()
    page = browser.get(browser.page.path)

    assert page.title == "The key does not work yet"
    assert "failed" in outcomes(page)
    assert message in page.text
    assert f"What to do: {advice}" in page.text
    assert world.binding().state.name == "PENDING"


def test_one_reason_that_fails_several_checks_is_explained_once(world):
    browser = named(world, failure=api.KeyDisabled())

    world.work()
    page = browser.get(browser.page.path)

    assert outcomes(page) == ["failed", "failed", "waiting", "passed"]
    assert page.text.count("The key is disabled.") == 1


def test_what_was_not_checked_has_not_passed(world):
    browser = named(world, failure=api.AccessDenied())

    world.work()

    assert outcomes(browser.get(browser.page.path)) == ["passed", "failed", "waiting", "passed"]


def test_try_again_loses_nothing(world):
    browser = named(world, failure=api.AccessDenied())
    world.work()
    browser.get(browser.page.path)
    world.kms["key_one"].failure = None

    browser.send("/check")
    world.work()

    assert browser.get(browser.page.path).title == "The key works"
    assert world.binding().state.name == "ACTIVE"


def test_three_mistakes_then_a_key_that_works_leave_one_binding(world):
    world.kms |= {
        "key_one": Key(failure=api.KeyDisabled()),
        "key_two": Key(failure=api.AccessDenied()),
        "key_ok": Key(),
    }
    browser = world.begun()
    browser.get("/portal/connect/cmk/key")
    for key in ("another", "key_one", "key_two", "key_ok"):
        browser.send("/key", key=key)
        world.work()
        if key != "another":
            browser.get(browser.page.path)
            change = [link for link in browser.page.links if "instead_of" in link]
            if change:
                browser.get(change[0])
                assert browser.page.form("/key").fields["key"] == key

    assert [(each.key, each.state.name) for each in world.bindings()] == [("key_ok", "ACTIVE")]


def test_a_check_that_runs_is_shown_the_same_after_a_reload_and_on_another_worker(world):
    browser = named(world)
    binding = world.binding()
    progress = world.store.checks.load(binding.environment, binding.org)
    now = progress.with_probe(Probe.STATE, ProbeResult(Outcome.PASSED)).with_probe(
        Probe.USE, ProbeResult(Outcome.RUNNING)
    )
    world.store.checks.write(binding.environment, binding.org, now, 30)

    first, second = browser.get(browser.page.path), browser.get(browser.page.path)

    assert outcomes(first) == outcomes(second) == ["passed", "running", "waiting", "waiting"]
    assert '<noscript><meta http-equiv="refresh" content="2"></noscript>' in first.html
    assert first.form("/end")
    assert [form.action for form in first.forms] == ["/portal/end"]  # nothing to press meanwhile


def test_each_probe_is_told_as_it_is_made(world):
    browser = named(world)
    seen = []
    write = world.store.checks.write

    def watching(environment, org, progress, lease_s):
        write(environment, org, progress, lease_s)
        seen.append(outcomes(browser.get(browser.page.path)))

    world.store.checks.write = watching
    world.work()

    assert seen[:3] == [
        ["running", "waiting", "waiting", "waiting"],
        ["passed", "waiting", "waiting", "waiting"],
        ["passed", "running", "waiting", "waiting"],
    ]
    assert seen[-1] == ["passed", "passed", "passed", "passed"]


def test_the_button_pressed_twice_checks_once(world):
    world.kms["key_one"] = Key()
    browser = world.begun()
    browser.get("/portal/connect/cmk/key")
    form = browser.page.form("/key")

    for _ in range(2):
        browser.post(form.action, form.fields | {"key": "key_one"})

    assert len(world.later) == 1
    assert len(world.bindings()) == 1


def test_two_tabs_show_one_check(world):
    browser = named(world)
    other = world.begun()

    assert outcomes(other.get(browser.page.path)) == outcomes(browser.page) == ["waiting"] * 4


def test_a_page_shows_the_check_of_its_own_key_alone(world):
    browser = world.bound()
    world.kms["key_two"] = Key(failure=api.AccessDenied())
    browser.get("/portal/connect/cmk/key")
    browser.send("/key", key="key_two")
    world.work()
    used = next(each for each in world.bindings() if each.key == "key_one")

    page = browser.get(f"/portal/keys/{uuid_text(used.id)}/check")

    assert page.title == "The key works"
    assert outcomes(page) == ["passed"]  # the last check of it, as one


def test_a_kms_that_hangs_is_said_to_hang(world):
    browser = named(world, hangs=True)
    world.kms["key_one"].over.set()

    world.work()
    page = browser.get(browser.page.path)

    assert outcomes(page) == ["passed", "failed", "waiting", "waiting"]
    assert "Check the endpoint and the network" in page.text


def test_other_pages_answer_while_a_kms_hangs(world):
    """The check runs beside the request: nothing of it has run here yet."""
    browser = named(world, hangs=True)

    assert browser.get("/portal/status").status == 200


def test_a_check_whose_worker_died_can_be_begun_again(world):
    browser = named(world)
    binding = world.binding()
    world.later.clear()
    ended = world.store.checks.load(binding.environment, binding.org).ended("stopped")
    world.store.checks.write(binding.environment, binding.org, ended, 30)

    assert "The check did not finish. Try again." in browser.get(browser.page.path).text
    browser.send("/check")
    world.work()
    assert browser.get(browser.page.path).title == "The key works"


def test_a_store_that_is_away_during_a_check_leaves_it_to_be_begun_again(world):
    browser = named(world)
    begin = world.store.bindings.change

    def away(*_):
        raise StoreUnavailable("away")

    world.store.bindings.change = away
    world.work()
    world.store.bindings.change = begin

    assert "The check did not finish. Try again." in browser.get(browser.page.path).text
    assert world.faults == []


def test_a_key_that_is_bound_already_is_named_so(world):
    browser = world.bound()
    browser.get("/portal/connect/cmk/key")

    page = browser.send("/key", key="key_one")

    assert (page.status, len(world.bindings())) == (422, 1)
    assert "This key is connected already." in page.text


def test_a_warning_does_not_stop_a_key(world):
    world.kms["key_one"] = Key()
    browser = world.begun()
    browser.get("/portal/connect/cmk/key")
    browser.send("/key", key="key_one", option__rotation="off")
    world.work()

    page = browser.get(browser.page.path)

    assert page.title == "The key works"
    assert outcomes(page) == ["passed", "passed", "passed", "warned"]
    assert "The key is never rotated. What to do: Rotate it." in page.text
    assert world.binding().state.name == "ACTIVE"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "00" * 16 + " " + "00" * 8,
        "00" * 16 + " " + "00" * 8 + "  state=?? ",
        "00" * 16 + " " + "00" * 8 + "  nothing=+",
        "00" * 16 + " " + "00" * 8 + "  state=+<b>",
    ],
)
def test_a_progress_that_sealring_did_not_write_is_none(text):
    assert CheckProgress.read(text) is None


def test_a_progress_is_read_as_it_was_written():
    progress = (
        CheckProgress.new(bytes(16)).with_probe(Probe.STATE, ProbeResult(Outcome.FAILED, ("a", "b"))).ended("done")
    )

    assert CheckProgress.read(progress.text) == progress
