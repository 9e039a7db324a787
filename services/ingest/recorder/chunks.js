/** Gathers the audio engine's quanta into 100 ms of 16-bit PCM, the size in which audio travels from here on. Pure. */

export const SAMPLES_PER_SECOND = 16_000;
export const CHUNK_SAMPLES = SAMPLES_PER_SECOND / 10;

/**
 * `peak` is the loudest sample, 0 to 1: enough for a level meter and to tell a dead microphone from a quiet room.
 * @typedef {{ pcm: Int16Array<ArrayBuffer>, peak: number }} Chunk
 */

export class Chunker {
  constructor() {
    this.open = new Int16Array(CHUNK_SAMPLES);
    this.length = 0;
    this.peak = 0;
  }

  /**
   * @param {Float32Array} samples
   * @returns {Chunk[]} those that became full
   */
  push(samples) {
    /** @type {Chunk[]} */
    const full = [];
    for (const sample of samples) {
      this.peak = Math.max(this.peak, Math.abs(sample));
      // Typed arrays are little-endian wherever browsers run, as the wire wants it.
      this.open[this.length++] = Math.max(-32_768, Math.min(32_767, Math.round(sample * 32_768)));
      if (this.length === CHUNK_SAMPLES) full.push(this.#cut());
    }
    return full;
  }

  /** What is left of a chunk when capture stops: the last word may be in it. @returns {Chunk[]} */
  flush() {
    return this.length > 0 ? [this.#cut()] : [];
  }

  #cut() {
    const chunk = { pcm: this.open.slice(0, this.length), peak: Math.min(1, this.peak) };
    this.length = 0;
    this.peak = 0;
    return chunk;
  }
}
