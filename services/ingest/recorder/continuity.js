/** Tells when the time of day ran ahead of the sound: a lid was closed, or the system froze the page. Pure. */

/** Shorter holes are how busy machines deliver sound; longer ones hide words. */
export const MISSED_MS_MIN = 2_000;

/** Clocks differ: sound may lag the time of day by so much for ever without anything being missed. */
const DRIFT = 1 / 1_000;

export class Continuity {
  constructor() {
    this.lastMs = 0;
    this.lagMs = 0;
  }

  /** @param {number} wallMs when the sound that comes now begins to count */
  begin(wallMs) {
    this.lastMs = wallMs;
    this.lagMs = 0;
  }

  /**
   * A chunk was complete at `wallMs`. Sound that comes late in bursts cancels out; sound that never came adds up.
   * @param {number} wallMs
   * @param {number} chunkMs
   * @returns {number} the milliseconds missed before it, 0 for none
   */
  heard(wallMs, chunkMs) {
    this.lagMs = Math.max(0, this.lagMs + wallMs - this.lastMs - chunkMs * (1 + DRIFT));
    this.lastMs = wallMs;
    if (this.lagMs < MISSED_MS_MIN) return 0;
    const missedMs = Math.round(this.lagMs);
    this.lagMs = 0;
    return missedMs;
  }
}
