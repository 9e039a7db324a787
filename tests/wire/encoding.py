"""Links, events and effects as JSON that both twins can read: names as JavaScript spells them, messages as on the wire."""

import json
from dataclasses import fields, is_dataclass
from typing import Any

import msgspec

from client import events
from client.events import Effect, Event, Moment
from client.link_state import Link
from shared.wire.messages import decode_server_message

Json = dict[str, Any]


def encode_link(link: Link) -> Json:
    """Without what never changes."""
    encoded: Json = _encode(link)
    return {name: value for name, value in encoded.items() if name not in ("session", "takeId", "config")}


def encode_event(event: Event | Effect) -> Json:
    name = type(event).__name__
    return {"type": name[0].lower() + name[1:], **_encode(event)}


def encode_moment(moment: Moment) -> Json:
    encoded: Json = _encode(moment)
    return encoded


def decode_event(encoded: Json) -> Event:
    name = encoded["type"]
    kind = getattr(events, name[0].upper() + name[1:])
    values = {field.name: encoded[_camel(field.name)] for field in fields(kind)}
    if "message" in values and isinstance(values["message"], dict):
        values["message"] = decode_server_message(json.dumps(values["message"]))
    event: Event = kind(**values)
    return event


def decode_moment(encoded: Json) -> Moment:
    return Moment(encoded["nowMs"], encoded["wallMs"], encoded["random"])


def changed(before: Json, after: Json) -> Json:
    """The fields of `after` that are not what they were; `delivery` likewise."""
    found = {name: value for name, value in after.items() if name != "delivery" and value != before[name]}
    delivery = {name: value for name, value in after["delivery"].items() if value != before["delivery"][name]}
    return {**found, "delivery": delivery} if delivery else found


def merged(before: Json, change: Json) -> Json:
    return {**before, **change, "delivery": {**before["delivery"], **change.get("delivery", {})}}


def _encode(value: Any) -> Any:
    if isinstance(value, msgspec.Struct):
        return msgspec.to_builtins(value)
    if is_dataclass(value):
        return {_camel(field.name): _encode(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, tuple):
        return [_encode(each) for each in value]
    return value


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)
