import assert from "node:assert/strict";
import { test } from "node:test";

import { Deliveries, HELD_MAX, ROOM_MIN } from "../../../../../services/ingest/recorder/deliveries.js";
import { TAPE_SAMPLES_MAX } from "../../../../../services/ingest/recorder/tape.js";
import { SECOND, link, recording } from "./recordings.js";

/**
 * @typedef {import("./recordings.js").Link} Link
 * @typedef {import("./recordings.js").Delivery} Delivery
 */

/** A finished recording that waits for the network, 40 s of it on its tape. */
class Finished {
  /** @param {string} session @param {Partial<Link>} more @param {Partial<Delivery>} delivery */
  constructor(session, more = {}, delivery = {}) {
    const { capture, problem, notice, draft } = recording({ capture: { state: "off", level: 0, isSilent: false } });
    Object.assign(this, { capture, problem, notice, draft });
    this.session = session;
    this.begunAtMs = 1_790_000_000_000;
    this.link = link({ session, intent: "finished", phase: "waiting", ...more }, { keptFrom: 0, covered: 0, ...delivery });
    this.isClosed = false;
    /** @type {string[]} */
    this.happened = [];
    this.shell = { happen: (/** @type {{ type: string }} */ { type }) => void this.happened.push(type) };
  }

  async close() {
    this.isClosed = true;
  }
}

function world() {
  /** @type {string[]} */
  const known = [];
  let delivered = 0;
  /** @type {Deliveries<any>} */
  const deliveries = new Deliveries({ known: (session) => void known.push(session), delivered: () => void delivered++ });
  return { deliveries, known, times: () => delivered };
}

test("one that is held is let go of when the service has all of it, and not before", () => {
  const { deliveries, times } = world();
  const first = new Finished("first");
  deliveries.hold(first);
  deliveries.follow();
  assert.deepEqual([deliveries.isAtRisk, deliveries.summary.count, first.isClosed], [true, 1, false]);
  first.link = { ...first.link, phase: "finishing", delivery: first.link.delivery.with({ covered: 40 * SECOND }) };
  deliveries.follow();
  assert.deepEqual([deliveries.summary.count, first.isClosed], [1, false]);
  first.link = { ...first.link, phase: "finished" };
  deliveries.follow();
  deliveries.follow();
  assert.deepEqual([deliveries.isAtRisk, deliveries.summary.count, first.isClosed, times()], [false, 0, true, 1]);
});

test("that the service has come to know one is told once", () => {
  const { deliveries, known } = world();
  const first = new Finished("first");
  const second = new Finished("second", { logId: "log" });
  deliveries.hold(first);
  deliveries.hold(second);
  deliveries.follow();
  assert.deepEqual(known, []);
  first.link = { ...first.link, logId: "log" };
  deliveries.follow();
  deliveries.follow();
  assert.deepEqual(known, ["first"]);
});

test("one that is taken back is as it was, and no longer held", () => {
  const { deliveries } = world();
  const first = new Finished("first");
  deliveries.hold(first);
  assert.equal(deliveries.take("second"), null);
  assert.equal(deliveries.take("first"), first);
  assert.deepEqual([deliveries.summary.count, first.isClosed], [0, false]);
});

test("all tapes share the room of one, and a new one is begun only with enough of it", () => {
  const { deliveries } = world();
  assert.equal(deliveries.room, TAPE_SAMPLES_MAX);
  const minutes = 60 * SECOND;
  deliveries.hold(new Finished("first", {}, { capturedUntil: 30 * minutes }));
  assert.equal(deliveries.room, 30 * minutes);
  deliveries.hold(new Finished("second", {}, { capturedUntil: 30 * minutes - ROOM_MIN }));
  assert.deepEqual([deliveries.room, deliveries.hasRoom], [ROOM_MIN, true]);
  deliveries.hold(new Finished("third", {}, { capturedUntil: 1 }));
  assert.equal(deliveries.hasRoom, false);
});

test("there is an end to how many are held", () => {
  const { deliveries } = world();
  for (let n = 0; n < HELD_MAX; n++) {
    assert.equal(deliveries.hasRoom, true);
    deliveries.hold(new Finished(`${n}`));
  }
  assert.deepEqual([deliveries.hasRoom, deliveries.summary.hasRoom], [false, false]);
});

test("one that needs the person is found, and says so in the list", () => {
  const { deliveries } = world();
  deliveries.hold(new Finished("first"));
  deliveries.hold(new Finished("second", { phase: "stopped" }));
  assert.equal(deliveries.stopped.session, "second");
  assert.deepEqual([deliveries.summary.isStopped, deliveries.summary.isConnected], [true, false]);
  const listed = deliveries.listed((session) => `Example ${session}`);
  assert.deepEqual(listed.map(({ session, note }) => [session.label, session.state, note]), [
    ["Example first", "finishing", "40 s on this device, still being delivered"],
    ["Example second", "finishing", "40 s on this device, you are needed here"],
  ]);
});

test("a network that returns is news for all of them, a sign-in for those who miss it", () => {
  const { deliveries } = world();
  const first = new Finished("first");
  const second = new Finished("second", { phase: "stopped", bye: { type: "bye", code: 4401, reason: "", retry: false } });
  deliveries.hold(first);
  deliveries.hold(second);
  deliveries.check();
  deliveries.signedIn();
  assert.deepEqual([first.happened, second.happened], [["checkNow"], ["checkNow", "signedIn"]]);
});
