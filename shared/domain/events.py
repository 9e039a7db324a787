"""What a message on the bus says beside its body: names that who publishes and who is pushed to must spell alike.

session, log_id, next_index     a session has changed, and its log reaches so far; meant for everybody
session, subscriber             this one subscriber is to look at it, whatever has changed
"""

from collections.abc import Mapping
from typing import Final

SESSION: Final = "session"
LOG_ID: Final = "log_id"
NEXT_INDEX: Final = "next_index"
SUBSCRIBER: Final = "subscriber"


def is_meant_for(attributes: Mapping[str, str], subscriber: str) -> bool:
    """Whether `subscriber` has anything to do with a message; others acknowledge it and do nothing.

    Asked by whoever receives one, because a subscription's filter is a saving and no promise: emulators ignore it.
    """
    return attributes.get(SUBSCRIBER, subscriber) == subscriber
