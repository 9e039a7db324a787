import assert from "node:assert/strict";
import { test } from "node:test";

import { alarmOf, panelOf } from "../../../../../services/ingest/recorder/panels.js";
import { NONE, SECOND, facts, link, recording, session } from "./recordings.js";

/**
 * @typedef {import("./recordings.js").Recording} Recording
 * @typedef {import("../../../../../services/ingest/recorder/screen.js").State} State
 */

/** @param {Recording | null} made @param {State} state @param {Partial<import("./recordings.js").Facts>} more */
const panel = (made, state = "recording", more = {}) => panelOf(facts(made, more), state);

/** @param {number} code */
const stopped = (code) =>
  recording({ link: link({ phase: "stopped", bye: { type: "bye", code, reason: "because", retry: false, since_ms: 0 } }) });

test("nothing is said while all is well", () => {
  assert.equal(panel(null, "idle"), null);
  assert.equal(panel(recording()), null);
  assert.equal(alarmOf(recording(), "recording"), "");
});

/** @type {[number, RegExp, string][]} */
const stops = [
  [4400, /refuses this recording \(because\)/, "continueHere"],
  [4401, /signed out.*Sign in again in another tab/, "signedIn"],
  [4403, /belongs to somebody else/, "newSession"],
  [4406, /older than the service/, "reload"],
  [4409, /Another recorder has had this session since .*still recorded/, "continueHere"],
  [4410, /was deleted/, "newSession"],
  [4413, /no more recordings/, "newSession"],
  [4416, /refuses this recording/, "continueHere"],
];
for (const [code, says, action] of stops) {
  test(`stopped by ${code}: says why, and what to do`, () => {
    const shown = panel(stopped(code));
    assert.match(shown?.text ?? "", says);
    assert.deepEqual(shown?.buttons.map((button) => button.action), [action]);
  });
}

test("who has the session is said even if since when is not known", () => {
  const bye = { type: /** @type {const} */ ("bye"), code: 4409, reason: "", retry: false };
  assert.match(panel(recording({ link: link({ phase: "stopped", bye }) }))?.text ?? "", /^Another recorder has this session\./);
});

for (const problem of ["NotAllowedError", "NotFoundError", "NotReadableError", "SecurityError", "AbortError"]) {
  test(`${problem}: nothing is being recorded, and Record is the way on`, () => {
    const shown = panel(recording({ problem, link: link({ intent: "idle", phase: "resting", dial: 0 }) }), "idle");
    assert.match(shown?.text ?? "", /Nothing is being recorded\.$/);
    assert.deepEqual(shown?.buttons, [{ name: "Try again", action: "record" }]);
  });
}

test("without a connection the person is told that recording goes on, once a redial has failed", () => {
  const away = link({ phase: "waiting", tries: 1 });
  assert.match(panel(recording({ link: away }))?.text ?? "", /no connection\. Recording goes on/);
  assert.match(panel(recording({ link: away }), "paused")?.text ?? "", /What was recorded is kept/);
  assert.equal(panel(recording({ link: link({ phase: "dialling", tries: 0 }) })), null);
  assert.match(panel(recording(), "recording", { isOnline: false })?.text ?? "", /no connection/);
});

test("who paused with everything saved need not know of the network", () => {
  const saved = link({ phase: "waiting", tries: 3, intent: "paused" }, { covered: 40 * SECOND });
  assert.equal(panel(recording({ link: saved }), "paused"), null);
});

test("finish without a network says that it waits", () => {
  const away = link({ phase: "waiting", tries: 2, intent: "finished" });
  const waiting = panel(recording({ link: away }), "finishing");
  assert.match(waiting?.text ?? "", /Keep this page open: it finishes by itself.* record the next session meanwhile/);
  assert.deepEqual(waiting?.buttons.map(({ action }) => action), ["newSession"]);
  assert.match(panel(recording({ link: link({ phase: "finishing", intent: "finished" }) }), "finishing")?.text ?? "", /^Finishing/);
});

test("an earlier session that waits for the person is shown to them, once nothing of this one would be lost", () => {
  const earlier = { ...NONE, count: 1, isStopped: true };
  assert.match(panel(recording(), "recording", { earlier })?.text ?? "", /needs you.* kept on this device\. Finish this one first\.$/);
  assert.deepEqual(panel(recording(), "recording", { earlier })?.buttons, []);
  for (const state of /** @type {const} */ (["finishing", "finished"])) {
    assert.deepEqual(panel(recording(), state, { earlier })?.buttons.map(({ action }) => action), ["showStopped"]);
  }
  assert.deepEqual(panel(null, "idle", { earlier })?.buttons.map(({ action }) => action), ["showStopped"]);
});

test("a device that is full of earlier sessions says when it can record again", () => {
  const earlier = { ...NONE, count: 20, hasRoom: false };
  assert.match(panel(null, "idle", { earlier })?.text ?? "", /Record again once the network has taken some of it\. Keep this page open\.$/);
  assert.equal(panel(recording(), "recording", { earlier }), null);
});

test("the end offers the next one", () => {
  const done = recording({ link: link({ phase: "done", intent: "finished" }, { covered: 40 * SECOND }) });
  assert.deepEqual(panel(done, "finished")?.buttons.map(({ action }) => action), ["newSession"]);
});

test("a tape that fills says how long it lasts, in whole minutes", () => {
  const filling = link({}, { capturedUntil: 3_600 * SECOND - 125 * SECOND, keptFrom: 0 });
  assert.match(panel(recording({ link: filling }))?.text ?? "", /can record 3 min more without a network/);
});

test("a notice of the service is passed on, with whether the audio is safe", () => {
  const notice = { type: /** @type {const} */ ("notice"), kind: /** @type {const} */ ("storage"), text: "Saving is delayed.", safe: true };
  assert.equal(panel(recording({ notice }))?.text, "Saving is delayed.");
  assert.equal(panel(recording({ notice: { ...notice, safe: false } }))?.text, "Saving is delayed. Keep this page open.");
  assert.equal(panel(recording({ notice: { ...notice, kind: "moving" } })), null);
});

test("an interrupted session is offered to who is about to begin, with what is missing", () => {
  const offered = session({ undelivered_ms: 12_000 });
  const shown = panel(null, "idle", { offered });
  assert.match(shown?.text ?? "", /is not finished\. 0:45 is saved\. 12 s of it did not arrive\./);
  assert.deepEqual(shown?.buttons.map(({ action }) => action), ["openOffered", "continueOffered"]);
  assert.match(panel(null, "idle", { offered, opened: session() })?.text ?? "", /^This session is not finished/);
  assert.equal(panel(recording(), "recording", { offered }), null);
});

test("one that is recorded elsewhere at this moment is not taken for abandoned", () => {
  const recorded = session({ undelivered_ms: 2_000, state: "recording" });
  const offer = panel(null, "idle", { offered: recorded });
  assert.match(offer?.text ?? "", /is open in another tab or on another device, or was until a moment ago\. 0:45 is saved\.$/);
  assert.equal(offer?.buttons[0]?.action, "openOffered");
  const read = panel(null, "idle", { opened: recorded });
  assert.match(read?.text ?? "", /is open in another tab.* Press Record to go on with it here instead\.$/);
  // The service would refuse to end it.
  assert.deepEqual(read?.buttons, []);
});

test("a finished session is read, and the next is a new one", () => {
  assert.match(panel(null, "idle", { opened: session({ state: "finished" }) })?.text ?? "", /is finished/);
});

test("a session that is read can be gone on with, or ended as it is", () => {
  const shown = panel(null, "idle", { opened: session() });
  assert.equal(shown?.text, "This session is not finished. Press Record to go on with it.");
  assert.deepEqual(shown?.buttons.map(({ action }) => action), ["endOpened"]);
});

/** @type {[string, Recording, RegExp][]} */
const alarms = [
  ["a full tape", recording({ link: link({ fullSinceMs: 5 }) }), /can hold no more/],
  ["a lost microphone", recording({ capture: { state: "lost", level: 0, isSilent: false } }), /microphone is gone/],
  ["a stalled microphone", recording({ capture: { state: "stalled", level: 0, isSilent: false } }), /No sound comes/],
  ["a silent microphone", recording({ capture: { state: "on", level: 0, isSilent: true } }), /no sound at all/],
];
for (const [what, made, says] of alarms) {
  test(`${what} is an alarm, while it is recording`, () => {
    assert.match(alarmOf(made, "recording"), says);
    assert.equal(alarmOf(made, "paused"), "");
  });
}
