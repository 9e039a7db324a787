import assert from "node:assert/strict";
import { test } from "node:test";

import { decodeServerMessage } from "../../../../../services/ingest/recorder/messages.js";

test("a message is given as it came, unknown fields and all", () => {
  const ack = { type: "ack", received: 9, covered: 4, send_until: 100, gaps_through: 0, mood: "good" };
  assert.deepEqual(decodeServerMessage(JSON.stringify(ack)), ack);
});

test("a type that only a newer server knows is no mistake", () => {
  assert.equal(decodeServerMessage('{"type": "weather"}'), null);
  assert.equal(decodeServerMessage('{"type": "toString"}'), null);
});

for (const text of ["", "hello", "[]", "null", "7", '{"kind": "ack"}', '{"type": "ack", "received": "9"}', '{"type": "ping"}']) {
  test(`malformed: ${text || "nothing"}`, () => assert.equal(decodeServerMessage(text), undefined));
}

test("binary is no message", () => {
  assert.equal(decodeServerMessage(new ArrayBuffer(4)), undefined);
});
