"""What .github/, .pre-commit-config.yaml and the Makefile call exists, and they agree on the versions of Python."""

import os
import re
import tomllib

import pytest
import yaml

from docs.markdown import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
FILES = sorted([*ROOT.glob(".github/**/*.yml"), ROOT / ".pre-commit-config.yaml"])
WORKFLOWS = [path for path in FILES if path.parent.name == "workflows"]

PINNED = re.compile(r"[\w-]+/[\w-]+@[0-9a-f]{40}")
PREFIX = "Programming Language :: Python :: "


def parsed(path):
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def jobs(path):
    return parsed(path)["jobs"].values()


def steps(path):
    return [step for job in jobs(path) for step in job["steps"]]


def commands(path):
    return [line for step in steps(path) if "run" in step for line in step["run"].splitlines()]


def targets():
    return set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))


def supported():
    return [each.removeprefix(PREFIX) for each in PROJECT["project"]["classifiers"] if each.startswith(PREFIX)]


def named(path):
    return str(path.relative_to(ROOT))


every_file = pytest.mark.parametrize("path", FILES, ids=named)
every_workflow = pytest.mark.parametrize("path", WORKFLOWS, ids=named)


@every_file
def test_it_is_yaml(path):
    assert isinstance(parsed(path), dict)


def test_there_are_three_workflows():
    assert [path.name for path in WORKFLOWS] == ["ci.yml", "release.yml", "wheels.yml"]


@every_workflow
def test_its_commands_are_scripts_and_targets_that_exist(path):
    for command in commands(path):
        program, *arguments = command.split()
        if program == "make":
            assert arguments, command
            assert set(arguments) <= targets(), command
        else:
            assert os.access(ROOT / program, os.X_OK), command


@every_workflow
def test_its_actions_are_pinned_by_commit(path):
    used = [step["uses"] for step in steps(path) if "uses" in step]
    named = re.findall(r"uses: \S+ # v[0-9.]+$", path.read_text(encoding="utf-8"), re.MULTILINE)

    assert used
    assert [each for each in used if not PINNED.fullmatch(each)] == []
    assert len(named) == len(used)  # Dependabot raises the version with the commit


@every_workflow
def test_it_may_only_read_the_repository(path):
    assert parsed(path)["permissions"] == {"contents": "read"}
    granted = {
        name: set(job["permissions"].items()) for name, job in parsed(path)["jobs"].items() if "permissions" in job
    }
    assert granted == (PUBLISHING if path.name == "release.yml" else {})


PUBLISHING = {
    "wheels": {("id-token", "write")},
    "image": {("attestations", "write"), ("contents", "read"), ("id-token", "write"), ("packages", "write")},
    "chart": {("contents", "read"), ("id-token", "write"), ("packages", "write")},
    "docs": {("id-token", "write"), ("pages", "write")},
}
RELEASE = ROOT / ".github" / "workflows" / "release.yml"
JOBS = parsed(RELEASE)["jobs"]


def needed(name):
    """The jobs that have ended well before this one starts."""
    direct = JOBS[name].get("needs", [])
    return {each for job in ([direct] if isinstance(direct, str) else direct) for each in {job, *needed(job)}}


def test_a_release_is_published_from_a_tag_that_was_checked_and_without_a_stored_secret():
    assert parsed(RELEASE)[True] == {"push": {"tags": ["v*"]}}  # YAML reads `on` as a truth
    assert "secrets." not in RELEASE.read_text(encoding="utf-8")
    assert [step["run"] for step in JOBS["check"]["steps"] if "run" in step] == ["make release-check"]
    assert all("check" in needed(name) for name in PUBLISHING)


def test_a_release_is_approved_before_anything_of_it_is_published():
    waiting = {name for name, job in JOBS.items() if job.get("environment") == "pypi"}

    assert waiting == {"wheels"}
    assert {name for name in JOBS if name in waiting or "wheels" in needed(name)} == PUBLISHING.keys()
    assert "The environment `pypi` asks for the approval of a maintainer before anything is published" in RELEASES
    assert "A rule protects the tags `v*`" in RELEASES


RELEASES = " ".join((ROOT / "docs" / "releases.md").read_text(encoding="utf-8").split())


@pytest.mark.parametrize("name", PUBLISHING)
def test_a_job_that_may_publish_runs_nothing_that_it_has_to_fetch_first(name):
    ran = [step["run"] for step in JOBS[name]["steps"] if "run" in step]

    assert ran == {"image": [".ci/image"], "chart": [".ci/push-chart"]}.get(name, [])
    assert "container" not in JOBS[name]


@pytest.mark.parametrize("name", ["image", "chart"])
def test_the_registry_is_open_only_to_what_pushes(name):
    steps = JOBS[name]["steps"]
    (login,) = (index for index, step in enumerate(steps) if step.get("uses", "").startswith("docker/login-action@"))

    assert "run" in steps[login + 1]


def test_the_images_that_build_an_image_are_pinned_by_digest():
    given = {step["uses"].partition("@")[0]: step["with"] for step in JOBS["image"]["steps"] if "with" in step}
    images = [given["docker/setup-qemu-action"]["image"], given["docker/setup-buildx-action"]["driver-opts"]]

    assert [image for image in images if not re.search(r":[\w.-]+@sha256:[0-9a-f]{64}$", image)] == []
    assert "syntax=" not in (ROOT / "Dockerfile").read_text(encoding="utf-8")  # which would fetch a frontend
    assert "--sbom" not in (ROOT / ".ci" / "image").read_text(encoding="utf-8")  # which would fetch a scanner


def test_no_job_of_a_release_runs_in_an_image_that_a_tag_names():
    assert [name for name, job in JOBS.items() if "container" in job or "services" in job] == []


@every_workflow
def test_it_keeps_no_credentials_in_the_checkout(path):
    checkouts = [step for step in steps(path) if step.get("uses", "").startswith("actions/checkout@")]

    assert checkouts
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


@every_workflow
def test_it_runs_on_each_supported_version_of_python(path):
    matrices = [job["strategy"]["matrix"]["python"] for job in jobs(path) if "strategy" in job]

    assert matrices == ([] if path.name == "release.yml" else [supported()])


def test_the_oldest_supported_version_is_the_one_that_is_required():
    assert PROJECT["project"]["requires-python"] == f">={supported()[0]}"
    assert PROJECT["tool"]["ruff"]["target-version"] == "py" + supported()[0].replace(".", "")


@pytest.mark.parametrize("name", ["Makefile", ".ci/run"])
def test_each_supported_version_is_looked_for(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    looked_for = " ".join(["python3", *(f"python{version}" for version in reversed(supported()))])

    assert looked_for in text


def test_the_pre_commit_hooks_are_tools_of_the_lock_and_need_no_network():
    locked = set(re.findall(r"^([a-z-]+)==", (ROOT / "requirements-dev.lock").read_text(), re.MULTILINE))
    programs = {"ruff": "ruff", "lint-imports": "import-linter"}
    (repository,) = parsed(ROOT / ".pre-commit-config.yaml")["repos"]

    assert repository["repo"] == "local"
    for hook in repository["hooks"]:
        folder, _, program = hook["entry"].split()[0].rpartition("/")
        assert (hook["language"], folder) == ("system", ".venv/bin")
        assert programs[program] in locked


def test_updates_are_looked_for_where_dependencies_are_declared():
    declared = {
        (update["package-ecosystem"], place)
        for update in parsed(ROOT / ".github/dependabot.yml")["updates"]
        for place in update.get("directories", [update.get("directory")])
    }

    assert declared == {("pip", "/"), ("pip", "/plugins/*"), ("github-actions", "/"), ("docker", "/")}
    assert (ROOT / "Dockerfile").exists()


def test_security_reports_are_sent_to_the_policy():
    for name in ("ISSUE_TEMPLATE/bug.yml", "ISSUE_TEMPLATE/config.yml", "pull_request_template.md"):
        assert "SECURITY.md" in (ROOT / ".github" / name).read_text(encoding="utf-8"), name
    assert "## Reporting\n" in (ROOT / "SECURITY.md").read_text(encoding="utf-8")


def test_every_target_that_help_lists_is_in_a_group_and_phony():
    listed = re.findall(r"^([a-z-]+):.*## ", MAKEFILE, re.MULTILINE)
    grouped = MAKEFILE.partition("\n##@ ")[2]
    phony = re.search(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE)[1].split()

    assert set(listed) <= set(phony)
    assert [name for name in listed if name != "help" and f"\n{name}:" not in grouped] == []
    assert re.findall(r"^##@ (.*)$", MAKEFILE, re.MULTILINE) == ["Use", "Test", "Docs", "Release"]
