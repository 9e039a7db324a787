import assert from "node:assert/strict";
import { test } from "node:test";

import { clockTime, spell } from "../../../../../services/ingest/recorder/times.js";

test("a place in a recording reads like a clock", () => {
  const read = [0, 7.9, 61, 754, 3_723].map((seconds) => clockTime(seconds * 16_000));
  assert.deepEqual(read, ["0:00", "0:07", "1:01", "12:34", "1:02:03"]);
});

test("a time that was missed is spelt in the units people use, and is never nothing", () => {
  const spelt = [0, 0.2, 7.4, 59.6, 60, 200, 3_600, 3_900].map(spell);
  assert.deepEqual(spelt, ["1 s", "1 s", "7 s", "1 min", "1 min", "3 min 20 s", "1 h", "1 h 5 min"]);
});
