import assert from "node:assert/strict";
import { test } from "node:test";

import { Recorder } from "../../../../../services/ingest/recorder/recorder.js";
import { WELCOME, Wire, settled } from "./wire.js";

/** @typedef {import("../../../../../services/ingest/recorder/microphone.js").Listener} Listener */

const SECOND = 16_000;

/** A page's recording with its microphone and its network in the test's hands. */
class World {
  constructor(tapeSamplesMax = 3_600 * SECOND) {
    this.now = 1_000_000;
    this.isPlugged = true;
    /** @type {Listener | null} */
    this.listener = null;
    /** @type {Wire[]} */
    this.wires = [];
    /** @type {{ at: number, act: () => void }[]} */
    this.timers = [];
    const nowMs = () => this.now;
    /** @param {number} ms @param {() => void} act */
    const after = (ms, act) => {
      const timer = { at: this.now + ms, act };
      this.timers.push(timer);
      return () => void (this.timers = this.timers.filter((each) => each !== timer));
    };
    this.recorder = new Recorder("session", () => {}, {
      tapeSamplesMax,
      microphones: {
        open: /** @type {any} */ (async (/** @type {Listener} */ listener) => this.#open(listener)),
        devices: undefined,
        nowMs,
        after,
      },
      network: {
        open: () => /** @type {any} */ (this.#dial()),
        askTicket: async () => ({ token: "ticket", expires_in_ms: 900_000 }),
        nowMs,
        wallMs: nowMs,
        random: () => 0.5,
        after,
      },
    });
  }

  /** @param {Listener} listener */
  #open(listener) {
    if (!this.isPlugged) throw new DOMException("", "NotFoundError");
    this.listener = listener;
    return { wake: () => {}, close: async () => void (this.listener = null) };
  }

  #dial() {
    const wire = new Wire();
    this.wires.push(wire);
    return wire;
  }

  get wire() {
    return /** @type {Wire} */ (this.wires.at(-1));
  }

  /** @param {number} samples */
  hear(samples = 1_600) {
    this.now += samples / 16;
    this.listener?.heard({ pcm: new Int16Array(samples), peak: 0.5, wallMs: this.now });
  }

  async records() {
    await this.recorder.record();
    await settled();
    this.wire.opens();
    this.wire.says(WELCOME);
    return this;
  }

  /** Another connection, whenever the link dials it. @param {object} welcome */
  async reconnects(welcome) {
    for (let n = 0; n < 30 && this.recorder.link.phase !== "dialling"; n++) {
      this.now += 1_000;
      for (const { act } of this.timers.filter(({ at }) => at <= this.now)) act();
    }
    this.wire.opens();
    this.wire.says({ ...WELCOME, ...welcome });
    await settled();
  }

  get state() {
    const { link, capture, problem } = this.recorder;
    return [link.intent, capture.state, problem];
  }
}

test("what is heard is on the tape and on the wire, in order", async () => {
  const world = await new World().records();
  world.hear();
  world.hear();
  assert.deepEqual([world.recorder.tape.until, world.wire.frames], [3_200, 2]);
  await world.recorder.finish();
  assert.deepEqual(world.wire.messages, ["hello", "finish"]);
});

test("without a microphone nothing is dialled, and the page knows why", async () => {
  const world = new World();
  world.isPlugged = false;
  await world.recorder.record();
  assert.deepEqual(world.state, ["idle", "off", "NotFoundError"]);
  assert.equal(world.wires.length, 0);
  world.isPlugged = true;
  await world.recorder.record();
  assert.deepEqual(world.state, ["recording", "starting", ""]);
});

test("that a microphone would not open is forgotten once the person has finished", async () => {
  const world = await new World().records();
  world.hear();
  await world.recorder.pause();
  world.isPlugged = false;
  await world.recorder.record();
  assert.deepEqual(world.state, ["paused", "off", "NotFoundError"]);
  await world.recorder.finish();
  assert.deepEqual(world.state, ["finished", "off", ""]);
});

test("a full tape closes the microphone; once there is room it is opened again, and the gap is told", async () => {
  const world = await new World(20 * SECOND).records();
  world.wire.ends();
  for (let second = 0; second < 19; second++) world.hear(SECOND);
  await settled();
  assert.deepEqual(world.state, ["recording", "off", ""]);
  await world.reconnects({ send_from: 19 * SECOND, send_until: 49 * SECOND });
  assert.deepEqual(world.state, ["recording", "starting", ""]);
  assert.equal(world.recorder.tape.room, 20 * SECOND);
  assert.deepEqual(world.wire.messages, ["hello", "gap"]);
});

test("a microphone that is gone when there is room again is said, and recording is not pretended", async () => {
  const world = await new World(20 * SECOND).records();
  world.wire.ends();
  for (let second = 0; second < 19; second++) world.hear(SECOND);
  await settled();
  world.isPlugged = false;
  await world.reconnects({ send_from: 19 * SECOND, send_until: 49 * SECOND });
  assert.deepEqual(world.state, ["paused", "off", "NotFoundError"]);
});

test("pause and record in haste are done one after another", async () => {
  const world = await new World().records();
  world.hear();
  const done = [world.recorder.pause(), world.recorder.record(), world.recorder.pause(), world.recorder.record()];
  await Promise.all(done);
  assert.deepEqual(world.state, ["recording", "starting", ""]);
  world.hear();
  assert.equal(world.recorder.tape.until, 3_200);
});

test("what the service says reaches transcript, draft and notice", async () => {
  const world = await new World().records();
  world.hear();
  world.wire.says({ type: "hint", take: 1, start: 0, until: 1_600, text: "hin" });
  assert.equal(world.recorder.transcript.hint?.text, "hin");
  world.wire.says({ type: "entry", index: 0, take: 1, start: 0, until: 1_600, text: "hints", utterance_end: true });
  world.wire.says({ type: "polished", index: 0, first: 0, last: 0, text: "Hints." });
  world.wire.says({ type: "draft", state: "pending", through: 0 });
  assert.equal(world.recorder.transcript.note, "Hints.");
  assert.equal(world.recorder.draft?.state, "pending");
});

test("a notice holds until what it was about is over", async () => {
  const world = await new World().records();
  for (let second = 0; second < 11; second++) world.hear(SECOND);
  world.wire.says({ type: "notice", kind: "storage", text: "Saving is delayed.", safe: true });
  world.wire.says({ type: "ack", received: SECOND, covered: SECOND, send_until: 40 * SECOND, gaps_through: 0 });
  assert.equal(world.recorder.notice?.kind, "storage");
  world.wire.says({ type: "ack", received: 2 * SECOND, covered: 2 * SECOND, send_until: 40 * SECOND, gaps_through: 0 });
  assert.equal(world.recorder.notice, null);
});

test("words of a log that is no longer there are taken from the screen", async () => {
  const world = await new World().records();
  world.wire.says({ type: "entry", index: 0, take: 1, start: 0, until: 1, text: "old", utterance_end: true });
  world.wire.ends();
  await world.reconnects({ log_id: "restored" });
  assert.equal(world.recorder.transcript.note, "");
});

test("closed, it lets go of microphone, socket and timers", async () => {
  const world = await new World().records();
  world.hear();
  await world.recorder.close();
  assert.equal(world.listener, null);
  assert.equal(world.wire.isClosed, true);
  assert.deepEqual(world.timers, []);
});
