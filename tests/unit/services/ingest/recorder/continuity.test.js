import assert from "node:assert/strict";
import { test } from "node:test";

import { Continuity, MISSED_MS_MIN } from "../../../../../services/ingest/recorder/continuity.js";

/**
 * Chunks of 100 ms that were complete at these times of day.
 * @param {number[]} wallMs
 */
function missed(wallMs) {
  const continuity = new Continuity();
  continuity.begin(0);
  return wallMs.map((each) => continuity.heard(each, 100)).filter((each) => each > 0);
}

/** @param {number} count @param {(n: number) => number} time */
const times = (count, time) => Array.from({ length: count }, (_, n) => time(n + 1));

test("sound that comes as fast as time passes misses nothing", () => {
  assert.deepEqual(missed(times(1_000, (n) => 100 * n)), []);
});

test("a closed lid is missed once, for as long as it was closed", () => {
  const [ms, ...more] = missed(times(100, (n) => 100 * n + (n > 50 ? 60_000 : 0)));
  assert.ok(ms !== undefined && Math.abs(ms - 60_000) < 100, `${ms}`);
  assert.deepEqual(more, []);
});

test("sound delivered in bursts misses nothing", () => {
  assert.deepEqual(missed(times(1_000, (n) => 1_500 * Math.ceil(n / 15))), []);
});

test("a clock that differs by a tenth of a thousandth misses nothing in a whole day", () => {
  assert.deepEqual(missed(times(864_000, (n) => 100.01 * n)), []);
});

test("short holes add up until they would hide words", () => {
  const holes = missed(times(100, (n) => 100 * n + 500 * Math.floor(n / 10)));
  assert.ok(holes.length >= 2 && holes.every((ms) => ms >= MISSED_MS_MIN), `${holes}`);
});

test("a clock set back is no hole, and hides none that comes later", () => {
  const back = times(100, (n) => 100 * n - (n > 50 ? 30_000 : 0) + (n > 80 ? 5_000 : 0));
  const [ms, ...more] = missed(back);
  assert.ok(ms !== undefined && Math.abs(ms - 5_000) < 100, `${ms}`);
  assert.deepEqual(more, []);
});
