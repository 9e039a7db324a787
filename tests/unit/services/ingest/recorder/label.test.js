import assert from "node:assert/strict";
import { test } from "node:test";

import { Refusal } from "../../../../../services/ingest/recorder/api.js";
import { Label } from "../../../../../services/ingest/recorder/label.js";
import { settled } from "./wire.js";

/** A field, and a service that answers when the test says so. */
class World {
  constructor() {
    /** @type {Record<string, () => void>} */
    this.hears = {};
    this.note = "";
    this.savedTimes = 0;
    /** @type {{ session: string, label: string, answer: (problem?: Error) => void }[]} */
    this.asked = [];
    /** @type {{ ms: number, act: () => void } | null} */
    this.timer = null;
    this.input = {
      value: "",
      addEventListener: (/** @type {string} */ name, /** @type {any} */ act) => void (this.hears[name] = act),
    };
    this.label = new Label(
      this.input,
      (note) => void (this.note = note),
      () => void this.savedTimes++,
      {
        put: (session, label) =>
          new Promise((resolve, reject) => {
            this.asked.push({ session, label, answer: (problem) => (problem ? reject(problem) : resolve(null)) });
          }),
        after: (ms, act) => {
          this.timer = { ms, act };
          return () => void (this.timer = null);
        },
      },
    );
  }

  /** @param {string} text */
  types(text) {
    this.input.value = text;
    this.hears.input?.();
  }

  changes() {
    this.hears.change?.();
  }

  passes() {
    const timer = this.timer;
    this.timer = null;
    timer?.act();
  }

  /** @param {Error} [problem] */
  async answers(problem) {
    this.asked.at(-1)?.answer(problem);
    await settled();
  }

  get told() {
    return this.asked.map(({ session, label }) => [session, label]);
  }
}

const unreached = new Refusal(0, "The service cannot be reached.");

/** A world with a session on the page that the service knows. */
function open() {
  const world = new World();
  world.label.show("first", "Old", true);
  return world;
}

test("what is typed is saved after a pause, or as soon as the field is left", async () => {
  const world = open();
  world.types("Example");
  assert.deepEqual([world.told, world.timer?.ms, world.label.isAtRisk], [[], 700, true]);
  world.changes();
  assert.deepEqual(world.told, [["first", "Example"]]);
  assert.equal(world.timer, null);
  await world.answers();
  assert.deepEqual([world.note, world.savedTimes, world.label.isAtRisk], ["Saved", 1, false]);
  world.types("Example, knee");
  world.passes();
  assert.deepEqual(world.told.at(-1), ["first", "Example, knee"]);
});

test("what was typed a moment before another session is opened is saved for the one it was typed for", async () => {
  const world = open();
  world.types("Example");
  world.label.show("second", "Other", true);
  assert.deepEqual([world.told, world.input.value], [[["first", "Example"]], "Other"]);
  await world.answers();
  assert.deepEqual([world.note, world.label.isAtRisk], ["", false]);
});

test("without a service it is tried again, also when another session is on the page, and stays at risk until then", async () => {
  const world = open();
  world.types("Example");
  world.changes();
  await world.answers(unreached);
  assert.deepEqual([world.note, world.timer?.ms], ["Not saved yet; it is tried again.", 3_000]);
  world.label.show(null, "", false);
  await world.answers(unreached);
  assert.deepEqual([world.note, world.label.isAtRisk], ["", true]);
  world.passes();
  assert.deepEqual(world.told, [["first", "Example"], ["first", "Example"], ["first", "Example"]]);
  await world.answers();
  assert.equal(world.label.isAtRisk, false);
});

test("who comes back to a session finds what was typed for it, saved or not", async () => {
  const world = open();
  world.types("Example");
  world.label.show("second", "Other", true);
  await world.answers(unreached);
  world.label.show("first", "Old", true);
  assert.equal(world.input.value, "Example");
  assert.equal(world.label.unsavedOf("first"), "Example");
});

test("typed before the service knows the session, it waits for that, whatever is on the page by then", async () => {
  const world = new World();
  world.types("Example");
  assert.equal(world.label.isAtRisk, false);
  world.label.belongsTo("first");
  assert.equal(world.label.isAtRisk, true);
  world.label.show(null, "", false);
  world.label.save();
  assert.deepEqual(world.told, []);
  world.label.known("first");
  world.label.known("first");
  assert.deepEqual(world.told, [["first", "Example"]]);
  await world.answers();
  assert.equal(world.label.isAtRisk, false);
});

test("a later label never overtakes an earlier one, unless the page goes away", async () => {
  const world = open();
  world.types("Exam");
  world.changes();
  world.types("Example");
  world.changes();
  assert.deepEqual(world.told, [["first", "Exam"]]);
  await world.answers();
  assert.deepEqual(world.told, [["first", "Exam"], ["first", "Example"]]);
  world.types("Example, knee");
  world.label.save({ isLast: true });
  assert.deepEqual(world.told.at(-1), ["first", "Example, knee"]);
});

test("what the service refuses is said, and not tried again until it is another", async () => {
  const world = open();
  world.types("Example");
  world.changes();
  await world.answers(new Refusal(400, "One line."));
  assert.deepEqual([world.note, world.timer, world.label.isRefused, world.label.isAtRisk], ["Not saved. One line.", null, true, true]);
  world.types("Example 2");
  assert.equal(world.label.isRefused, false);
  world.changes();
  assert.deepEqual(world.told.at(-1), ["first", "Example 2"]);
});

test("a sign-in that ran out is no reason to give a label up; a session that was deleted is", async () => {
  const world = open();
  world.types("Example");
  world.changes();
  await world.answers(new Refusal(401, "Sign in."));
  assert.equal(world.timer?.ms, 3_000);
  world.passes();
  await world.answers(new Refusal(410, "Deleted."));
  assert.deepEqual([world.note, world.timer, world.label.isAtRisk], ["Not saved. Deleted.", null, false]);
});

test("what is pasted from a table loses its control characters", () => {
  const world = open();
  world.types("\tExample\tleft\u0085knee ");
  world.changes();
  assert.deepEqual(world.told, [["first", "Example left knee"]]);
});

test("a label that nobody wants any more is not asked for, nor waited for", async () => {
  const world = open();
  world.types("Example");
  world.changes();
  world.label.forget("first");
  await world.answers(unreached);
  assert.deepEqual([world.label.isAtRisk, world.timer], [false, null]);
});
