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

const DEVICE_RATE = 0;

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
   * @param {{ source: AudioNode, node: AudioWorkletNode }} graph
   * @param {Listener} listener
   */
  constructor(stream, { source, node }, listener) {
    this.stream = stream;
    this.source = source;
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
    resume(this.context);
  }

  /** Resolves when the last sound before now was given to the listener and the device is free. */
  async close() {
    for (const track of this.stream.getAudioTracks()) track.onended = track.onmute = track.onunmute = null;
    this.node.port.postMessage(null);
    await Promise.race([this.flushed, new Promise((resolve) => setTimeout(resolve, FLUSH_MS_MAX))]);
    this.node.port.onmessage = null;
    stopTracks(this.stream);
    this.source.disconnect();
    this.node.disconnect();
    suspend(this.context);
  }
}

/**
 * Audio engines with the worklet loaded, by the rate asked for (0: the device's own). They are kept, silent, between
 * recordings: to load the worklet takes a network, and a microphone must open without one too.
 * @type {Map<number, Promise<AudioContext>>}
 */
const contexts = new Map();

/** Loads what recording needs while there certainly is a network. Nothing is heard yet. */
export const prepareMicrophone = () => void contextAt(SAMPLES_PER_SECOND).catch(() => undefined); // asked again on Record

/** @param {number} rate */
function contextAt(rate) {
  const context = contexts.get(rate) ?? loadContext(rate);
  contexts.set(rate, context);
  context.catch(() => contexts.delete(rate));
  return context;
}

/** @param {number} rate */
async function loadContext(rate) {
  const context = new AudioContext(rate > 0 ? { sampleRate: rate } : {});
  try {
    suspend(context);
    await context.audioWorklet.addModule("/static/capture-worklet.js");
    return context;
  } catch (error) {
    await context.close();
    throw error;
  }
}

/** @param {MediaStream} stream */
async function connect(stream) {
  const source = await sourceOf(stream);
  const context = /** @type {AudioContext} */ (source.context);
  const node = new AudioWorkletNode(context, "steno-capture", {
    channelCount: 1,
    channelCountMode: "explicit",
    channelInterpretation: "speakers",
  });
  // Browsers run only what leads to the speakers; the node gives them silence.
  source.connect(node).connect(context.destination);
  resume(context);
  return { source, node };
}

/** @param {MediaStream} stream */
async function sourceOf(stream) {
  const context = await contextAt(SAMPLES_PER_SECOND);
  try {
    return context.createMediaStreamSource(stream);
  } catch {
    // Firefox connects a microphone only to a context of its own rate; the worklet resamples there.
    return (await contextAt(DEVICE_RATE)).createMediaStreamSource(stream);
  }
}

// Neither is waited for: a system that has interrupted audio answers when it likes, and Finish must not wait for that.
// Who misses sound asks again.

/** @param {AudioContext} context */
const suspend = (context) => void context.suspend().catch(() => undefined);

/** @param {AudioContext} context */
const resume = (context) => void context.resume().catch(() => undefined);

/** @param {MediaStream} stream */
function stopTracks(stream) {
  for (const track of stream.getTracks()) track.stop();
}
