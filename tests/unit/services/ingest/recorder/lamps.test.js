import assert from "node:assert/strict";
import { test } from "node:test";

import { lampsOf } from "../../../../../services/ingest/recorder/lamps.js";
import { SECOND, facts, link, recording } from "./recordings.js";

/** @typedef {import("./recordings.js").Recording} Recording */

/** @param {Recording | null} made @param {import("../../../../../services/ingest/recorder/screen.js").State} state */
function lamps(made, state = "recording", isOnline = true) {
  const { microphone, network, speech } = lampsOf(facts(made, { isOnline }), state);
  return [microphone, network, speech].map(({ mood, says }) => `${mood} ${says}`);
}

test("nothing is wanted of anybody before a recording", () => {
  assert.deepEqual(lamps(null, "idle"), ["off Off", "off Not needed", "off Idle"]);
  assert.equal(lamps(null, "idle", false)[1], "warn Offline");
});

test("all is well while words come", () => {
  assert.deepEqual(lamps(recording()), ["good On", "good Connected", "good Listening"]);
});

/** @type {[Partial<Recording["capture"]>, string][]} */
const microphones = [
  [{ state: "starting" }, "warn Starting"],
  [{ state: "on", isSilent: true }, "bad Silent"],
  [{ state: "stalled" }, "bad No sound comes"],
  [{ state: "lost" }, "bad Disconnected"],
  [{ state: "off" }, "off Off"],
];
for (const [capture, says] of microphones) {
  test(`microphone: ${says}`, () => {
    assert.equal(lamps(recording({ capture: { state: "on", level: 0, isSilent: false, ...capture } }))[0], says);
  });
}

test("a microphone that was not given", () => {
  assert.equal(lamps(recording({ problem: "NotAllowedError" }))[0], "bad Not allowed");
  assert.equal(lamps(recording({ problem: "NotFoundError" }))[0], "bad Not available");
});

test("a full tape has stopped the microphone", () => {
  assert.equal(lamps(recording({ link: link({ fullSinceMs: 1 }) }))[0], "bad Stopped");
});

/** @type {Record<import("../../../../../services/ingest/recorder/link-state.js").Phase, string>} */
const networks = {
  resting: "off Not needed",
  done: "off Not needed",
  waiting: "warn Reconnecting",
  asking: "warn Connecting",
  dialling: "warn Connecting",
  greeting: "warn Connecting",
  live: "good Connected",
  finishing: "good Connected",
  finished: "good Connected",
  stopped: "bad Stopped",
};
for (const [phase, says] of Object.entries(networks)) {
  test(`network while ${phase}: ${says}`, () => {
    const made = recording({ link: link({ phase: /** @type {any} */ (phase) }) });
    assert.equal(lamps(made)[1], says);
    if (phase !== "stopped") assert.equal(lamps(made, "recording", false)[1], "warn Offline");
  });
}

test("a network that carries less than is spoken is catching up; one that waits for credit is not", () => {
  assert.equal(lamps(recording({ link: link({}, { sentUntil: 36 * SECOND }) }))[1], "warn Catching up");
  assert.equal(lamps(recording({ link: link({}, { sentUntil: 36 * SECOND, sendUntil: 36 * SECOND }) }))[1], "good Connected");
});

test("speech that waits: for a connection, or for its text", () => {
  assert.equal(lamps(recording({ link: link({ phase: "waiting" }) }))[2], "warn Waiting");
  assert.equal(lamps(recording({ link: link({}, { covered: 0 }) }))[2], "warn Catching up");
  assert.equal(lamps(recording(), "paused")[2], "off Paused");
  assert.equal(lamps(recording({ link: link({ phase: "finishing" }) }), "finishing")[2], "good Finishing");
  assert.equal(lamps(recording({ link: link({ phase: "done" }) }), "finished")[2], "off Done");
});

for (const kind of /** @type {const} */ (["degraded", "failing_over", "catching_up", "moving", "storage"])) {
  test(`the service's notice ${kind} is on the lamp`, () => {
    const made = recording({ notice: { type: "notice", kind, text: "", safe: true } });
    assert.match(lamps(made)[2] ?? "", /^warn \S/);
  });
}
