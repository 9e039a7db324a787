/** What went wrong, whether the audio is safe, and what to do: one alarm, and one panel with its buttons. Pure. */

import { SAMPLES_PER_SECOND } from "./chunks.js";
import { clockTime, spell, timeOfDay } from "./times.js";

/**
 * @typedef {import("./screen.js").Facts} Facts
 * @typedef {import("./screen.js").State} State
 * @typedef {import("./screen.js").Panel} Panel
 * @typedef {import("./screen.js").Action} Action
 * @typedef {import("./screen.js").Recording} Recording
 * @typedef {import("./messages.js").Bye} Bye
 */

const NEARLY_FULL_SAMPLES = 10 * 60 * SAMPLES_PER_SECOND;

/** What needs the person at this very moment: nothing is being recorded. @param {Recording | null} recording @param {State} state */
export function alarmOf(recording, state) {
  if (recording === null || state !== "recording") return "";
  if (recording.link.fullSinceMs !== null) {
    return "Recording has stopped: this device can hold no more. It goes on by itself once the network is back and has taken what is kept here.";
  }
  switch (recording.capture.state) {
    case "lost":
      return "The microphone is gone: nothing is being recorded. Plug it in again; recording goes on by itself.";
    case "stalled":
      return "No sound comes from the microphone: nothing is being recorded. Check it, or press Pause and then Record.";
    default:
      return recording.capture.isSilent ? "The microphone gives no sound at all. Is it switched off or muted?" : "";
  }
}

/** @type {[string, Action]} */
const NEXT = ["Start a new session", "newSession"];

/** The one thing that matters most. @param {Facts} facts @param {State} state @returns {Panel | null} */
export function panelOf(facts, state) {
  const { recording, opened, offered, earlier, isOnline } = facts;
  if (recording?.problem) return microphonePanel(recording.problem);
  if (recording?.link.phase === "stopped") return stoppedPanel(recording.link);
  if (recording && state !== "idle") {
    const own = roomPanel(recording) ?? networkPanel(recording, state, isOnline) ?? noticePanel(recording);
    return own ?? stoppedEarlierPanel(earlier, state) ?? endPanel(state);
  }
  return stoppedEarlierPanel(earlier, state) ?? noRoomPanel(earlier) ?? (opened ? openedPanel(opened) : offered && offerPanel(offered));
}

/** @type {Record<string, string>} */
const MICROPHONE = {
  NotAllowedError: "Steno may not use the microphone. Allow it beside the page's address, then press Record.",
  NotFoundError: "No microphone was found. Plug one in, then press Record.",
  NotReadableError: "The microphone is in use by another program. Close that program, then press Record.",
  SecurityError: "Browsers give the microphone only to secure pages. Open Steno with https, or on this machine itself.",
};

/** @param {string} problem */
function microphonePanel(problem) {
  const text = MICROPHONE[problem] ?? `The microphone could not be opened (${problem}). Check it, then press Record.`;
  return panel("warn", `${text} Nothing is being recorded.`, ["Try again", "record"]);
}

/**
 * By close code: why nobody is dialled any more. `kept` says what becomes of what was recorded here.
 * @type {Record<number, (kept: string, bye: Bye) => Panel>}
 */
const STOPPED = {
  4401: (kept) => panel("warn", `You are signed out. ${kept} Sign in again in another tab.`, ["I have signed in", "signedIn"]),
  4403: () => panel("warn", "This session belongs to somebody else. Nothing more can be saved in it.", NEXT),
  4406: () => panel("warn", "This page is older than the service. What is not yet saved is lost when you reload.", ["Reload", "reload"]),
  4409: (kept, bye) => panel("warn", `${taken(bye)} ${kept} To bring it into the transcript, go on here.`, ["Continue here", "continueHere"]),
  4410: () => panel("warn", "This session was deleted. Nothing more can be saved in it.", NEXT),
  4413: () => panel("warn", "This session can take no more recordings.", NEXT),
};

/** @param {import("./link-state.js").Link} link */
function stoppedPanel({ bye, intent }) {
  const isRecording = intent === "recording";
  const kept = isRecording ? "What you say is still recorded, and kept on this device." : "What you recorded is kept on this device.";
  const reason = bye?.reason ? ` (${bye.reason})` : "";
  const unknown = () => panel("warn", `The service refuses this recording${reason}. ${kept}`, ["Try again", "continueHere"]);
  return bye ? (STOPPED[bye.code] ?? unknown)(kept, bye) : unknown();
}

/** @param {Bye} bye */
const taken = ({ since_ms }) =>
  since_ms === undefined
    ? "Another recorder has this session."
    : `Another recorder has had this session since ${timeOfDay(since_ms)}.`;

/** @param {Recording} recording */
function roomPanel({ link }) {
  const room = link.tapeSamplesMax - (link.delivery.capturedUntil - link.delivery.keptFrom);
  if (link.intent !== "recording" || room > NEARLY_FULL_SAMPLES) return null;
  // In whole minutes, so that it is not said anew every second.
  const minutes = Math.max(1, Math.ceil(room / SAMPLES_PER_SECOND / 60));
  return panel("warn", `This device can record ${spell(60 * minutes)} more without a network. Get back to one, or finish soon.`);
}

/** @param {Recording} recording @param {State} state @param {boolean} isOnline */
function networkPanel({ link }, state, isOnline) {
  const isConnected = link.phase === "live" || link.phase === "finishing" || link.phase === "finished";
  if (state === "finished" || (isConnected && isOnline) || (link.tries === 0 && isOnline)) return null;
  if (state === "finishing") {
    const text = "There is no connection. Keep this page open: it finishes by itself once the network is back.";
    return panel("warn", `${text} You can record the next session meanwhile.`, NEXT);
  }
  if (link.delivery.isDelivered && state === "paused") return null;
  const goesOn = state === "recording" ? "Recording goes on" : "What was recorded is kept";
  return panel("warn", `There is no connection. ${goesOn}; the words appear once the network is back. Keep this page open.`);
}

/** @param {Recording} recording */
function noticePanel({ notice }) {
  if (notice === null || notice.kind === "moving") return null;
  return panel("warn", notice.safe ? notice.text : `${notice.text} Keep this page open.`);
}

/** @param {State} state */
function endPanel(state) {
  if (state === "finishing") return panel("good", "Finishing: the last words are on their way.", NEXT);
  return state === "finished" ? panel("good", "Finished. All that was recorded here is saved.", NEXT) : null;
}

/** @param {import("./screen.js").Earlier} earlier @param {State} state */
function stoppedEarlierPanel({ isStopped }, state) {
  if (!isStopped) return null;
  const text = "An earlier session needs you before it can be delivered. What was recorded is kept on this device.";
  if (state === "recording" || state === "paused") return panel("warn", `${text} Finish this one first.`);
  return panel("warn", text, ["Show it", "showStopped"]);
}

/** @param {import("./screen.js").Earlier} earlier */
function noRoomPanel({ hasRoom }) {
  const text = "This device holds as much of earlier sessions as it can. Record again once the network has taken some of it.";
  return hasRoom ? null : panel("warn", `${text} Keep this page open.`);
}

/** @param {import("./api.js").Session} opened */
function openedPanel(opened) {
  if (opened.state === "finished") return panel("good", "This session is finished.", NEXT);
  // While somebody has it the service does not end it.
  if (opened.state === "recording") return panel("good", `This session ${ELSEWHERE} Press Record to go on with it here instead.`);
  const text = `This session is not finished. Press Record to go on with it.${missing(opened)}`;
  return panel("good", text, ["End it as it is", "endOpened"]);
}

/** Reading takes nothing from anybody, so it comes first; the order stays, or a button would change under somebody's finger. @param {import("./api.js").Session} offered */
function offerPanel(offered) {
  const saved = `${clockTime(16 * offered.covered_ms)} is saved.`;
  const condition = offered.state === "recording" ? ELSEWHERE : "is not finished.";
  const text = `Your session of ${timeOfDay(offered.created_at_ms)} ${condition} ${saved}${missing(offered)}`;
  return panel("good", text, ["Only read it", "openOffered"], ["Continue it", "continueOffered"]);
}

/** The service takes a recorder that went away for present until it has waited for its return. */
const ELSEWHERE = "is open in another tab or on another device, or was until a moment ago.";

/** While it is recorded elsewhere, what has not arrived is on its way. @param {import("./api.js").Session} session */
const missing = ({ state, undelivered_ms }) =>
  undelivered_ms > 0 && state !== "recording" ? ` ${spell(undelivered_ms / 1_000)} of it did not arrive.` : "";

/** @param {Panel["mood"]} mood @param {string} text @param {[string, Action][]} buttons @returns {Panel} */
const panel = (mood, text, ...buttons) => ({ mood, text, buttons: buttons.map(([name, action]) => ({ name, action })) });
