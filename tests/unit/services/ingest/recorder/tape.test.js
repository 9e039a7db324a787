import assert from "node:assert/strict";
import { test } from "node:test";

import { BLOCK_SAMPLES, TAPE_SAMPLES_MAX, Tape } from "../../../../../services/ingest/recorder/tape.js";

/** @param {number} start @param {number} until samples that say where they are */
const pcm = (start, until) => Int16Array.from({ length: until - start }, (_, n) => (start + n) % 30_011);

test("what was added is read back, wherever the blocks meet", () => {
  const tape = new Tape();
  for (let at = 0; at < 80_000; at += 1_600) tape.add(pcm(at, at + 1_600));
  for (const [start, until] of /** @type {const} */ ([[0, 80_000], [15_999, 16_001], [16_000, 32_000], [7, 7]])) {
    assert.deepEqual(tape.read(start, until), pcm(start, until));
  }
});

test("a part longer than a block is kept whole", () => {
  const tape = new Tape(TAPE_SAMPLES_MAX, 500);
  tape.add(pcm(500, 500 + 3 * BLOCK_SAMPLES + 7));
  assert.equal(tape.until, 500 + 3 * BLOCK_SAMPLES + 7);
  assert.deepEqual(tape.read(500, tape.until), pcm(500, tape.until));
});

test("what is covered is forgotten, and its memory with it", () => {
  const tape = new Tape();
  tape.add(pcm(0, 100_000));
  tape.forget(50_001);
  assert.equal(tape.start, 50_001);
  assert.equal(tape.blocks.length, 4);
  assert.deepEqual(tape.read(50_001, 100_000), pcm(50_001, 100_000));
  assert.throws(() => tape.read(50_000, 60_000), RangeError);
});

test("forgetting never goes back, and never past the end", () => {
  const tape = new Tape();
  tape.add(pcm(0, 20_000));
  tape.forget(15_000);
  tape.forget(10);
  assert.equal(tape.start, 15_000);
  tape.forget(1_000_000);
  assert.deepEqual([tape.start, tape.until, tape.room], [20_000, 20_000, TAPE_SAMPLES_MAX]);
  tape.add(pcm(20_000, 50_000));
  assert.deepEqual(tape.read(20_000, 50_000), pcm(20_000, 50_000));
});

test("a full tape refuses what does not fit; what is covered makes room", () => {
  const tape = new Tape(32_000);
  tape.add(pcm(0, 32_000));
  assert.equal(tape.room, 0);
  assert.throws(() => tape.add(pcm(0, 1)), RangeError);
  tape.forget(1_600);
  tape.add(pcm(32_000, 33_600));
  assert.deepEqual(tape.read(1_600, 33_600), pcm(1_600, 33_600));
});

test("an hour of recording without an outage holds one block or two", () => {
  const tape = new Tape();
  for (let at = 0; at < 3_600 * 16_000; at += 1_600) {
    tape.add(new Int16Array(1_600));
    tape.forget(at);
  }
  assert.ok(tape.blocks.length <= 2);
});
