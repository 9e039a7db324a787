import assert from "node:assert/strict";
import { test } from "node:test";

import { Refusal } from "../../../../../services/ingest/recorder/api.js";
import { newLink } from "../../../../../services/ingest/recorder/link-state.js";
import { Shell } from "../../../../../services/ingest/recorder/shell.js";
import { Tape } from "../../../../../services/ingest/recorder/tape.js";
import { WELCOME, Wire, settled } from "./wire.js";

class World {
  constructor(tapeSamplesMax = 3_600 * 16_000) {
    this.now = 1_000;
    /** @type {Wire[]} */
    this.wires = [];
    /** @type {{ at: number, act: () => void }[]} */
    this.timers = [];
    /** @type {any[]} */
    this.told = [];
    /** @type {() => Promise<{ token: string, expires_in_ms: number }>} */
    this.ticket = async () => ({ token: "ticket", expires_in_ms: 900_000 });
    this.tape = new Tape(tapeSamplesMax);
    this.shell = new Shell(
      newLink("session", "take", {}, tapeSamplesMax),
      {
        tape: this.tape,
        show: (message) => this.told.push(message.type),
        stopCapture: () => this.told.push("stop capture"),
        resumeCapture: () => this.told.push("resume capture"),
        changed: () => {},
      },
      {
        open: () => {
          const wire = new Wire();
          this.wires.push(wire);
          return /** @type {any} */ (wire);
        },
        askTicket: () => this.ticket(),
        nowMs: () => this.now,
        wallMs: () => 1_790_000_000_000 + this.now,
        random: () => 0.5,
        after: (ms, act) => {
          const timer = { at: this.now + ms, act };
          this.timers.push(timer);
          return () => void (this.timers = this.timers.filter((each) => each !== timer));
        },
      },
    );
  }

  get wire() {
    return /** @type {Wire} */ (this.wires.at(-1));
  }

  /** Recorded 100 ms. @param {number} samples */
  captures(samples = 1_600) {
    this.tape.add(new Int16Array(samples));
    this.shell.happen({ type: "captured", until: this.tape.until });
  }

  /** @param {number} ms */
  pass(ms) {
    this.now += ms;
    const due = this.timers.filter(({ at }) => at <= this.now);
    this.timers = this.timers.filter(({ at }) => at > this.now);
    for (const { act } of due) act();
  }

  async records() {
    this.shell.happen({ type: "recordPressed" });
    await settled();
    this.wire.opens();
    this.wire.says(WELCOME);
    return this;
  }
}

test("record asks for a ticket, dials, says hello, and sends what is captured", async () => {
  const world = await new World().records();
  world.captures();
  assert.deepEqual(world.wire.messages, ["hello"]);
  assert.equal(world.wire.frames, 1);
  assert.deepEqual(world.told, ["welcome"]);
});

test("what is covered is forgotten", async () => {
  const world = await new World().records();
  world.captures();
  world.wire.says({ type: "ack", received: 1_600, covered: 1_600, send_until: 481_600, gaps_through: 0 });
  assert.equal(world.tape.start, 1_600);
});

test("an old socket that still speaks, opens or closes is not heard", async () => {
  const world = await new World().records();
  const old = world.wire;
  old.ends();
  world.pass(1_000);
  assert.equal(world.wires.length, 2);
  world.wire.opens();
  const before = world.shell.link;
  old.says({ type: "ack", received: 0, covered: 0, send_until: 999_999, gaps_through: 0 });
  old.hears.open({});
  old.ends();
  assert.equal(world.shell.link, before);
});

test("a silent connection is hung up, and another one is dialled", async () => {
  const world = await new World().records();
  const old = world.wire;
  world.pass(12_000);
  assert.equal(old.isClosed, true);
  world.pass(1_000);
  assert.equal(world.wires.length, 2);
});

test("only as much is given to a socket as it passes on, however slow it is", async () => {
  const world = await new World().records();
  world.wire.bufferedAmount = 1;
  world.captures(10 * 16_000);
  assert.equal(world.wire.frames, 2);
  world.pass(60);
  assert.equal(world.wire.frames, 2);
  world.wire.bufferedAmount = 0;
  world.pass(60);
  assert.equal(world.wire.frames, 4);
});

test("a browser that holds timers back stops neither audio nor redials, for sound goes on coming", async () => {
  const world = await new World().records();
  world.captures(10 * 16_000);
  world.timers = [];
  world.now += 100;
  world.captures();
  assert.equal(world.wire.frames, 4);
  world.wire.ends();
  world.timers = [];
  world.now += 1_000;
  world.captures();
  assert.equal(world.wires.length, 2);
});

test("a connection that was lost leaves nothing running but the wait for the next", async () => {
  const world = await new World().records();
  world.captures();
  world.wire.ends();
  assert.equal(world.timers.length, 1);
  world.pass(0);
  assert.equal(world.timers.length, 1);
});

test("what is no message of ours ends the connection", async () => {
  const world = await new World().records();
  const old = world.wire;
  old.says("<html>");
  assert.equal(old.isClosed, true);
  world.pass(1_000);
  assert.equal(world.wires.length, 2);
});

test("a message of a type that is not known is passed over", async () => {
  const world = await new World().records();
  world.wire.says({ type: "weather" });
  assert.equal(world.wire.isClosed, false);
  assert.deepEqual(world.told, ["welcome"]);
});

test("a ticket that is refused stops; one that cannot be had now is asked for again", async () => {
  const world = new World();
  world.ticket = () => Promise.reject(new TypeError("a network of some kind"));
  world.shell.happen({ type: "recordPressed" });
  await settled();
  assert.equal(world.shell.link.phase, "waiting");
  world.ticket = () => Promise.reject(new Refusal(401, "sign in"));
  world.pass(10_000);
  await settled();
  assert.deepEqual([world.shell.link.phase, world.shell.link.bye?.code], ["stopped", 4401]);
});

test("a socket that is closing is given nothing", async () => {
  const world = await new World().records();
  world.wire.readyState = 2;
  world.captures();
  assert.equal(world.wire.frames, 0);
});

test("a full tape stops capture, and room brings it back", async () => {
  const world = await new World(20 * 16_000).records();
  for (let second = 0; second < 19; second++) world.captures(16_000);
  assert.ok(world.told.includes("stop capture"));
  for (let n = 0; n < 10; n++) world.pass(60);
  world.wire.says({ type: "ack", received: 304_000, covered: 304_000, send_until: 999_999, gaps_through: 0 });
  assert.ok(world.told.includes("resume capture"));
  assert.equal(world.wire.messages.at(-1), "gap");
});

test("closed, it neither hears nor sends, and leaves no timer", async () => {
  const world = await new World().records();
  const { wire } = world;
  world.shell.close();
  world.captures();
  wire.says({ type: "ping", echo: 1 });
  assert.deepEqual([wire.isClosed, wire.frames, world.timers.length], [true, 0, 0]);
  assert.deepEqual(wire.messages, ["hello"]);
});
