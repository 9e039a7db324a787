import assert from "node:assert/strict";
import { test } from "node:test";

import { encodeFrame } from "../../../../../services/ingest/recorder/frames.js";

/** @param {Uint8Array} bytes */
const hex = (bytes) => Buffer.from(bytes).toString("hex");

test("the header is big-endian, the samples are little-endian", () => {
  assert.equal(hex(encodeFrame(0x0102, Int16Array.of(1, -2))), "010000000000000000000102" + "0100" + "feff");
});

test("positions beyond 32 bits keep every bit", () => {
  assert.equal(hex(encodeFrame(2 ** 53 - 1, Int16Array.of(0))), "01000000001fffffffffffff" + "0000");
});

test("a part of a longer buffer is sent, not the buffer", () => {
  const part = Int16Array.of(1, 2, 3, 4).subarray(1, 3);
  assert.equal(hex(encodeFrame(0, part)), "010000000000000000000000" + "02000300");
});
