"""What Whisper hears of audio: the log-mel spectrum it was trained on, computed on the calling thread alone."""

from typing import Final

import numpy as np
import numpy.typing as npt

from shared.domain.values import SAMPLES_PER_SECOND

FRAMES_PER_SECOND: Final = 100

_FFT: Final = 400
_HOP: Final = SAMPLES_PER_SECOND // FRAMES_PER_SECOND
_SILENCE: Final = 1e-10
_DECADES: Final = 8.0
"""Whatever is this much fainter than the loudest is taken for this faint."""

Floats = npt.NDArray[np.float32]


class Spectrum:
    """As faster-whisper's own, but without its matrix product: on two cores numpy's linear algebra would spread that
    over threads which then spin, 0.1 s of a core for every call, beside recognition and the event loop."""

    def __init__(self, bands: int) -> None:
        from faster_whisper.feature_extractor import FeatureExtractor

        filters: Floats = FeatureExtractor.get_mel_filters(SAMPLES_PER_SECOND, _FFT, bands)
        self._filters = filters.astype(np.float32)
        self._window = np.hanning(_FFT + 1)[:-1].astype(np.float32)

    def __call__(self, audio: Floats, frames: int) -> Floats:
        """One batch of `frames` frames: the audio's, and after them nothing."""
        spectrum = self._of(audio)[:, :frames]
        padded = np.zeros((1, spectrum.shape[0], frames), np.float32)
        padded[0, :, : spectrum.shape[1]] = spectrum
        return padded

    def _of(self, audio: Floats) -> Floats:
        centred = np.pad(np.pad(audio, (0, _HOP)), _FFT // 2, mode="reflect")
        windows = np.lib.stride_tricks.sliding_window_view(centred, _FFT)[::_HOP][:-1]
        power = np.abs(np.fft.rfft(windows * self._window)).astype(np.float32) ** 2
        faintness = np.log10(np.maximum(np.einsum("bf,tf->bt", self._filters, power), _SILENCE))
        levels: Floats = (np.maximum(faintness, faintness.max() - _DECADES) + 4.0) / 4.0
        return levels.astype(np.float32)
