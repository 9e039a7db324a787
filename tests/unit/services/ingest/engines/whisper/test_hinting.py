"""When a hint is asked for."""

from services.ingest.engines.whisper.hinting import AGAIN_AFTER, FIRST_AFTER, SHARE, Hinting
from shared.domain.values import samples


def test_the_first_waits_for_a_word_and_the_next_for_another() -> None:
    hinting = Hinting()
    assert not hinting.due(100, 1_000)
    assert not hinting.due(100, 1_000 + FIRST_AFTER - 1)
    assert hinting.due(100, 1_000 + FIRST_AFTER)
    assert not hinting.due(100, 1_000 + FIRST_AFTER + AGAIN_AFTER - 1)
    assert hinting.due(100, 1_000 + FIRST_AFTER + AGAIN_AFTER)


def test_nothing_is_due_without_new_speech() -> None:
    hinting = Hinting()
    hinting.due(0, 0)
    assert hinting.due(0, samples(1))
    assert not any(hinting.due(0, samples(1)) for _ in range(10))


def test_each_utterance_begins_anew() -> None:
    hinting = Hinting()
    hinting.due(0, 0)
    assert hinting.due(0, samples(5))
    assert not hinting.due(samples(6), samples(6.2))
    assert hinting.due(samples(6), samples(6.2) + FIRST_AFTER)


def test_long_utterances_are_hinted_at_less_often() -> None:
    hinting = Hinting()
    hinting.due(0, 0)
    long = samples(10)
    assert hinting.due(0, long)
    assert not hinting.due(0, long + long // SHARE - 1)
    assert hinting.due(0, long + long // SHARE)


def test_words_asked_for_otherwise_need_no_hint() -> None:
    hinting = Hinting()
    hinting.due(0, 0)
    hinting.asked(0, samples(3))
    assert not hinting.due(0, samples(3.1))
    hinting.asked(samples(9), samples(10))
    assert not hinting.due(samples(9), samples(10.1))
