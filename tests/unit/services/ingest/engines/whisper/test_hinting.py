"""When a hint is asked for."""

from services.ingest.engines.whisper.hinting import AGAIN_AFTER, FIRST_AFTER, SHARE, Hinting, Known
from shared.domain.values import Span, samples


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


def test_what_is_known_makes_the_next_hint_cheaper_and_sooner() -> None:
    hinting = Hinting()
    hinting.due(0, 0)
    known = Known(Span(0, samples(9)), "known")
    hinting.learn(known)
    assert hinting.known == known
    assert hinting.due(0, samples(10))
    assert hinting.due(0, samples(10) + AGAIN_AFTER)


def test_what_was_known_of_another_utterance_is_forgotten() -> None:
    hinting = Hinting()
    hinting.asked(0, samples(1))
    hinting.learn(Known(Span(0, samples(1)), "known"))
    hinting.asked(samples(3), samples(4))
    assert hinting.known is None
    hinting.learn(Known(Span(0, samples(1)), "late"))
    assert hinting.known is None


def test_known_words_do_not_show_in_a_repr() -> None:
    assert "murmur" not in repr(Known(Span(0, 1), "murmur"))
