"""What Terraform makes in the cloud, made on the emulators over their REST interfaces: bucket, topics, subscriptions.

An emulator that was started again has none of them any more, so whoever keeps them looks again and again, and making
what is there already is no error.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import httpx

from shared.config import Config
from shared.ports import Subscriber
from shared.push import ACK_DEADLINE_S, DELIVERIES_MAX

FOUND: Final = 200
EXISTS: Final = 409

LETTERS_DEADLINE_S: Final = 60
"""How long dead letters are hidden from others while somebody looks at them."""

RETRY_S: Final = ("1s", "60s")


@dataclass(frozen=True, slots=True)
class Resource:
    """Made by sending `body` to `made_at`; there when a GET of `url` is answered 200."""

    url: str
    made_at: str
    method: str
    body: Mapping[str, object] = field(default_factory=dict)


def resources(config: Config, functions: Mapping[Subscriber, str]) -> list[Resource]:
    """In the order in which they are made: each needs those before it. `functions` says where each is pushed to."""
    topic, letters = (f"projects/{config.project}/topics/{name}" for name in topics(config))
    return [
        _bucket(config),
        _pubsub(config, letters),
        _pubsub(
            config,
            f"projects/{config.project}/subscriptions/{config.dead_letter_topic}",
            {"topic": letters, "ackDeadlineSeconds": LETTERS_DEADLINE_S},
        ),
        _pubsub(config, topic),
        *(
            _pubsub(config, subscription_of(config, subscriber), _pushed(topic, letters, url))
            for subscriber, url in functions.items()
        ),
    ]


def topics(config: Config) -> tuple[str, str]:
    return config.topic, config.dead_letter_topic


def subscription_of(config: Config, subscriber: Subscriber) -> str:
    """Its name ends with the subscriber's, by which a dead letter is told to be whose."""
    return f"projects/{config.project}/subscriptions/{config.topic}-{subscriber.value}"


def _pushed(topic: str, letters: str, url: str) -> Mapping[str, object]:
    soonest, latest = RETRY_S
    return {
        "topic": topic,
        "pushConfig": {"pushEndpoint": url},
        "ackDeadlineSeconds": ACK_DEADLINE_S,
        "retryPolicy": {"minimumBackoff": soonest, "maximumBackoff": latest},
        "deadLetterPolicy": {"deadLetterTopic": letters, "maxDeliveryAttempts": DELIVERIES_MAX},
    }


def _pubsub(config: Config, name: str, body: Mapping[str, object] | None = None) -> Resource:
    url = f"http://{config.pubsub_emulator}/v1/{name}"
    return Resource(url, url, "PUT", body or {})


def _bucket(config: Config) -> Resource:
    buckets = f"http://{config.storage_emulator}/storage/v1/b"
    made_at = f"{buckets}?project={config.project}"
    return Resource(f"{buckets}/{config.bucket}", made_at, "POST", {"name": config.bucket})


async def all_there(client: httpx.AsyncClient, wanted: Sequence[Resource]) -> bool:
    """Raises httpx.HTTPError when an emulator does not answer."""
    for resource in wanted:
        if (await client.get(resource.url)).status_code != FOUND:
            return False
    return True


async def make(client: httpx.AsyncClient, wanted: Sequence[Resource]) -> None:
    """Raises httpx.HTTPError when an emulator does not answer, or refuses."""
    for resource in wanted:
        answer = await client.request(resource.method, resource.made_at, json=resource.body)
        if answer.status_code != EXISTS:
            answer.raise_for_status()
