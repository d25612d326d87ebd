"""Lists, cursors and names end at the organization."""

import pytest

from isolation.acme import organization


def names(answer):
    return [row["name"] for row in answer.json["data"]]


def walked(live, token, query=""):
    """All names of a list, page by page."""
    found, after = [], ""
    while True:
        page = live.ask("GET", f"/vault/v1/kv?limit=100{query}{after}", token=token)
        found += names(page)
        cursor = page.json["list_metadata"]["after"]
        if cursor is None:
            return found
        after = f"&after={cursor}"


@pytest.mark.parametrize("query", ["", "&order=asc", "&search=beta", "&updatedAfter=2000-01-01T00:00:00Z"])
def test_a_list_shows_the_organizations_own_objects_and_no_others(live, query):
    own, foreign = organization(live, "org_list_own"), organization(live, "org_list_foreign")
    own_names = {own.object(name=f"beta own {query}")["name"], own.object(name=f"beta own 2 {query}")["name"]}
    foreign.object(name=f"beta foreign {query}")

    found = walked(live, own.token, query)

    assert own_names <= set(found)
    assert [name for name in found if "foreign" in name] == []


def test_a_list_for_an_organization_without_objects_is_empty(live):
    organization(live, "org_acme").object()

    answer = live.ask("GET", "/vault/v1/kv", token=live.token("org_without_objects"))

    assert answer.status == 200
    assert answer.json == {"data": [], "list_metadata": {"before": None, "after": None}}


def test_a_list_for_two_organizations_shows_both_and_no_third(live):
    for org in ("org_two_a", "org_two_b", "org_two_c"):
        organization(live, org).object(name=f"in {org}")

    found = walked(live, live.token("org_two_a", "org_two_b"))

    assert sorted(found) == ["in org_two_a", "in org_two_b"]


def test_a_list_for_all_organizations_shows_those_of_each(live):
    for org in ("org_all_a", "org_all_b"):
        organization(live, org).object(name=f"all in {org}")

    found = walked(live, live.token(), "&search=all%20in%20org")

    assert sorted(found) == ["all in org_all_a", "all in org_all_b"]


@pytest.mark.parametrize("orgs", [("org_one_a", "org_one_b"), ()])
def test_a_list_of_one_organization_shows_no_other(live, orgs):
    for org in ("org_one_a", "org_one_b"):
        organization(live, org).object(name=f"{len(orgs)} in {org}")

    found = walked(live, live.token(*orgs), "&organization_id=org_one_b")

    assert {name for name in found if name.startswith(f"{len(orgs)} in ")} == {f"{len(orgs)} in org_one_b"}


def test_a_list_of_no_organization_at_all_is_refused(live):
    answer = live.ask("GET", "/vault/v1/kv?organization_id=", token=live.token())

    assert (answer.status, answer.json["param"]) == (400, "organization_id")


@pytest.mark.parametrize(("issued", "sent"), [("", "&organization_id=org_cursor"), ("&organization_id=org_cursor", "")])
def test_a_cursor_of_a_list_of_one_organization_is_for_that_list(live, issued, sent):
    for _ in range(2):
        organization(live, "org_cursor").object()
    token = live.token()
    cursor = live.ask("GET", f"/vault/v1/kv?limit=1{issued}", token=token).json["list_metadata"]["after"]

    assert live.ask("GET", f"/vault/v1/kv?after={cursor}{sent}", token=token).status == 400
    assert live.ask("GET", f"/vault/v1/kv?after={cursor}{issued}", token=token).status == 200


ORGS_OF_A_TOKEN = [("org_cursor",), ("org_other",), ("org_cursor", "org_other"), ()]  # the last: all of them


@pytest.mark.parametrize("field", ["after", "before"])
@pytest.mark.parametrize(
    ("issued_for", "sent_by"), [(one, other) for one in ORGS_OF_A_TOKEN for other in ORGS_OF_A_TOKEN if one != other]
)
def test_a_cursor_is_refused_for_other_organizations_than_it_was_issued_for(live, issued_for, sent_by, field):
    for org in ("org_cursor", "org_other"):
        organization(live, org).object()
        organization(live, org).object()
    page = live.ask("GET", "/vault/v1/kv?limit=1", token=live.token(*issued_for))
    cursor = page.json["list_metadata"][field]

    answer = live.ask("GET", f"/vault/v1/kv?limit=1&{field}={cursor}", token=live.token(*sent_by))

    assert answer.status == 400
    assert answer.json["code"] == "malformed_request"


def test_a_cursor_is_good_for_another_token_of_the_same_organizations(live):
    earlier, later = (organization(live, "org_cursor_shared").object()["name"] for _ in range(2))
    page = live.ask("GET", "/vault/v1/kv?limit=1", token=live.token("org_cursor_shared", subject="one"))
    path = f"/vault/v1/kv?limit=1&after={page.json['list_metadata']['after']}"

    answer = live.ask("GET", path, token=live.token("org_cursor_shared", subject="two"))

    assert names(page) == [later]
    assert (answer.status, names(answer)) == (200, [earlier])


@pytest.fixture
def twins(live, request):
    """The same name in two organizations: their ids, and the path of the name."""
    name = f"twin-{request.node.name}"
    name = "".join(letter if letter.isalnum() else "-" for letter in name)
    ids = {
        org: organization(live, org).object(name=name, value=f"of {org}")["id"] for org in ("org_twin_a", "org_twin_b")
    }
    return ids, f"/vault/v1/kv/name/{name}"


def test_one_name_in_two_organizations_is_two_objects(live, twins):
    ids, path = twins

    of_a, of_b = (live.ask("GET", path, token=live.token(org)).json for org in ("org_twin_a", "org_twin_b"))

    assert ids["org_twin_a"] != ids["org_twin_b"]
    assert (of_a["id"], of_a["value"]) == (ids["org_twin_a"], "of org_twin_a")
    assert (of_b["id"], of_b["value"]) == (ids["org_twin_b"], "of org_twin_b")


def test_an_update_of_one_twin_leaves_the_other_alone(live, twins):
    ids, path = twins

    organization(live, "org_twin_a").ask("PUT", f"/vault/v1/kv/{ids['org_twin_a']}", {"value": "changed"})

    assert live.ask("GET", path, token=live.token("org_twin_b")).json["value"] == "of org_twin_b"


def test_a_deletion_of_one_twin_leaves_the_other_alone(live, twins):
    ids, path = twins

    organization(live, "org_twin_a").ask("DELETE", f"/vault/v1/kv/{ids['org_twin_a']}")

    assert live.ask("GET", path, token=live.token("org_twin_a")).status == 404
    assert live.ask("GET", path, token=live.token("org_twin_b")).json["value"] == "of org_twin_b"


@pytest.mark.parametrize("orgs", [(), ("org_twin_a", "org_twin_b")])
def test_a_name_that_several_organizations_have_is_ambiguous(live, twins, orgs):
    _, path = twins

    answer = live.ask("GET", path, token=live.token(*orgs))

    assert answer.status == 409
    assert answer.json["code"] == "ambiguous_name"


@pytest.mark.parametrize("orgs", [(), ("org_twin_a", "org_twin_b")])
def test_an_ambiguous_name_is_resolved_by_its_organization(live, twins, orgs):
    _, path = twins

    answer = live.ask("GET", f"{path}?organization_id=org_twin_b", token=live.token(*orgs))

    assert answer.status == 200
    assert answer.json["value"] == "of org_twin_b"


def test_a_name_is_no_longer_ambiguous_after_a_deletion(live, twins):
    ids, path = twins
    organization(live, "org_twin_a").ask("DELETE", f"/vault/v1/kv/{ids['org_twin_a']}")

    answer = live.ask("GET", path, token=live.token())

    assert answer.status == 200
    assert answer.json["value"] == "of org_twin_b"


def test_a_name_of_a_third_organization_does_not_make_it_ambiguous(live, twins):
    _, path = twins

    answer = live.ask("GET", path, token=live.token("org_twin_a", "org_acme"))

    assert answer.status == 200
    assert answer.json["value"] == "of org_twin_a"


def test_all_organizations_of_an_environment_are_one_that_has_no_such_name(live, twins):
    _, path = twins

    answer = live.ask("GET", f"{path}?organization_id=org_without_objects", token=live.token())

    assert (answer.status, answer.json["code"]) == (404, "not_found")
