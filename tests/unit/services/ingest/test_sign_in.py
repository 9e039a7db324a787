"""The development sign-in: this machine, directly, from our own page, or nobody."""

import pytest
from starlette.requests import HTTPConnection

from services.ingest.http_rules import Forbidden, UnknownHost, loopback_hosts
from services.ingest.sign_in import LOCAL_PRINCIPAL, DevelopmentSignIn, is_loopback
from shared.errors import DictationError, SetupError

HOSTS = loopback_hosts(8_000)


def asking(peer: str | None = "127.0.0.1", **headers: str) -> HTTPConnection:
    given = {"host": "127.0.0.1:8000", **{name.replace("_", "-"): each for name, each in headers.items()}}
    return HTTPConnection(
        {
            "type": "http",
            "client": None if peer is None else (peer, 50_000),
            "headers": [(name.encode(), value.encode()) for name, value in given.items()],
        }
    )


@pytest.mark.parametrize("peer", ["127.0.0.1", "127.8.9.10", "::1", "::ffff:127.0.0.1"])
async def test_this_machine_is_signed_in(peer: str) -> None:
    sign_in = DevelopmentSignIn(HOSTS, in_cloud=False)
    assert await sign_in.principal(asking(peer)) == LOCAL_PRINCIPAL


@pytest.mark.parametrize(
    ("connection", "refusal"),
    [
        (asking("192.0.2.1"), Forbidden),
        (asking("::ffff:192.0.2.1"), Forbidden),
        (asking("fe80::1%lo"), Forbidden),
        (asking("localhost"), Forbidden),
        (asking(""), Forbidden),
        (asking(None), Forbidden),
        (asking(host="evil.example:8000"), UnknownHost),
        (asking(host="127.0.0.1:8001"), UnknownHost),
        (asking(origin="http://evil.example"), Forbidden),
        (asking(origin="null"), Forbidden),
        (asking(x_forwarded_for="127.0.0.1"), Forbidden),
        (asking(forwarded="for=127.0.0.1"), Forbidden),
    ],
)
async def test_nobody_else_is(connection: HTTPConnection, refusal: type[DictationError]) -> None:
    with pytest.raises(refusal):
        await DevelopmentSignIn(HOSTS, in_cloud=False).principal(connection)


def test_it_cannot_serve_on_cloud_run() -> None:
    with pytest.raises(SetupError, match="Cloud Run"):
        DevelopmentSignIn(HOSTS, in_cloud=True)


@pytest.mark.parametrize(
    "address", ["", "localhost", "127.0.0.1:80", "0x7f000001", "2130706433", "0.0.0.0", "::"]
)
def test_what_is_no_loopback_address(address: str) -> None:
    assert not is_loopback(address)
