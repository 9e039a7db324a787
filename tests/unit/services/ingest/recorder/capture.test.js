import assert from "node:assert/strict";
import { test } from "node:test";

import { Capture } from "../../../../../services/ingest/recorder/capture.js";

/** @typedef {import("../../../../../services/ingest/recorder/microphone.js").Listener} Listener */

const NO_DEVICE = new DOMException("", "NotFoundError");

/** A machine with a clock turned by hand and microphones that are plugged in and pulled. */
class Machine {
  constructor() {
    this.now = 1_000_000;
    this.plugged = true;
    this.devices = new EventTarget();
    /** @type {{ at: number, act: () => void }[]} */
    this.timers = [];
    /** @type {Listener[]} those whose microphone is open */
    this.listeners = [];
    /** @type {unknown[]} */
    this.told = [];
    this.woken = 0;
    this.capture = new Capture(
      {
        chunk: (pcm) => this.told.push(pcm.length),
        gap: (cause, wallMs) => this.told.push([cause, wallMs]),
        changed: () => {},
      },
      {
        open: /** @type {any} */ ((/** @type {Listener} */ listener) => this.#open(listener)),
        devices: this.devices,
        nowMs: () => this.now,
        after: (ms, act) => this.#after(ms, act),
      },
    );
  }

  /** @param {Listener} listener */
  async #open(listener) {
    if (!this.plugged) throw NO_DEVICE;
    this.listeners.push(listener);
    const close = async () => void (this.listeners = this.listeners.filter((each) => each !== listener));
    return { wake: () => this.woken++, close };
  }

  /** @param {number} ms @param {() => void} act */
  #after(ms, act) {
    const timer = { at: this.now + ms, act };
    this.timers.push(timer);
    return () => void (this.timers = this.timers.filter((each) => each !== timer));
  }

  /** @param {number} ms */
  async pass(ms) {
    this.now += ms;
    const due = this.timers.filter(({ at }) => at <= this.now);
    this.timers = this.timers.filter(({ at }) => at > this.now);
    for (const { act } of due) act();
    await settled();
  }

  /** 100 ms in which every open microphone hears something. */
  hear(peak = 0.5) {
    this.now += 100;
    for (const each of this.listeners) each.heard({ pcm: new Int16Array(1_600), peak, wallMs: this.now });
  }

  async pull() {
    this.plugged = false;
    for (const each of this.listeners) each.ended();
    await settled();
  }

  async plug() {
    this.plugged = true;
    this.devices.dispatchEvent(new Event("devicechange"));
    await settled();
  }
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

test("sound goes on as it comes, from the first chunk on it is on", async () => {
  const machine = new Machine();
  await machine.capture.start();
  assert.equal(machine.capture.state, "starting");
  machine.hear();
  machine.hear();
  assert.equal(machine.capture.state, "on");
  assert.deepEqual(machine.told, [1_600, 1_600]);
});

test("without a microphone it does not start, and says why", async () => {
  const machine = new Machine();
  machine.plugged = false;
  await assert.rejects(machine.capture.start(), NO_DEVICE);
  assert.equal(machine.capture.state, "off");
});

test("a microphone that was pulled is a gap for as long as nothing was heard, once another is there", async () => {
  const machine = new Machine();
  await machine.capture.start();
  machine.hear();
  await machine.pull();
  assert.equal(machine.capture.state, "lost");
  machine.now += 7_000;
  await machine.plug();
  machine.hear();
  assert.deepEqual(machine.told, [1_600, ["device_lost", 7_000], 1_600]);
  assert.equal(machine.capture.state, "on");
});

test("a microphone that was only in use elsewhere is found again without an event", async () => {
  const machine = new Machine();
  await machine.capture.start();
  machine.hear();
  await machine.pull();
  machine.plugged = true;
  await machine.pass(2_000);
  machine.hear();
  assert.deepEqual(machine.told, [1_600, ["device_lost", 2_000], 1_600]);
});

test("a gap that still lasts when the person stops is told at once", async () => {
  const machine = new Machine();
  await machine.capture.start();
  machine.hear();
  await machine.pull();
  machine.now += 3_000;
  await machine.capture.stop();
  assert.deepEqual(machine.told, [1_600, ["device_lost", 3_000]]);
  await machine.plug();
  assert.equal(machine.listeners.length, 0);
});

test("sound that stops without an event is said, asked for again, and is a gap when it comes", async () => {
  const machine = new Machine();
  await machine.capture.start();
  machine.hear();
  await machine.pass(10_000);
  assert.equal(machine.capture.state, "stalled");
  assert.equal(machine.woken, 1);
  machine.hear();
  assert.equal(machine.capture.state, "on");
  assert.deepEqual(machine.told, [1_600, ["suspended", 10_000], 1_600]);
});

test("stopped while no sound comes, what was missed is told", async () => {
  const machine = new Machine();
  await machine.capture.start();
  machine.hear();
  await machine.pass(5_000);
  await machine.capture.stop();
  assert.deepEqual(machine.told, [1_600, ["suspended", 5_000]]);
});

test("the time between stop and start is a pause, no gap", async () => {
  const machine = new Machine();
  await machine.capture.start();
  machine.hear();
  await machine.capture.stop();
  machine.now += 60_000;
  await machine.capture.start();
  machine.hear();
  assert.deepEqual(machine.told, [1_600, 1_600]);
});

test("a microphone that opens after the person stopped is closed again and never heard", async () => {
  const machine = new Machine();
  const starting = machine.capture.start();
  await machine.capture.stop();
  await starting;
  machine.hear();
  assert.equal(machine.listeners.length, 0);
  assert.deepEqual(machine.told, []);
});

test("digital silence is told from a quiet room", async () => {
  const machine = new Machine();
  await machine.capture.start();
  for (let n = 0; n < 70; n++) machine.hear(0.002);
  assert.equal(machine.capture.isSilent, false);
  for (let n = 0; n < 70; n++) machine.hear(0);
  assert.equal(machine.capture.isSilent, true);
  machine.hear();
  assert.equal(machine.capture.isSilent, false);
});

test("a microphone muted by the system is silent at once", async () => {
  const machine = new Machine();
  await machine.capture.start();
  machine.hear();
  machine.listeners[0]?.muted(true);
  assert.equal(machine.capture.isSilent, true);
});
