/** Microphone, network, speech: three lamps, each a mood and a word. Pure. */

import { SAMPLES_PER_SECOND } from "./chunks.js";

/**
 * @typedef {import("./screen.js").Facts} Facts
 * @typedef {import("./screen.js").Lamp} Lamp
 * @typedef {import("./screen.js").State} State
 * @typedef {import("./screen.js").Recording} Recording
 */

/** Audio that could be sent and is not: the network carries less than is spoken. */
const SLOW_SAMPLES = 3 * SAMPLES_PER_SECOND;

/** Audio the service has and gives no text for. The longest utterance takes its time, so that much is no delay. */
const BEHIND_SAMPLES = 20 * SAMPLES_PER_SECOND;

/** @param {Facts} facts @param {State} state */
export const lampsOf = (facts, state) => ({
  microphone: microphone(facts.recording),
  network: network(facts),
  speech: speech(facts, state),
});

/** @param {Recording | null} recording @returns {Lamp} */
function microphone(recording) {
  if (recording === null) return lamp("off", "Off");
  const { capture, problem, link } = recording;
  if (problem) return lamp("bad", problem === "NotAllowedError" ? "Not allowed" : "Not available");
  if (link.fullSinceMs !== null) return lamp("bad", "Stopped");
  switch (capture.state) {
    case "off":
      return lamp("off", "Off");
    case "starting":
      return lamp("warn", "Starting");
    case "stalled":
      return lamp("bad", "No sound comes");
    case "lost":
      return lamp("bad", "Disconnected");
    case "on":
      return capture.isSilent ? lamp("bad", "Silent") : lamp("good", "On");
  }
}

/** @param {Facts} facts @returns {Lamp} */
function network({ recording, isOnline }) {
  const phase = recording?.link.phase ?? "resting";
  const { sentUntil = 0, capturedUntil = 0, sendUntil = 0 } = recording?.link.delivery ?? {};
  switch (phase) {
    case "resting":
    case "done":
      return isOnline ? lamp("off", "Not needed") : lamp("warn", "Offline");
    case "stopped":
      return lamp("bad", "Stopped");
    case "waiting":
      return lamp("warn", isOnline ? "Reconnecting" : "Offline");
    case "asking":
    case "dialling":
    case "greeting":
      return lamp("warn", isOnline ? "Connecting" : "Offline");
    default:
      if (!isOnline) return lamp("warn", "Offline");
      return Math.min(capturedUntil, sendUntil) - sentUntil > SLOW_SAMPLES ? lamp("warn", "Catching up") : lamp("good", "Connected");
  }
}

/** @type {Record<import("./messages.js").NoticeKind, string>} */
const NOTICED = {
  degraded: "Slow",
  failing_over: "Switching",
  catching_up: "Catching up",
  moving: "Moving",
  storage: "Saving slowly",
};

/** @param {Facts} facts @param {State} state @returns {Lamp} */
function speech({ recording, isOnline }, state) {
  if (recording === null || state === "idle") return lamp("off", "Idle");
  if (state === "finished") return lamp("off", "Done");
  const { link, notice } = recording;
  if (!isOnline || (link.phase !== "live" && link.phase !== "finishing")) return lamp("warn", "Waiting");
  if (notice) return lamp("warn", NOTICED[notice.kind] ?? "Slow");
  if (link.delivery.sentUntil - link.delivery.covered > BEHIND_SAMPLES) return lamp("warn", "Catching up");
  return state === "paused" ? lamp("off", "Paused") : lamp("good", state === "finishing" ? "Finishing" : "Listening");
}

/** @param {Lamp["mood"]} mood @param {string} says @returns {Lamp} */
const lamp = (mood, says) => ({ mood, says });
