"""Google's adapters: imported and opened only where they were chosen, and one sentence where they cannot be."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from shared.config import EMULATORS, Config, load_config
from shared.errors import SetupError, StoreUnavailable
from shared.wiring import build
from tests.doubles.emulators import free_port

ROOT = Path(__file__).parents[3]


def config_in(directory: Path, **more: object) -> Config:
    return load_config(
        data_dir=directory / "data",
        key_file=directory / "keys" / "key.json",
        ticket_key_file=directory / "t.key",
        project="made-up",
        bucket="drafts",
        **more,
    )


def emulators_in(directory: Path) -> Config:
    nobody = f"127.0.0.1:{free_port()}"
    return config_in(directory, backend="emulators", **dict.fromkeys(EMULATORS, nobody))


def gcp_in(directory: Path) -> Config:
    return config_in(directory, backend="gcp", kms_key="projects/p/locations/l/keyRings/r/cryptoKeys/k")


async def test_on_the_emulators_wakeups_are_pushed_without_tokens_and_the_key_is_a_file(
    tmp_path: Path,
) -> None:
    config = emulators_in(tmp_path)
    ports = build(config)
    try:
        assert (ports.pulled, ports.verify) == (None, None)
        assert ports.box is ports.letters
        assert ports.kek.decrypt(ports.kek.encrypt(b"key", b"place"), b"place") == b"key"
        with pytest.raises(StoreUnavailable):
            await ports.store.check()
    finally:
        await ports.close()
    assert config.key_file.exists()


async def test_on_google_cloud_tokens_are_checked_and_no_key_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = rsa.generate_private_key(public_exponent=65_537, key_size=2_048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    account = tmp_path / "account.json"
    account.write_text(
        json.dumps(
            {
                "type": "service_account",
                "client_email": "steno@made-up.test",
                "private_key": key.decode(),
                "token_uri": f"http://127.0.0.1:{free_port()}",
            }
        )
    )
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(account))
    config = gcp_in(tmp_path)
    ports = build(config)
    assert ports.verify is not None
    assert ports.pulled is None
    assert ports.box is ports.letters
    await ports.close()
    assert not config.key_file.exists()
    assert not config.data_dir.exists()


async def test_without_credentials_it_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    # Otherwise it is looked for on the network whether this is one of Google's machines.
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    with pytest.raises(SetupError, match="there are no credentials for Google Cloud"):
        build(gcp_in(tmp_path))


@pytest.mark.parametrize(
    ("backend", "said"),
    [
        ("embedded", "built"),
        ("emulators", "a package for Google Cloud and its emulators is missing (grpc); run: make setup-dev"),
        ("gcp", "a package for Google Cloud and its emulators is missing (grpc); run: make setup-dev"),
    ],
)
def test_a_laptop_does_without_googles_packages(backend: str, said: str, tmp_path: Path) -> None:
    config = {"embedded": config_in, "emulators": emulators_in, "gcp": gcp_in}[backend](tmp_path)
    # Stands before the installed one, which all clients of Google's need.
    (tmp_path / "grpc.py").write_text("raise ModuleNotFoundError('none', name='grpc')")
    script = (
        "import asyncio\n"
        "from shared.config import load_config\n"
        "from shared.errors import SetupError\n"
        "from shared.wiring import build\n"
        "async def main():\n"
        "    try:\n"
        "        await build(load_config()).close()\n"
        "        print('built')\n"
        "    except SetupError as error:\n"
        "        print(error)\n"
        "asyncio.run(main())\n"
    )
    told = {**os.environ, **config.environment(), "PYTHONPATH": f"{tmp_path}:{ROOT}"}
    # Log lines begin with the year.
    done = subprocess.run(
        [sys.executable, "-c", script], env=told, capture_output=True, text=True, timeout=50, check=True
    )
    lines = [line for line in done.stdout.splitlines() if not line.startswith("20")]
    assert len(lines) == 1
    assert lines[0].startswith(said)
