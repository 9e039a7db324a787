"""What `accuracy.py` prints: word error rates after Whisper's own normaliser, latencies, and the cost of a second."""

from collections.abc import Sequence
from statistics import median, quantiles

from tests.bench.accuracy_run import Clip, Heard, Utterance
from tests.bench.accuracy_words import errors, fold

FAR_OFF_WORDS = 3


def report(found: Sequence[Clip], heard: Sequence[Heard], whole: Sequence[str], *, fast: bool) -> str:
    words = [len(fold(clip.text).split()) for clip in found]
    streamed = [errors(each.text, each.clip.text) for each in heard]
    offline = [errors(text, clip.text) for text, clip in zip(whole, found, strict=True)]
    lines = [f"{'file':28} {'words':>5} {'errors':>6} {'whole':>6}  finals"]
    for clip, each, count, mine, theirs in zip(found, heard, words, streamed, offline, strict=True):
        lines.append(f"{clip.name:28} {count:5} {mine:6} {theirs:6}  {len(each.utterances)}")
    far_off = [clip.name for clip, mine in zip(found, streamed, strict=True) if mine > FAR_OFF_WORDS]
    seconds = sum(clip.seconds for clip in found)
    lines += [
        f"WER, pooled: {sum(streamed) / sum(words):.2%} streamed, {sum(offline) / sum(words):.2%} whole files",
        f"off by more than {FAR_OFF_WORDS} words: {', '.join(far_off) or 'none'}",
        f"speech without words: {sum(len(each.wordless) for each in heard)}",
        f"processor: {sum(each.cpu_s for each in heard) / seconds:.3f} s for a second of audio",
    ]
    if not fast:
        lines += _latencies([each for clip in heard for each in clip.utterances])
    return "\n".join(lines) + "\n"


def _latencies(utterances: Sequence[Utterance]) -> list[str]:
    hinted = [each.first_hint - each.begins for each in utterances if each.first_hint is not None]
    return [
        _line("first hint after speech begins", hinted),
        _line("text settled after speech ends", [max(0.0, each.settled - each.ends) for each in utterances]),
        _line("final after speech ends", [each.final - each.ends for each in utterances]),
    ]


def _line(what: str, seconds: Sequence[float]) -> str:
    if len(seconds) < 2:
        return f"{what}: {', '.join(f'{each:.2f}' for each in seconds) or 'none'} s"
    p95 = quantiles(seconds, n=20, method="inclusive")[-1]
    return f"{what}: median {median(seconds):.2f} s, p95 {p95:.2f} s, {len(seconds)} of them"
