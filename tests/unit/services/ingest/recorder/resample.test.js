import assert from "node:assert/strict";
import { test } from "node:test";

import { Resampler } from "../../../../../services/ingest/recorder/resample.js";

const SECONDS = 2;

/**
 * @param {number} rate
 * @param {number} hertz
 */
const tone = (rate, hertz) =>
  Float32Array.from({ length: rate * SECONDS }, (_, n) => Math.sin((2 * Math.PI * hertz * n) / rate));

/**
 * Pushed as the audio engine does, 128 samples at a time.
 * @param {number} rate
 * @param {Float32Array} input
 */
function resampled(rate, input) {
  const resampler = new Resampler(rate, 16_000);
  /** @type {number[]} */
  const output = [];
  for (let at = 0; at < input.length; at += 128) output.push(...resampler.push(input.slice(at, at + 128)));
  return output;
}

/** @param {number[]} samples in the middle, away from the edges */
const loudest = (samples) => Math.max(...samples.slice(2_000, -2_000).map(Math.abs));

for (const rate of [8_000, 44_100, 48_000, 96_000]) {
  test(`from ${rate} Hz every second has 16,000 samples, but for the few the filter still holds`, () => {
    const missing = 16_000 * SECONDS - resampled(rate, tone(rate, 440)).length;
    assert.ok(missing >= 0 && missing < 64, `${missing} are missing`);
  });

  test(`from ${rate} Hz a tone of speech keeps its shape and its place`, () => {
    const output = resampled(rate, tone(rate, 1_000));
    const wanted = tone(16_000, 1_000);
    for (let n = 2_000; n < output.length - 2_000; n++) {
      assert.ok(Math.abs(/** @type {number} */ (output[n]) - /** @type {number} */ (wanted[n])) < 0.01, `sample ${n}`);
    }
  });
}

for (const rate of [44_100, 48_000, 96_000]) {
  test(`from ${rate} Hz what 16 kHz cannot hold is removed instead of folding back into speech`, () => {
    assert.ok(loudest(resampled(rate, tone(rate, 10_000))) < 0.01);
  });
}

test("how the input is cut does not change the output", () => {
  const input = tone(44_100, 700);
  assert.deepEqual([...new Resampler(44_100, 16_000).push(input)], resampled(44_100, input));
});
