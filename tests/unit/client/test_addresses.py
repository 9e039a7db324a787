"""Addresses as people write them."""

import pytest

from client.addresses import parse_address
from shared.errors import SetupError


@pytest.mark.parametrize(
    ("written", "http", "stream"),
    [
        ("ws://127.0.0.1:8000", "http://127.0.0.1:8000", "ws://127.0.0.1:8000/v1/stream"),
        ("ws://127.0.0.1:8000/", "http://127.0.0.1:8000", "ws://127.0.0.1:8000/v1/stream"),
        ("ws://127.0.0.1:8000/v1/stream", "http://127.0.0.1:8000", "ws://127.0.0.1:8000/v1/stream"),
        ("http://localhost:8000", "http://localhost:8000", "ws://localhost:8000/v1/stream"),
        ("wss://steno.example", "https://steno.example", "wss://steno.example/v1/stream"),
        ("https://steno.example:444", "https://steno.example:444", "wss://steno.example:444/v1/stream"),
        ("ws://[::1]:8000", "http://[::1]:8000", "ws://[::1]:8000/v1/stream"),
    ],
)
def test_what_is_dialled_and_asked(written: str, http: str, stream: str) -> None:
    address = parse_address(written)
    assert (address.http, address.stream) == (http, stream)


@pytest.mark.parametrize(
    "written",
    [
        "",
        "127.0.0.1:8000",
        "ftp://127.0.0.1:8000",
        "ws://",
        "ws://127.0.0.1:port",
        "ws://127.0.0.1:99999",
        "ws://127.0.0.1:8000/other",
        "ws://127.0.0.1:8000?ticket=x",
        "ws://[::1",
    ],
)
def test_what_is_no_address_is_refused_with_an_example(written: str) -> None:
    with pytest.raises(SetupError, match="write it like ws://127.0.0.1:8000"):
        parse_address(written)


@pytest.mark.parametrize(
    "written", ["ws://jane:hush@127.0.0.1:8000", "x://jane:hush@h", "ws://jane:hush@h/other"]
)
def test_a_password_in_an_address_is_refused_and_not_repeated(written: str) -> None:
    with pytest.raises(SetupError) as refused:
        parse_address(written)
    assert "hush" not in str(refused.value)
