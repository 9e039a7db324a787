/** One microphone, opened: the browser's audio graph behind three calls. `capture.js` decides when to open one. */

import { SAMPLES_PER_SECOND } from "./chunks.js";

/**
 * @typedef {import("./chunks.js").Chunk & { wallMs: number }} Heard `wallMs`: when its last sample was heard
 * @typedef {{ heard: (chunk: Heard) => void, ended: () => void, muted: (muted: boolean) => void }} Listener
 */

/** Speech engines are trained on plain microphones; the browser's own processing swallows quiet consonants. */
const WANTED = {
  audio: { channelCount: 1, echoCancellation: false, noiseSuppression: false, autoGainControl: false },
};

/** The audio thread answers in milliseconds, or never, when the system has suspended it. */
const FLUSH_MS_MAX = 500;

/**
 * Asks the person the first time. Rejects with the browser's own DOMException.
 * @param {Listener} listener
 */
export async function openMicrophone(listener) {
  if (!navigator.mediaDevices) throw new DOMException("no secure connection", "SecurityError");
  const stream = await navigator.mediaDevices.getUserMedia(WANTED);
  try {
    return new Microphone(stream, await connect(stream), listener);
  } catch (error) {
    stopTracks(stream);
    throw error;
  }
}

export class Microphone {
  /**
   * @param {MediaStream} stream
   * @param {AudioWorkletNode} node
   * @param {Listener} listener
   */
  constructor(stream, node, listener) {
    this.stream = stream;
    this.node = node;
    this.context = /** @type {AudioContext} */ (node.context);
    this.flushed = new Promise((resolve) => {
      node.port.onmessage = ({ data }) => (data ? listener.heard(data) : resolve(null));
    });
    for (const track of stream.getAudioTracks()) {
      track.onended = listener.ended;
      track.onmute = () => listener.muted(true);
      track.onunmute = () => listener.muted(false);
    }
  }

  /** The system may suspend audio, for a call or a closed lid; whoever misses sound asks for it again. */
  wake() {
    if (this.context.state !== "closed") this.context.resume().catch(() => undefined); // refused: asked again later
  }

  /** Resolves when the last sound before now was given to the listener and the device is free. */
  async close() {
    for (const track of this.stream.getAudioTracks()) track.onended = track.onmute = track.onunmute = null;
    this.node.port.postMessage(null);
    await Promise.race([this.flushed, new Promise((resolve) => setTimeout(resolve, FLUSH_MS_MAX))]);
    this.node.port.onmessage = null;
    stopTracks(this.stream);
    await this.context.close();
  }
}

/** @param {MediaStream} stream */
async function connect(stream) {
  const { context, source } = listen(stream);
  try {
    await context.audioWorklet.addModule("/static/capture-worklet.js");
    const node = new AudioWorkletNode(context, "steno-capture", {
      channelCount: 1,
      channelCountMode: "explicit",
      channelInterpretation: "speakers",
    });
    // Browsers run only what leads to the speakers; the node gives them silence.
    source.connect(node).connect(context.destination);
    await context.resume();
    return node;
  } catch (error) {
    await context.close();
    throw error;
  }
}

/** @param {MediaStream} stream */
function listen(stream) {
  const context = new AudioContext({ sampleRate: SAMPLES_PER_SECOND });
  try {
    return { context, source: context.createMediaStreamSource(stream) };
  } catch {
    // Firefox connects a microphone only to a context of its own rate; the worklet resamples there.
    context.close();
    const native = new AudioContext();
    return { context: native, source: native.createMediaStreamSource(stream) };
  }
}

/** @param {MediaStream} stream */
function stopTracks(stream) {
  for (const track of stream.getTracks()) track.stop();
}
