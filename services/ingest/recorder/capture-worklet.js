/** Runs in the browser's audio thread: quanta of the microphone in, chunks of 16 kHz PCM with the time of day out. */

import { Chunker, SAMPLES_PER_SECOND } from "./chunks.js";
import { Resampler } from "./resample.js";

/** @typedef {import("./chunks.js").Chunk} Chunk */

class CaptureProcessor extends AudioWorkletProcessor {
  constructor() {
    super();
    this.chunker = new Chunker();
    this.resampler = sampleRate === SAMPLES_PER_SECOND ? null : new Resampler(sampleRate, SAMPLES_PER_SECOND);
    this.running = true;
    this.port.onmessage = () => {
      // The page has one thing to say: stop. What is gathered goes out first, then the news that it was the last.
      this.running = false;
      this.#post(this.chunker.flush());
      this.port.postMessage(null);
    };
  }

  /** @param {Float32Array[][]} inputs */
  process([input]) {
    const channel = input?.[0];
    if (this.running && channel) {
      this.#post(this.chunker.push(this.resampler ? this.resampler.push(channel) : channel));
    }
    return this.running;
  }

  /** @param {Chunk[]} chunks */
  #post(chunks) {
    for (const { pcm, peak } of chunks) {
      // The time is taken here, not where the message is read: a busy page reads late, and that is no loss of sound.
      this.port.postMessage({ pcm, peak, wallMs: Date.now() }, [pcm.buffer]);
    }
  }
}

registerProcessor("steno-capture", CaptureProcessor);
