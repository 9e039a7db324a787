import assert from "node:assert/strict";
import { test } from "node:test";

import { CHUNK_SAMPLES, Chunker } from "../../../../../services/ingest/recorder/chunks.js";

/** @param {Chunker} chunker @param {number[]} samples */
const pushed = (chunker, samples) => chunker.push(Float32Array.from(samples));

test("a chunk is 100 ms, however the audio engine cuts its quanta", () => {
  const chunker = new Chunker();
  const lengths = [];
  for (let n = 0; n < 30; n++) lengths.push(...pushed(chunker, Array(128).fill(0)).map(({ pcm }) => pcm.length));
  lengths.push(...chunker.flush().map(({ pcm }) => pcm.length));
  assert.deepEqual(lengths, [CHUNK_SAMPLES, CHUNK_SAMPLES, 30 * 128 - 2 * CHUNK_SAMPLES]);
});

test("no sample is lost, repeated or moved", () => {
  const chunker = new Chunker();
  const samples = Array.from({ length: 5_000 }, (_, n) => n / 32_768);
  const chunks = [...pushed(chunker, samples.slice(0, 777)), ...pushed(chunker, samples.slice(777)), ...chunker.flush()];
  assert.deepEqual(chunks.flatMap(({ pcm }) => [...pcm]), samples.map((_, n) => n));
});

test("what is too loud for 16 bits is clipped, not wrapped round", () => {
  const chunker = new Chunker();
  pushed(chunker, [1, 2, -1, -2]);
  assert.deepEqual(chunker.flush().map(({ pcm }) => [...pcm]), [[32_767, 32_767, -32_768, -32_768]]);
});

test("the peak is of this chunk only, and never above one", () => {
  const chunker = new Chunker();
  pushed(chunker, [0.25, -3]);
  assert.deepEqual(chunker.flush().map(({ peak }) => peak), [1]);
  pushed(chunker, [0.25, -0.5]);
  assert.deepEqual(chunker.flush().map(({ peak }) => peak), [0.5]);
});

test("nothing gathered gives no chunk", () => {
  assert.deepEqual(new Chunker().flush(), []);
});
