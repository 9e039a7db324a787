"""Is somebody speaking? Frames of audio go in, probabilities come out; the state between frames is explicit.

The voice-activity network (Silero, one core, no torch) listens to 32 ms at a time. Frames without energy never reach it,
so true silence costs nothing. What a detector says depends on nothing but the frames since its last reset: one frame is
one call of the network, so no grouping of frames can change a rounding.
"""

import importlib.util
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt

from shared.domain.values import DETECTOR_FRAME
from shared.errors import SetupError

CONTEXT: Final = 64
"""Samples of the frame before that the network sees again."""

SILENT_PEAK: Final = 32
"""Frames whose loudest sample is below this (-60 dB of full scale) are silence without asking: no recogniser could
read five bits of speech, and rooms and converters are louder."""

Samples = npt.NDArray[np.int16]
_Floats = npt.NDArray[np.float32]

FULL_SCALE: Final = np.float32(1 / 32_768)


class VoiceNetwork:
    """The network itself: no state of its own, so that all streams of a process share one."""

    def __init__(self, path: Path | None = None) -> None:
        """The network in the file `path`, or the installed one. Raises SetupError when it is not there."""
        path = path or _installed_network()
        if path is None or not path.is_file():
            raise SetupError(
                "the voice-activity network of faster-whisper is not installed; run `make setup`"
            )
        import onnxruntime  # 0.2 s and 70 MB, which only a process that listens should pay

        options = onnxruntime.SessionOptions()
        options.inter_op_num_threads = 1
        options.intra_op_num_threads = 1
        options.enable_cpu_mem_arena = False
        options.log_severity_level = 4
        self._session: Any = onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"]
        )

    def __call__(self, audio: _Floats, hidden: _Floats, cell: _Floats) -> tuple[float, _Floats, _Floats]:
        inputs = {"input": audio.reshape(1, -1), "h": hidden, "c": cell}
        probability, hidden, cell = self._session.run(None, inputs)
        return float(probability.reshape(-1)[0]), hidden, cell


class Network(Protocol):
    """What a detector needs of a network; tests bring their own."""

    def __call__(self, audio: _Floats, hidden: _Floats, cell: _Floats) -> tuple[float, _Floats, _Floats]: ...


class SpeechDetector:
    def __init__(self, network: Network) -> None:
        self._network = network
        self.reset()

    def reset(self) -> None:
        """Forget everything heard: what follows is answered as by a new detector."""
        self._hidden: _Floats = np.zeros((1, 1, 128), np.float32)
        self._cell: _Floats = np.zeros((1, 1, 128), np.float32)
        self._context: _Floats = np.zeros(CONTEXT, np.float32)

    def probability(self, frame: Samples) -> float:
        """How likely the frame is speech, 0..1. Exactly DETECTOR_FRAME samples."""
        assert len(frame) == DETECTOR_FRAME
        audio = frame.astype(np.float32) * FULL_SCALE
        heard = np.concatenate((self._context, audio))
        self._context = audio[-CONTEXT:]
        if is_silent(frame):
            return 0.0
        probability, self._hidden, self._cell = self._network(heard, self._hidden, self._cell)
        return probability


def is_silent(frame: Samples) -> bool:
    """Whether nothing in the frame is as loud as SILENT_PEAK."""
    return bool(frame.max() < SILENT_PEAK and frame.min() > -SILENT_PEAK)


def _installed_network() -> Path | None:
    # Found without importing: the package pulls in its whole transcriber, and the network is only a file in it.
    spec = importlib.util.find_spec("faster_whisper")
    for root in (spec.submodule_search_locations or ()) if spec else ():
        for path in sorted(Path(root, "assets").glob("silero_vad*.onnx")):
            return path
    return None
