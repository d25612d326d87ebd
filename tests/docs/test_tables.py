"""Tables of the pages that repeat what the code says."""

import re

from docs.markdown import read, rows, section
from sealring.admission.problems import FRAMEWORK_CODES, FRAMEWORK_MESSAGES, PROBLEMS, UNREADABLE
from sealring.domain.principal import Permission
from sealring.http.app import guarded_routes
from sealring.http.errors_page import errors_page, meaning, meanings
from sealring.http.remedies import REMEDIES
from sealring.store.connection.durability import Durability
from sealring.store.schema import keyspace
from support.make import NO_SERVICES

API = read("docs/http-api.md")


def plain(cell):
    return cell.strip("`")


def test_every_error_is_listed_with_its_meaning():
    expected = {
        (str(status), code): FRAMEWORK_MESSAGES[status].partition(". ")[0].rstrip(".") + "."
        for status, code in FRAMEWORK_CODES.items()
    } | {(str(problem.status), problem.code): meaning(failure) for failure, problem in PROBLEMS.items()}

    listed = {(status, plain(code)): text for status, code, text in rows(section(API, "## Errors"))}

    assert listed == expected


def test_every_error_has_a_section_with_its_meaning():
    page = read("docs/errors.md")
    listed = re.findall(r"^## (\w+)\n\n\*\*(\d+)\.\*\* (.+)\n\n(.+)$", page, re.MULTILINE)

    assert {code: (int(status), text) for code, status, text, _ in listed} == meanings()
    assert page.count("\n## ") == len(listed)


def test_the_page_of_errors_says_what_the_docs_say_to_do():
    page = read("docs/errors.md")
    listed = dict(re.findall(r"^## (\w+)\n\n\*\*.+\n\n(.+)$", page, re.MULTILINE))

    assert {code: re.sub(r" \(\[\w+\]\([^)]*\)\)", "", text) for code, text in listed.items()} == REMEDIES


def test_the_page_of_errors_shows_meaning_and_remedy_without_markup():
    page = errors_page().decode()

    assert (
        '<section id="version_conflict"><h2>409 <code>version_conflict</code></h2>'
        "<p><code>version_check</code> is not the current version.</p>"
        "<p>Read the object, decide again, and repeat with its current <code>version_id</code>.</p></section>"
    ) in page
    assert "`" not in page


def test_the_page_of_errors_has_an_anchor_for_each_code():
    page = errors_page().decode()

    assert set(re.findall(r'<section id="(\w+)">', page)) == set(meanings())
    assert {PROBLEMS[each].code for each in PROBLEMS} | {code for code, _ in UNREADABLE.values()} <= set(meanings())


def test_every_route_is_listed_with_its_permission():
    routes = guarded_routes(NO_SERVICES)
    expected = [
        [f"{route.method} {route.rule}".replace("<whole:", "<"), route.permission.value, route.summary]
        for route in routes
    ]

    listed = [
        [plain(route).replace("{", "<").replace("}", ">"), plain(permission), summary]
        for route, permission, summary in rows(section(API, "## Routes"))
    ]

    assert listed == expected


def test_every_permission_is_explained():
    listed = [plain(cells[0]) for cells in rows(section(read("docs/tokens.md"), "## Permissions"))]

    assert sorted(listed) == sorted(Permission)


def test_permissions_of_which_nothing_is_said_are_used_by_no_route():
    used = {route.permission.value for route in guarded_routes(NO_SERVICES)}
    idle = {
        plain(cells[0])
        for cells in rows(section(read("docs/tokens.md"), "## Permissions"))
        if "nothing yet" in cells[1]
    }

    assert idle == set(Permission) - used - {Permission.ALL_ORGANIZATIONS}


def test_the_keyspace_is_the_one_of_the_code():
    expected = re.findall(r"^ +(s1:(?:<[^>]+>|[^\s<])+)", keyspace.__doc__, re.MULTILINE)

    listed = [plain(cells[0]) for cells in rows(section(read("docs/storage.md"), "## Keyspace"))]

    assert listed == expected


def test_every_class_of_durability_is_explained():
    listed = [plain(cells[0]) for cells in rows(section(read("docs/storage.md"), "## Durability"))]

    assert listed == [each.value for each in Durability]
