"""Tickets: ours, unexpired and for this session, or 4401 and 4403."""

import base64
import hashlib
import hmac
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.tickets import EXPIRES_IN_MS, KEY_BYTES, KEYS_MAX, TicketKey, Tickets
from shared.domain.values import Principal, SessionId
from shared.errors import NotYours, SignInNeeded

SESSION = SessionId("11111111-1111-4111-8111-111111111111")
OTHER = SessionId("22222222-2222-4222-8222-222222222222")
ME = Principal("me")
NOW_MS = 1_700_000_000_000
KEY, NEXT_KEY = TicketKey(b"a" * KEY_BYTES), TicketKey(b"b" * KEY_BYTES)
TICKETS = Tickets([KEY])
CLAIMS = {"sub": ME, "sid": SESSION, "iat": NOW_MS // 1_000, "exp": NOW_MS // 1_000 + 900}


def encoded(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()


def forged(header: object, claims: object, key: TicketKey = KEY, digest: str = "sha256") -> str:
    """A token signed with `key`, whatever its header says."""
    signed = ".".join(encoded(json.dumps(part).encode()) for part in (header, claims))
    signature = hmac.digest(key.secret, signed.encode(), digest)
    return f"{signed}.{encoded(signature)}"


def good_header(**changes: object) -> dict[str, object]:
    return {"alg": "HS256", "typ": "JWT", "kid": KEY.kid, **changes}


def test_a_ticket_says_who_it_was_issued_to_until_it_expires() -> None:
    token = TICKETS.issue(SESSION, ME, NOW_MS)
    assert TICKETS.verify(token, SESSION, NOW_MS) == ME
    assert TICKETS.verify(token, SESSION, NOW_MS + EXPIRES_IN_MS - 1_000) == ME
    with pytest.raises(SignInNeeded, match="expired"):
        TICKETS.verify(token, SESSION, NOW_MS + EXPIRES_IN_MS)


def test_it_is_good_for_its_own_session_only() -> None:
    token = TICKETS.issue(SESSION, ME, NOW_MS)
    with pytest.raises(NotYours) as caught:
        TICKETS.verify(token, OTHER, NOW_MS)
    assert caught.value.close_code == 4403


def test_what_was_forged_in_this_test_would_be_good_if_it_were_right() -> None:
    assert TICKETS.verify(forged(good_header(), CLAIMS), SESSION, NOW_MS) == ME


@pytest.mark.parametrize(
    "token",
    [
        "",
        ".",
        "..",
        "a.b.c",
        "\ud800",
        "é" * 20,
        "x" * 4_096,
        forged(good_header(), CLAIMS)[:-2],
        forged(good_header(), CLAIMS) + ".",
        forged(good_header(), CLAIMS, NEXT_KEY),
        forged(good_header(kid=NEXT_KEY.kid), CLAIMS, NEXT_KEY),
        forged({"alg": "HS256"}, CLAIMS),
        forged(good_header(kid=7), CLAIMS),
        forged(good_header(kid=[]), CLAIMS),
        forged(good_header(kid={}), CLAIMS),
        forged(good_header(alg="none"), CLAIMS),
        forged(good_header(alg="None"), CLAIMS),
        forged(good_header(alg="HS512"), CLAIMS, digest="sha512"),
        forged(good_header(alg="RS256"), CLAIMS),
        forged(good_header(alg=None), CLAIMS),
        forged(good_header(alg=["HS256"]), CLAIMS),
        forged(good_header(b64=False, crit=["b64"]), CLAIMS),
        forged(good_header(crit=["exp"]), CLAIMS),
        forged([], CLAIMS),
        forged(7, CLAIMS),
        forged(good_header(), []),
        forged(good_header(), "text"),
        forged(good_header(), {**CLAIMS, "exp": "never"}),
        forged(good_header(), {**CLAIMS, "exp": None}),
        forged(good_header(), {**CLAIMS, "exp": 1e400}),
        forged(good_header(), {"sub": ME, "sid": SESSION}),
        f"{encoded(json.dumps(good_header(alg='none')).encode())}.{encoded(json.dumps(CLAIMS).encode())}.",
        f"{encoded(b'[' * 3_000)}.e30.e30",
    ],
)
def test_anything_else_asks_to_sign_in_and_is_not_quoted(token: str) -> None:
    with pytest.raises(SignInNeeded) as caught:
        TICKETS.verify(token, SESSION, NOW_MS)
    assert caught.value.close_code == 4401
    assert caught.value.__cause__ is None
    assert str(caught.value) == "this is not a valid ticket; ask for a new one"


@given(st.text())
def test_no_text_at_all_breaks_it(token: str) -> None:
    with pytest.raises(SignInNeeded):
        TICKETS.verify(token, SESSION, NOW_MS)


def test_during_a_rotation_both_keys_verify_and_the_first_signs() -> None:
    rotating = Tickets([NEXT_KEY, KEY])
    assert rotating.verify(TICKETS.issue(SESSION, ME, NOW_MS), SESSION, NOW_MS) == ME
    fresh = rotating.issue(SESSION, ME, NOW_MS)
    assert Tickets([NEXT_KEY]).verify(fresh, SESSION, NOW_MS) == ME
    with pytest.raises(SignInNeeded):
        TICKETS.verify(fresh, SESSION, NOW_MS)


@pytest.mark.parametrize("keys", [[], [KEY] * (KEYS_MAX + 1)])
def test_a_ring_has_one_or_two_keys(keys: list[TicketKey]) -> None:
    with pytest.raises(AssertionError):
        Tickets(keys)


def test_a_key_shows_nothing_of_its_secret() -> None:
    assert "aaa" not in repr(KEY)
    assert KEY.kid not in hashlib.sha256(KEY.secret).hexdigest()
