/**
 * Turns audio of any sample rate into 16 kHz, for browsers that refuse to record at it. Pure, and exact in its count:
 * output sample n stands for input position n * in / out, so positions never drift.
 */

const LOBES = 16; // zero crossings of the sinc on each side: stop band near -60 dB, under 2 ms of delay
const PASS = 0.92; // of the lower Nyquist frequency; the rest is the filter's slope, so nothing folds back

export class Resampler {
  /**
   * @param {number} from rate in Hz
   * @param {number} to rate in Hz
   */
  constructor(from, to) {
    const common = gcd(from, to);
    this.up = to / common;
    this.down = from / common;
    const cutoff = (PASS * Math.min(from, to)) / from; // of the input's Nyquist frequency
    this.reach = Math.ceil(LOBES / cutoff);
    this.taps = Array.from({ length: this.up }, (_, phase) => taps(phase / this.up, cutoff, this.reach));
    /** The input that later output still needs; silence stands before the first sample. */
    this.held = new Float32Array(this.reach);
    /** Where the next output sample is in `held`, in 1/up of an input sample. */
    this.position = this.reach * this.up;
  }

  /**
   * @param {Float32Array} input
   * @returns {Float32Array}
   */
  push(input) {
    const samples = join(this.held, input);
    const count = Math.max(0, Math.ceil(((samples.length - this.reach) * this.up - this.position) / this.down));
    const output = new Float32Array(count);
    for (let n = 0; n < count; n++) {
      output[n] = this.#at(samples);
      this.position += this.down;
    }
    const used = Math.min(samples.length, Math.floor(this.position / this.up) - this.reach);
    this.held = samples.slice(used);
    this.position -= used * this.up;
    return output;
  }

  /** @param {Float32Array} samples */
  #at(samples) {
    const weights = /** @type {Float32Array} */ (this.taps[this.position % this.up]);
    const first = Math.floor(this.position / this.up) - this.reach + 1;
    let sum = 0;
    for (let k = 0; k < weights.length; k++) {
      sum += /** @type {number} */ (weights[k]) * /** @type {number} */ (samples[first + k]);
    }
    return sum;
  }
}

/**
 * A windowed sinc, sampled for an output that lies `fraction` of a sample after the input's centre.
 * @param {number} fraction
 * @param {number} cutoff
 * @param {number} reach
 */
function taps(fraction, cutoff, reach) {
  const weights = Float32Array.from({ length: 2 * reach }, (_, k) => {
    const distance = k - reach + 1 - fraction;
    return sinc(distance * cutoff) * (0.5 + 0.5 * Math.cos((Math.PI * distance) / (reach + 1)));
  });
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => weight / sum);
}

/** @param {number} x */
const sinc = (x) => (x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x));

/**
 * @param {number} a
 * @param {number} b
 * @returns {number}
 */
const gcd = (a, b) => (b === 0 ? a : gcd(b, a % b));

/**
 * @param {Float32Array} left
 * @param {Float32Array} right
 */
function join(left, right) {
  const both = new Float32Array(left.length + right.length);
  both.set(left);
  both.set(right, left.length);
  return both;
}
