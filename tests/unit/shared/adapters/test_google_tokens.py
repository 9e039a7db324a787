"""Real signatures of a made-up Google: what is taken, what is refused, and how often its keys are fetched."""

import datetime
import json
import time
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.auth import crypt, jwt
from google.auth.exceptions import TransportError

from shared.adapters.google_tokens import KEYS_FRESH_S, KEYS_KEPT_S, GoogleTokens
from shared.errors import Retry, SignInNeeded

AUDIENCE = "https://steno.test"


class Signer:
    """A key of Google's, and the certificate it publishes."""

    def __init__(self, key_id: str) -> None:
        self.key_id = key_id
        key = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        self._signer: Any = crypt.RSASigner.from_string(pem, key_id)  # type: ignore[no-untyped-call]  # ships none
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "made up")])
        now = datetime.datetime.now(datetime.UTC)
        day = datetime.timedelta(days=1)
        builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        dated = builder.serial_number(1).not_valid_before(now - day).not_valid_after(now + day)
        self.certificate = dated.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()

    def token(self, **changes: object) -> str:
        now_s = int(time.time())
        claims = {
            "iss": "https://accounts.google.com",
            "aud": AUDIENCE,
            "email": "push@clinic.test",
            "email_verified": True,
            "iat": now_s - 5,
            "exp": now_s + 300,
        }
        encoded: bytes = jwt.encode(self._signer, {**claims, **changes})  # type: ignore[no-untyped-call]  # ships none
        return encoded.decode()


OLD, NEW = Signer("old"), Signer("new")


class Answer:
    def __init__(self, status: int, body: object) -> None:
        self.status = status
        self.headers: dict[str, str] = {}
        self.data = json.dumps(body).encode()


class Google:
    """Its address for keys."""

    def __init__(self, *signers: Signer) -> None:
        self.signers = signers
        self.status = 200
        self.reachable = True
        self.asked = 0
        self.now_s = 1_000.0
        self.tokens = GoogleTokens(self, lambda: self.now_s)

    def __call__(self, url: str, method: str, **options: object) -> Answer:
        assert (method, options) == ("GET", {"timeout": 4.0})
        assert url.startswith("https://www.googleapis.com/")
        self.asked += 1
        if not self.reachable:
            raise TransportError("no route")  # type: ignore[no-untyped-call]  # ships none
        return Answer(self.status, {each.key_id: each.certificate for each in self.signers})


def test_keys_are_fetched_once_an_hour() -> None:
    google = Google(OLD)
    for _ in range(3):
        assert google.tokens.claims(OLD.token(), AUDIENCE)["email"] == "push@clinic.test"
    assert google.asked == 1
    google.now_s += KEYS_KEPT_S
    assert google.tokens.claims(OLD.token(), AUDIENCE)["aud"] == AUDIENCE
    assert google.asked == 2


@pytest.mark.parametrize(
    "token",
    [
        "",
        "a.b.c",
        "nonsense",
        OLD.token()[:-8] + "AAAAAAAA",
        OLD.token(iss="https://evil.test"),
        OLD.token(aud="https://other.test"),
        OLD.token(exp=int(time.time()) - 60),
        OLD.token(iat=int(time.time()) + 600, exp=int(time.time()) + 900),
        Signer("old").token(),
        Signer("unknown").token(),
    ],
    ids=[
        "empty",
        "dots",
        "words",
        "signature",
        "issuer",
        "audience",
        "expired",
        "early",
        "forged",
        "unknown",
    ],
)
def test_a_token_that_is_not_good_says_nothing_of_itself(token: str) -> None:
    google = Google(OLD)
    with pytest.raises(SignInNeeded) as caught:
        google.tokens.claims(token, AUDIENCE)
    assert str(caught.value) == "the token is not Google's, not for us, or no longer good"


def test_a_new_key_is_found_and_a_forger_cannot_have_us_ask_for_keys_again_and_again() -> None:
    google = Google(OLD)
    google.tokens.claims(OLD.token(), AUDIENCE)
    google.signers = (OLD, NEW)
    with pytest.raises(SignInNeeded):
        google.tokens.claims(NEW.token(), AUDIENCE)
    assert google.asked == 1
    google.now_s += KEYS_FRESH_S
    assert google.tokens.claims(NEW.token(), AUDIENCE)["email_verified"] is True
    for _ in range(5):
        with pytest.raises(SignInNeeded):
            google.tokens.claims("forged", AUDIENCE)
    assert google.asked == 2


@pytest.mark.parametrize("trouble", ["status", "reachable"])
def test_a_google_that_does_not_answer_is_asked_again(trouble: str) -> None:
    google = Google(OLD)
    setattr(google, trouble, 500 if trouble == "status" else False)
    with pytest.raises(Retry):
        google.tokens.claims(OLD.token(), AUDIENCE)
    setattr(google, trouble, 200 if trouble == "status" else True)
    assert google.tokens.claims(OLD.token(), AUDIENCE)["aud"] == AUDIENCE
