"""Sign-in: who is asking. One small port; in development, whoever sits at this machine is signed in.

Production sign-in is one more class here that looks at the same connection and raises the same errors.
"""

import ipaddress
from typing import Final, Protocol

from starlette.requests import HTTPConnection

from services.ingest.http_rules import Forbidden, check_direct, check_host, check_origin
from shared.domain.values import Principal
from shared.errors import SetupError

LOCAL_PRINCIPAL: Final = Principal("local")


class SignIn(Protocol):
    async def principal(self, asking: HTTPConnection) -> Principal:
        """Raises SignInNeeded if nobody is signed in, Forbidden if this request may not sign anybody in."""


class DevelopmentSignIn:
    """No credential: a request that comes from this very machine, to one of `hosts`, is the local principal's."""

    def __init__(self, hosts: frozenset[str], *, in_cloud: bool) -> None:
        if in_cloud:
            raise SetupError("the development sign-in cannot serve on Cloud Run; configure a real sign-in")
        self._hosts = hosts

    async def principal(self, asking: HTTPConnection) -> Principal:
        # The front door has looked at most of this already. It is asked again because here it is the only
        # credential there is, and a door may be configured wider than this sign-in may be.
        if asking.client is None or not is_loopback(asking.client.host):
            raise Forbidden("the development sign-in admits connections from this machine only")
        check_direct(asking.headers)
        check_origin(asking.headers, check_host(asking.headers, self._hosts))
        return LOCAL_PRINCIPAL


def is_loopback(address: str) -> bool:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = getattr(parsed, "ipv4_mapped", None)
    return (mapped or parsed).is_loopback
