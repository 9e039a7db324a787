"""What is made on the emulators: complete, again after a restart, and no harm in making it twice."""

from collections.abc import AsyncIterator

import httpx
import pytest

from infra.local.provision import Resource, all_there, make, resources
from shared.config import Config, load_config
from shared.ports import Subscriber
from shared.push import ACK_DEADLINE_S, DELIVERIES_MAX
from tests.doubles.emulators import fresh_name, pubsub_emulator, storage_emulator

URLS = {subscriber: f"http://127.0.0.1:9/{subscriber.value}/" for subscriber in Subscriber}


@pytest.fixture
def config() -> Config:
    return load_config(
        backend="emulators",
        project=fresh_name(),
        bucket=fresh_name(),
        pubsub_emulator=pubsub_emulator().address,
        storage_emulator=storage_emulator().address,
    )


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(trust_env=False, timeout=20) as opened:
        yield opened


async def test_everything_is_made_once_and_made_again_without_harm(
    config: Config, client: httpx.AsyncClient
) -> None:
    wanted = resources(config, URLS)
    assert not await all_there(client, wanted)
    await make(client, wanted)
    assert await all_there(client, wanted)
    await make(client, wanted)


async def test_subscriptions_push_retry_and_bury_as_in_the_cloud(
    config: Config, client: httpx.AsyncClient
) -> None:
    wanted = resources(config, URLS)
    await make(client, wanted)
    for subscriber, resource in zip(Subscriber, wanted[-2:], strict=True):
        made = (await client.get(resource.url)).json()
        assert made["name"].endswith(f"-{subscriber.value}")
        assert made["pushConfig"]["pushEndpoint"] == URLS[subscriber]
        assert made["ackDeadlineSeconds"] == ACK_DEADLINE_S
        assert made["deadLetterPolicy"]["maxDeliveryAttempts"] == DELIVERIES_MAX
        assert made["deadLetterPolicy"]["deadLetterTopic"].endswith(f"/topics/{config.dead_letter_topic}")
        assert made["retryPolicy"] == {"minimumBackoff": "1s", "maximumBackoff": "60s"}


async def test_a_refusal_is_not_taken_for_success(config: Config, client: httpx.AsyncClient) -> None:
    url = f"{pubsub_emulator().url}/v1/projects/{config.project}/topics/t1"
    with pytest.raises(httpx.HTTPStatusError):
        await make(client, [Resource(url, url, "PUT")])
