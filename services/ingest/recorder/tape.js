/** Stage 2 of 13. The tape: captured audio that is not yet covered. Bounded, pure; the twin of `client/tape.py`. */

import { SAMPLES_PER_SECOND } from "./chunks.js";

/** 60 minutes, 115 MB: longer than any tunnel, lift or lunch, and small beside a browser's own needs. */
export const TAPE_SAMPLES_MAX = 60 * 60 * SAMPLES_PER_SECOND;

export const BLOCK_SAMPLES = SAMPLES_PER_SECOND;

/** Samples `[start, until)` of one take, in blocks, so that neither adding nor forgetting copies what stays. */
export class Tape {
  constructor(samplesMax = TAPE_SAMPLES_MAX, start = 0) {
    this.start = start;
    this.until = start;
    this.samplesMax = samplesMax;
    /** @type {Int16Array[]} */
    this.blocks = [];
    /** Position of the first sample of the first block; at most one block before `start`. */
    this.first = start;
  }

  /** How many samples fit; captured audio beyond that is refused, never dropped. */
  get room() {
    return this.samplesMax - (this.until - this.start);
  }

  /**
   * Append captured audio. The caller has asked for `room`: a full tape stops capture instead.
   * @param {Int16Array} pcm
   */
  add(pcm) {
    if (pcm.length > this.room) throw new RangeError("the tape has no room for this audio");
    for (let at = 0; at < pcm.length; ) {
      const filled = (this.until - this.first) % BLOCK_SAMPLES;
      if (this.until - this.first === this.blocks.length * BLOCK_SAMPLES) this.blocks.push(new Int16Array(BLOCK_SAMPLES));
      const part = pcm.subarray(at, at + BLOCK_SAMPLES - filled);
      /** @type {Int16Array} */ (this.blocks.at(-1)).set(part, filled);
      at += part.length;
      this.until += part.length;
    }
  }

  /**
   * A copy of the audio of a span that is on the tape.
   * @param {number} start
   * @param {number} until
   */
  read(start, until) {
    if (!(this.start <= start && start <= until && until <= this.until)) throw new RangeError("not on the tape");
    const found = new Int16Array(until - start);
    for (let at = start; at < until; ) {
      const offset = (at - this.first) % BLOCK_SAMPLES;
      const block = /** @type {Int16Array} */ (this.blocks[Math.floor((at - this.first) / BLOCK_SAMPLES)]);
      const part = block.subarray(offset, Math.min(BLOCK_SAMPLES, offset + until - at));
      found.set(part, at - start);
      at += part.length;
    }
    return found;
  }

  /**
   * Everything before `covered` is stored by the server; a position beyond the tape forgets all of it.
   * @param {number} covered
   */
  forget(covered) {
    this.start = Math.max(this.start, Math.min(covered, this.until));
    const whole = Math.floor((this.start - this.first) / BLOCK_SAMPLES);
    this.blocks.splice(0, whole);
    this.first += whole * BLOCK_SAMPLES;
  }
}
