/** What the page says about a recording: three lamps, what is safe, and what the person should do. Pure; `view.js` shows it. */

import { lampsOf } from "./lamps.js";
import { alarmOf, panelOf } from "./panels.js";
import { SAMPLES_PER_SECOND } from "./chunks.js";
import { spell, timeOfDay } from "./times.js";

/**
 * @typedef {import("./link-state.js").Link} Link
 * @typedef {import("./api.js").Session} Session
 *
 * @typedef {object} Recording what is known of the recording this page makes
 * @property {Link} link
 * @property {{ state: import("./capture.js").CaptureState, level: number, isSilent: boolean }} capture
 * @property {string} problem name of the browser's error when the microphone would not open; else empty
 * @property {import("./messages.js").Notice | null} notice
 * @property {import("./messages.js").Draft | null} draft
 *
 * @typedef {object} Earlier finished sessions that this page still delivers beside the one it shows
 * @property {number} count
 * @property {number} undelivered samples
 * @property {boolean} isStopped one of them waits for the person
 * @property {boolean} isConnected all of them
 * @property {boolean} hasRoom whether something new may be recorded beside them
 *
 * @typedef {object} Facts
 * @property {Recording | null} recording
 * @property {Session | null} opened a session of the list that is read, not recorded
 * @property {Session | null} offered one that was interrupted, which the person may want to go on with
 * @property {Earlier} earlier
 * @property {boolean} hasWords
 * @property {boolean} isOnline as far as the browser knows
 * @property {boolean} isBroken this page made a mistake that nobody foresaw
 *
 * @typedef {"record" | "continueHere" | "signedIn" | "newSession" | "continueOffered" | "openOffered" | "endOpened" | "showStopped" | "reload"} Action
 * @typedef {"off" | "good" | "warn" | "bad"} Mood
 * @typedef {{ mood: Mood, says: string }} Lamp
 * @typedef {{ mood: Mood, text: string, buttons: { name: string, action: Action }[] }} Panel
 * @typedef {"idle" | "recording" | "paused" | "finishing" | "finished"} State
 *
 * @typedef {object} Screen
 * @property {State} state
 * @property {string} says
 * @property {{ microphone: Lamp, network: Lamp, speech: Lamp }} lamps
 * @property {number} captured samples
 * @property {number} level
 * @property {{ mood: Mood, text: string }} safety
 * @property {{ mood: Mood, text: string }} earlier
 * @property {string} draft
 * @property {string} alarm
 * @property {Panel | null} panel
 * @property {string} empty
 * @property {{ record: boolean, pause: boolean, finish: boolean, copy: boolean }} controls
 * @property {"record" | "pause" | "copy" | null} next where the keyboard goes when what it was on cannot be pressed any more; null: wait
 */

/** Speech that waits for its text in the best of cases: nobody is to be worried by it. */
const USUAL_SAMPLES = 15 * SAMPLES_PER_SECOND;

const BROKEN = "Something went wrong on this page. What is saved is safe. Copy the note if you need it now, then reload the page.";

/** @type {Record<State, string>} */
const SAYS = { idle: "Ready", recording: "Recording", paused: "Paused", finishing: "Finishing", finished: "Finished" };

/** @param {Facts} facts @returns {Screen} */
export function screenOf(facts) {
  const { recording } = facts;
  const state = stateOf(recording?.link);
  const controls = controlsOf(facts, state);
  return {
    state,
    says: recording?.capture.state === "starting" ? "Starting the microphone" : SAYS[state],
    lamps: lampsOf(facts, state),
    captured: recording?.link.delivery.capturedUntil ?? 0,
    level: recording?.capture.state === "on" ? recording.capture.level : 0,
    safety: safetyOf(facts, state),
    earlier: earlierOf(facts),
    draft: draftOf(recording?.draft),
    alarm: facts.isBroken ? BROKEN : alarmOf(recording, state),
    panel: panelOf(facts, state),
    empty: emptyOf(facts, state),
    controls,
    next: isStarting(recording, state) ? null : (NEXT.find((name) => controls[name]) ?? null),
  };
}

/** Never Finish: who presses Space once too often would end the session. */
const NEXT = /** @type {const} */ (["record", "pause", "copy"]);

/** @param {Link | undefined} link @returns {State} */
export function stateOf(link) {
  if (link === undefined) return "idle";
  if (link.intent !== "finished") return link.intent;
  return (link.phase === "finished" || link.phase === "done") && link.delivery.isDelivered ? "finished" : "finishing";
}

/** Whether closing the page now would lose something. @param {Recording | null} recording */
export const isAtRisk = (recording) =>
  recording !== null && (recording.link.intent === "recording" || !recording.link.delivery.isDelivered);

/** Codes after which the service takes nothing more of a recording. */
const HOPELESS = [4403, 4406, 4410, 4413];

/**
 * Whether it can be delivered while the next session is made: the person has finished, the service has not heard all of
 * it yet, and would still listen.
 * @param {Recording | null} recording
 */
export function canWait(recording) {
  if (recording === null || stateOf(recording.link) !== "finishing") return false;
  const { phase, bye, logId, delivery } = recording.link;
  if (phase === "stopped" && HOPELESS.includes(bye?.code ?? 0)) return false;
  return logId !== null || !delivery.isDelivered;
}

/** @param {Facts} facts @param {State} state @returns {Screen["safety"]} */
function safetyOf({ recording, isOnline, earlier }, state) {
  if (recording === null || (state === "idle" && recording.link.dial === 0)) return { mood: "off", text: "" };
  const { delivery, phase } = recording.link;
  if (delivery.undelivered > 0) {
    const isUsual = isOnline && phase === "live" && delivery.undelivered < USUAL_SAMPLES;
    const seconds = delivery.undelivered / SAMPLES_PER_SECOND;
    return { mood: isUsual ? "off" : "warn", text: `${spell(seconds)} on this device, not yet saved` };
  }
  if (delivery.gaps.length > 0) return { mood: "off", text: "A gap in the recording is not yet saved" };
  // Not everything, while something of another session is not.
  const saved = earlier.count > 0 ? "This session is saved" : "Everything is saved";
  return delivery.capturedUntil > 0 ? { mood: "good", text: saved } : { mood: "off", text: "" };
}

/** @param {Facts} facts @returns {Screen["earlier"]} */
function earlierOf({ earlier: { count, undelivered, isStopped, isConnected }, isOnline }) {
  if (count === 0) return { mood: "off", text: "" };
  const which = count === 1 ? "An earlier session is" : `${count} earlier sessions are`;
  const kept = undelivered > 0 ? `: ${spell(undelivered / SAMPLES_PER_SECOND)} on this device` : "";
  const text = `${which} still being delivered${kept}`;
  const isUsual = isOnline && isConnected && !isStopped;
  return isUsual ? { mood: "off", text } : { mood: "warn", text: `${text}. Keep this page open.` };
}

/** @param {Recording["draft"] | undefined} draft */
function draftOf(draft) {
  if (!draft) return "";
  if (draft.state === "failed") return "The draft could not be saved. The transcript is safe; it is tried again.";
  if (draft.saved_at_ms === undefined) return draft.state === "saved" ? "Draft saved" : "Draft not saved yet";
  const saved = `Draft saved ${timeOfDay(draft.saved_at_ms)}`;
  return draft.state === "saved" ? saved : `${saved}, more follows`;
}

/** @param {Facts} facts @param {State} state */
function emptyOf({ opened }, state) {
  if (opened) return "There are no words in this session yet.";
  if (state === "recording") return "Speak. Your words appear here in a moment.";
  return state === "idle" ? "Press Record and speak. Your words appear here." : "There are no words yet.";
}

/** A microphone was asked for; Pause comes as soon as it is there. @param {Recording | null} recording @param {State} state */
const isStarting = (recording, state) => recording?.capture.state === "starting" && state !== "recording";

/** @param {Facts} facts @param {State} state @returns {Screen["controls"]} */
function controlsOf({ recording, opened, hasWords, earlier }, state) {
  const hasRoom = recording !== null || earlier.hasRoom;
  const mayRecord = state === "paused" || (state === "idle" && opened?.state !== "finished");
  return {
    record: mayRecord && hasRoom && !isStarting(recording, state),
    pause: state === "recording",
    finish: state === "recording" || state === "paused",
    copy: hasWords,
  };
}
