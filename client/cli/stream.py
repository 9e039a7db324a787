"""`steno stream`: a recording, streamed like a microphone."""

EXAMPLES = ""


def stream() -> int:
    """x"""
    return 0
