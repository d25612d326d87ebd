"""Examinations of a store, and what they found."""

from sealring.store.connection.links import Links
from sealring.store.doctor.examination import examine


def examined(url, *, destructive=False):
    links = Links.to(url)
    found = dict(examine(links, destructive=destructive))
    links.close()
    return found


def named(findings, *grades):
    return [check for check, found in findings.items() if found.grade in grades]
