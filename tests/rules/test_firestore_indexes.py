"""Terraform makes the indexes that shared/adapters/firestore.py says its queries need, and no other. No emulator misses one."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from tests.rules.terraform_schema import ROOT, blocks

ORDERS: Final = {"ASC": "ASCENDING", "DESC": "DESCENDING"}
SAID: Final = (ROOT / "shared" / "adapters" / "firestore.py").read_text().split('"""')[1]

LINE: Final = re.compile(
    r"^ {4}(?:collection (group )?(\w+), (?:composite|single))? +((?:\w+ (?:ASC|DESC)(?:, )?)+) +`\w+`$", re.M
)
"""One index: the collection is said in the first line of several."""

Index = tuple[str, str, tuple[tuple[str, str], ...]]
"""Scope, collection, and fields in their order, each with its direction."""


def said() -> Iterator[Index]:
    scope = collection = ""
    for group, named, fields in LINE.findall(SAID):
        if named:
            scope, collection = ("COLLECTION_GROUP" if group else "COLLECTION"), named
        pairs = [field.split() for field in fields.split(", ")]
        yield scope, collection, tuple((name, ORDERS[order]) for name, order in pairs)


def made() -> Iterator[Index]:
    for body in of("google_firestore_index"):
        for value in re.findall(r'"(\w+)"', body.get("for_each", "")) or [""]:
            fields = tuple(
                (plain(field["field_path"]).replace("${each.value}", value), plain(field["order"]))
                for field in body["fields"]
            )
            yield plain(body.get("query_scope", "COLLECTION")), plain(body["collection"]), fields
    for body in of("google_firestore_field"):
        for index in body["index_config"][0].get("indexes", []):
            field = (plain(body["field"]), plain(index["order"]))
            yield plain(index.get("query_scope", "COLLECTION")), plain(body["collection"]), (field,)


def of(kind: str) -> Iterator[Mapping[str, Any]]:
    return (body for _, _, found, body in blocks() if found == kind)


def plain(value: str) -> str:
    return value.strip('"')


def test_the_indexes_are_those_that_the_store_asks_for() -> None:
    assert len(list(said())) == len(re.findall(r"^.* (?:ASC|DESC)\b", SAID, re.M))
    assert sorted(made()) == sorted(said())


def test_what_expires_is_what_the_store_says() -> None:
    expiring = [
        f"{plain(body['collection'])}.{plain(body['field'])}"
        for body in of("google_firestore_field")
        if "ttl_config" in body
    ]
    assert expiring == re.findall(r"^ {4}TTL policy +([\w.]+)", SAID, re.M)


def test_fields_that_nothing_asks_for_have_no_index() -> None:
    [body] = [body for body in of("google_firestore_field") if "for_each" in body]
    exempt = re.findall(r'\["(\w+)", "([\w*]+)"\]', body["for_each"])
    [listed] = re.findall(r"nothing asks them:\n(.*)\.$", SAID, re.M)
    expected = [
        (collection, field)
        for part in listed.split("; ")
        for collections, fields in re.findall(r"^(\w+(?: and \w+)*) ([\w*, ]+)$", part)
        for collection in collections.split(" and ")
        for field in fields.split(", ")
    ]
    assert sorted(exempt) == sorted(expected)
    assert body["index_config"] == [{"__is_block__": True}]


def test_no_commit_writes_an_index_that_only_grows() -> None:
    """Firestore takes about 500 writes a second at the end of one, however many sessions there are."""
    growing = re.compile(r"_at_ms$|_index$|_through$")
    alone = [fields[0][0] for _, collection, fields in made() if collection == "sessions"]
    assert [field for field in alone if growing.search(field)] == []
    [body] = [body for body in of("google_firestore_field") if "for_each" in body]
    assert '["sessions", "*"]' in body["for_each"], (
        "fields have an index of their own unless it says otherwise"
    )
