import assert from "node:assert/strict";
import { test } from "node:test";

import { canWait, isAtRisk, screenOf, stateOf } from "../../../../../services/ingest/recorder/screen.js";
import { NONE, SECOND, facts, link, recording, session } from "./recordings.js";

/** @typedef {import("./recordings.js").Recording} Recording */

/** @param {Recording | null} made @param {Partial<import("./recordings.js").Facts>} more */
const screen = (made, more = {}) => screenOf(facts(made, more));

/** @param {Recording | null} made @param {Partial<import("./recordings.js").Facts>} more the controls that can be pressed */
const pressable = (made, more = {}) =>
  Object.entries(screen(made, more).controls).filter(([, enabled]) => enabled).map(([name]) => name);

test("the state is what the person wants, and finished only once it is true", () => {
  assert.equal(stateOf(undefined), "idle");
  assert.equal(stateOf(link({ intent: "paused", phase: "waiting" })), "paused");
  assert.equal(stateOf(link({ intent: "finished", phase: "finishing" })), "finishing");
  assert.equal(stateOf(link({ intent: "finished", phase: "finished" })), "finishing");
  assert.equal(stateOf(link({ intent: "finished", phase: "finished" }, { covered: 40 * SECOND })), "finished");
  assert.equal(stateOf(link({ intent: "finished", phase: "stopped" }, { covered: 40 * SECOND })), "finishing");
});

test("what is not saved is said in seconds, and worries nobody while it is usual", () => {
  assert.deepEqual(screen(recording()).safety, { mood: "off", text: "2 s on this device, not yet saved" });
  const late = recording({ link: link({}, { covered: 10 * SECOND }) });
  assert.deepEqual(screen(late).safety, { mood: "warn", text: "30 s on this device, not yet saved" });
  assert.equal(screen(recording({ link: link({ phase: "waiting" }) })).safety.mood, "warn");
});

test("saved is said only of everything, gaps and all", () => {
  const all = { covered: 40 * SECOND };
  assert.deepEqual(screen(recording({ link: link({}, all) })).safety, { mood: "good", text: "Everything is saved" });
  const gaps = [{ cause: /** @type {const} */ ("suspended"), start: 1, until: 1, wallMs: 9 }];
  assert.match(screen(recording({ link: link({}, { ...all, gaps }) })).safety.text, /gap .* not yet saved/);
});

test("nothing is claimed of a recording that never began", () => {
  const none = link({ intent: "idle", phase: "resting", dial: 0 }, { capturedUntil: 0, covered: 0 });
  assert.equal(screen(recording({ link: none })).safety.text, "");
  assert.equal(screen(recording({ link: link({}, { capturedUntil: 0, covered: 0 }) })).safety.text, "");
});

test("the draft's state is told in words", () => {
  /** @param {any} draft */
  const told = (draft) => screen(recording({ draft: { type: "draft", through: 0, ...draft } })).draft;
  assert.equal(screen(recording()).draft, "");
  assert.equal(told({ state: "pending" }), "Draft not saved yet");
  assert.equal(told({ state: "saved" }), "Draft saved");
  assert.match(told({ state: "saved", saved_at_ms: 0 }), /^Draft saved \d/);
  assert.match(told({ state: "pending", saved_at_ms: 0 }), /more follows$/);
  assert.match(told({ state: "failed" }), /could not be saved\. The transcript is safe/);
});

test("only what makes sense can be pressed", () => {
  const finished = link({ intent: "finished", phase: "done" }, { covered: 40 * SECOND });
  assert.deepEqual(pressable(null), ["record"]);
  assert.deepEqual(pressable(null, { opened: session(), hasWords: true }), ["record", "copy"]);
  assert.deepEqual(pressable(null, { opened: session({ state: "finished" }), hasWords: true }), ["copy"]);
  assert.deepEqual(pressable(recording()), ["pause", "finish"]);
  assert.deepEqual(pressable(recording({ link: link({ intent: "paused" }) })), ["record", "finish"]);
  assert.deepEqual(pressable(recording({ link: finished }), { hasWords: true }), ["copy"]);
});

test("a microphone that is being asked for is not asked for twice", () => {
  const capture = { state: /** @type {const} */ ("starting"), level: 0, isSilent: false };
  const starting = recording({ link: link({ intent: "idle", dial: 0 }), capture });
  assert.deepEqual(pressable(starting), []);
  assert.equal(screen(starting).says, "Starting the microphone");
});

test("the keyboard goes on to what can be pressed next, and never to Finish", () => {
  const capture = { state: /** @type {const} */ ("starting"), level: 0, isSilent: false };
  const paused = link({ intent: "paused" });
  const done = link({ intent: "finished", phase: "done" }, { covered: 40 * SECOND });
  assert.equal(screen(null).next, "record");
  assert.equal(screen(recording(), { hasWords: true }).next, "pause");
  assert.equal(screen(recording({ link: paused }), { hasWords: true }).next, "record");
  // Record was pressed: only Finish can be pressed until the microphone is there, so the keyboard waits.
  assert.equal(screen(recording({ link: paused, capture }), { hasWords: true }).next, null);
  assert.equal(screen(recording({ link: done }), { hasWords: true }).next, "copy");
  assert.equal(screen(recording({ link: done })).next, null);
});

test("where words will be, the page says so", () => {
  assert.match(screen(null).empty, /^Press Record/);
  assert.match(screen(recording()).empty, /^Speak/);
  assert.match(screen(null, { opened: session() }).empty, /no words in this session/);
  assert.match(screen(recording({ link: link({ intent: "paused" }) })).empty, /no words yet/);
});

test("a mistake of the page's own is an alarm too", () => {
  assert.match(screen(null, { isBroken: true }).alarm, /went wrong on this page\. What is saved is safe/);
});

test("closing is a risk while recording, or while anything is not saved", () => {
  const all = { covered: 40 * SECOND };
  assert.equal(isAtRisk(null), false);
  assert.equal(isAtRisk(recording({ link: link({}, all) })), true);
  assert.equal(isAtRisk(recording({ link: link({ intent: "paused" }, all) })), false);
  assert.equal(isAtRisk(recording({ link: link({ intent: "paused" }) })), true);
  assert.equal(isAtRisk(recording({ link: link({ intent: "finished", phase: "stopped" }) })), true);
});

test("a finished recording can wait beside the next as long as the service would take what is left of it", () => {
  /** @param {Partial<import("./recordings.js").Link>} more @param {object} delivery */
  const waits = (more, delivery = {}) => canWait(recording({ link: link({ intent: "finished", phase: "waiting", ...more }, delivery) }));
  const all = { covered: 40 * SECOND };
  /** @param {number} code */
  const stopped = (code) => waits({ phase: "stopped", bye: { type: "bye", code, reason: "", retry: false } });
  assert.equal(canWait(null), false);
  assert.equal(waits({}), true);
  assert.equal(waits({ intent: "paused" }), false);
  assert.equal(waits({ phase: "done" }, all), false);
  // The service has all of it, and has yet to hear that this is the end; or it has never heard of it, and never will.
  assert.equal(waits({ logId: "log" }, all), true);
  assert.equal(waits({ logId: null }, { capturedUntil: 0, covered: 0 }), false);
  assert.deepEqual([4401, 4409, 4403, 4406, 4410, 4413].map(stopped), [true, true, false, false, false, false]);
});

test("what is still delivered of earlier sessions is said beside this one, which alone is saved then", () => {
  const earlier = { ...NONE, count: 1, undelivered: 34 * SECOND };
  const all = recording({ link: link({}, { covered: 40 * SECOND }) });
  assert.equal(screen(all).earlier.text, "");
  assert.deepEqual(screen(all, { earlier }).earlier, {
    mood: "off",
    text: "An earlier session is still being delivered: 34 s on this device",
  });
  assert.equal(screen(all, { earlier }).safety.text, "This session is saved");
  const away = screen(null, { earlier: { ...earlier, count: 2, isConnected: false } }).earlier;
  assert.equal(away.mood, "warn");
  assert.match(away.text, /^2 earlier sessions are .* 34 s on this device\. Keep this page open\.$/);
  assert.equal(screen(null, { earlier, isOnline: false }).earlier.mood, "warn");
  assert.equal(screen(null, { earlier: { ...earlier, undelivered: 0 } }).earlier.text, "An earlier session is still being delivered");
});

test("nothing new is recorded on a device that is full of earlier sessions; what was begun goes on", () => {
  const earlier = { ...NONE, count: 20, hasRoom: false };
  assert.deepEqual(pressable(null, { earlier }), []);
  assert.deepEqual(pressable(recording({ link: link({ intent: "paused" }) }), { earlier }), ["record", "finish"]);
});

test("a level of a microphone that is off is not shown", () => {
  assert.equal(screen(recording()).level, 0.25);
  assert.equal(screen(recording({ capture: { state: "off", level: 0.25, isSilent: false } })).level, 0);
});
