/** The page: one session at a time, recorded or read, beside those that it still delivers. Joins what the person does to the parts that do it. */

import { deleteSession, finishSession } from "./api.js";
import { Deliveries } from "./deliveries.js";
import { Label } from "./label.js";
import { prepareMicrophone } from "./microphone.js";
import { Reading } from "./reading.js";
import { Recorder } from "./recorder.js";
import { canWait, isAtRisk, screenOf } from "./screen.js";
import { ScreenLock } from "./screen-lock.js";
import { SessionList } from "./session-list.js";
import { outlookOf } from "./transcript.js";
import { View, byId, setText } from "./view.js";

/** @typedef {import("./screen.js").Action} Action */

/** @type {import("./transcript.js").Paragraph[]} */
const NOTHING = [];
const COPIED_MS = 4_000;
const NETWORK_EVENTS = ["online", "pageshow"];
const PAGE_EVENTS = ["visibilitychange", "resume"];

class Page {
  constructor() {
    /** @type {Recorder | null} */
    this.recorder = null;
    /** @type {Reading | null} */
    this.reading = null;
    this.screenLock = new ScreenLock();
    this.isDrawing = false;
    this.isBroken = false;
    /** The last phase in which the service had news of the session, so that the list is asked for once in each. */
    this.phase = "";
    const changed = () => this.changed();
    this.view = new View((action) => this.act(action));
    this.list = new SessionList({ open: (session) => this.open(session), changed });
    const input = /** @type {HTMLInputElement} */ (byId("label"));
    const refresh = () => void this.list.refresh();
    this.label = new Label(input, (note) => setText("label-note", note), refresh);
    /** @type {Deliveries<Recorder>} */
    this.deliveries = new Deliveries({
      known: (session) => {
        this.label.known(session);
        refresh();
      },
      delivered: refresh,
    });
  }

  // --- what the person does

  /** @param {Action} action */
  act(action) {
    /** @type {Record<Action, () => unknown>} */
    const acts = {
      record: () => this.record(),
      continueHere: () => this.recorder?.shell.happen({ type: "continueHere" }),
      signedIn: () => this.signedIn(),
      showStopped: () => this.showStopped(),
      newSession: () => this.newSession(),
      continueOffered: () => this.openOffered() && this.record(),
      openOffered: () => this.openOffered(),
      endOpened: () => this.endOpened(),
      reload: () => location.reload(),
    };
    acts[action]();
  }

  record() {
    const session = this.reading?.session.id ?? crypto.randomUUID();
    if (this.recorder === null) {
      if (!this.deliveries.hasRoom) return;
      this.recorder = new Recorder(session, () => this.changed(), { tapeSamplesMax: this.deliveries.room });
    }
    void this.recorder.record();
  }

  newSession() {
    if (!this.#leave()) return;
    this.label.show(null, "", false);
    byId("label").focus();
  }

  /** @param {import("./api.js").Session} session */
  open(session) {
    byId("sessions").classList.remove("unfolded");
    byId("sessions-toggle").setAttribute("aria-expanded", "false");
    if (session.id === this.session || !this.#leave()) return;
    this.recorder = this.deliveries.take(session.id);
    this.label.show(session.id, session.label, this.recorder === null || this.recorder.link.logId !== null);
    if (this.recorder === null) {
      this.reading = new Reading(session, () => this.changed());
      void this.reading.read();
    }
    this.changed();
  }

  /** The session that was on offer, if it still is. */
  openOffered() {
    const offered = this.list.unfinished;
    if (offered) this.open(offered);
    return offered;
  }

  /** The finished session that cannot be delivered without the person. */
  showStopped() {
    const stopped = this.deliveries.stopped?.session;
    const found = this.#waiting().find(({ session }) => session.id === stopped);
    if (found) this.open(found.session);
  }

  /** Whoever was signed out of one was signed out of all. */
  signedIn() {
    this.recorder?.shell.happen({ type: "signedIn" });
    this.deliveries.signedIn();
  }

  async endOpened() {
    const { reading } = this;
    if (reading === null) return;
    const problem = await finishSession(reading.session.id).then(() => "", (error) => error.message);
    if (problem) return window.alert(problem);
    await this.list.refresh();
  }

  async delete() {
    const session = this.reading?.session.id;
    if (!session || !window.confirm("Delete this session for good, its text and its drafts?")) return;
    const problem = await deleteSession(session).then(() => "", (error) => error.message);
    if (problem) return window.alert(problem);
    this.label.forget(session);
    this.newSession();
    await this.list.refresh();
  }

  async copy() {
    const copied = await navigator.clipboard.writeText(this.transcript?.note ?? "").then(
      () => "Copied",
      () => "Copying is not allowed here; select the text instead.",
    );
    setText("copied", copied);
    setTimeout(() => setText("copied", ""), COPIED_MS);
  }

  /** Whether something that only this page holds would be lost if it showed another session. */
  get isBound() {
    return isAtRisk(this.recorder) && !canWait(this.recorder);
  }

  /** Whether it would be if the page were closed. */
  get isNeeded() {
    return isAtRisk(this.recorder) || this.deliveries.isAtRisk || this.label.isAtRisk;
  }

  /** False if the person would rather stay. */
  #leave() {
    const { recorder } = this;
    const question = "What is not yet saved on this page will be lost. Leave it anyway?";
    if ((this.isBound || this.label.isRefused) && !window.confirm(question)) return false;
    const waits = canWait(recorder);
    // A label that is refused is of no more use, nor is one of a session that will never be.
    if (this.label.isRefused || (recorder?.link.logId === null && !waits)) this.label.forget(this.session);
    if (recorder && waits) this.deliveries.hold(recorder);
    else void recorder?.close();
    this.reading?.close();
    this.recorder = null;
    this.reading = null;
    this.changed();
    return true;
  }

  // --- what is shown

  get session() {
    return this.recorder?.session ?? this.reading?.session.id ?? "";
  }

  /** Of a session that is recorded on, what was read stays until its words have come again. */
  get transcript() {
    const recorded = this.recorder?.transcript;
    return recorded && (recorded.nextEntry > 0 || !this.reading) ? recorded : this.reading?.transcript;
  }

  /** Much can change between two pictures; it is drawn once. A page that nobody sees is not drawn. */
  changed() {
    this.deliveries.follow();
    this.#follow();
    this.screenLock.want(this.recorder?.link.intent === "recording");
    if (this.isDrawing) return;
    this.isDrawing = true;
    requestAnimationFrame(() => {
      this.isDrawing = false;
      this.#draw();
    });
  }

  #follow() {
    const link = this.recorder?.link;
    if (link && link.intent !== "idle") this.label.belongsTo(link.session);
    if (!link) this.phase = "";
    if (!link || link.phase === this.phase || !["live", "finished", "done"].includes(link.phase)) return;
    this.phase = link.phase;
    if (link.logId === null) return;
    this.label.known(link.session);
    this.reading?.close();
    void this.list.refresh();
    if (link.phase === "done") this.#readOn();
  }

  /** The service has hung up; what is refined of the text from here on is asked for. */
  #readOn() {
    const transcript = this.recorder?.transcript;
    const session = this.list.find(this.session);
    if (!transcript || !session || outlookOf(transcript.paragraphs()) === "") return;
    this.reading = new Reading({ ...session, state: "finished" }, () => this.changed(), transcript);
    void this.reading.read();
  }

  #draw() {
    const { recorder, reading, transcript } = this;
    const paragraphs = transcript?.paragraphs() ?? NOTHING;
    const hasWords = paragraphs.some(({ kind }) => kind === "words");
    const opened = recorder || !reading ? null : (this.list.find(reading.session.id) ?? reading.session);
    const screen = screenOf({
      recording: recorder,
      opened,
      offered: this.list.unfinished,
      earlier: this.deliveries.summary,
      hasWords,
      isOnline: navigator.onLine,
      isBroken: this.isBroken,
    });
    const empty = reading?.problem || screen.empty;
    this.view.show({ ...screen, empty }, paragraphs, recorder ? hintOf(recorder) : "");
    this.list.mark(this.session, this.isBound, this.#waiting());
    /** @type {HTMLButtonElement} */ (byId("new-session")).disabled = this.isBound;
    this.#drawAbout(recorder ? recorder.link.logId !== null : reading !== null);
  }

  /** What is still delivered, as it is listed. */
  #waiting() {
    return this.deliveries.listed((session) => this.label.unsavedOf(session) ?? this.list.find(session)?.label ?? "");
  }

  /** @param {boolean} isKnown to the service */
  #drawAbout(isKnown) {
    byId("about").hidden = !isKnown;
    byId("delete").hidden = this.recorder !== null;
    if (!isKnown) return;
    for (const format of ["txt", "md", "json"]) {
      const address = `/v1/sessions/${this.session}/export?format=${format}`;
      if (byId(`export-${format}`).getAttribute("href") !== address) byId(`export-${format}`).setAttribute("href", address);
    }
    setText("about-text", "Export:");
  }
}

/** Interim words mean something only while words are being made of what was said. @param {Recorder} recorder */
function hintOf({ transcript, link }) {
  const isHeard = navigator.onLine && (link.phase === "live" || link.phase === "finishing");
  return isHeard && link.delivery.undelivered > 0 ? (transcript.hint?.text ?? "") : "";
}

const page = new Page();

/** @param {string} id @param {() => unknown} act */
const press = (id, act) => byId(id).addEventListener("click", () => void act());

press("record", () => page.record());
press("pause", () => page.recorder?.pause());
press("finish", () => page.recorder?.finish());
press("copy", () => page.copy());
press("new-session", () => page.newSession());
press("delete", () => page.delete());
press("sessions-toggle", () => {
  const unfolded = byId("sessions").classList.toggle("unfolded");
  byId("sessions-toggle").setAttribute("aria-expanded", String(unfolded));
});

// What no part foresaw is still said, for nothing may fail silently.
for (const name of ["error", "unhandledrejection"]) {
  window.addEventListener(name, () => {
    page.isBroken = true;
    page.changed();
  });
}

const look = () => {
  page.recorder?.shell.happen({ type: "checkNow" });
  page.deliveries.check();
  page.label.save();
  page.changed();
};
for (const name of NETWORK_EVENTS) window.addEventListener(name, look);
for (const name of PAGE_EVENTS) document.addEventListener(name, look);
window.addEventListener("offline", () => page.changed());
window.addEventListener("beforeunload", (event) => {
  page.label.save();
  if (page.isNeeded) event.preventDefault();
});
window.addEventListener("pagehide", () => page.label.save({ isLast: true }));

prepareMicrophone();
page.changed();
void page.list.refresh();
