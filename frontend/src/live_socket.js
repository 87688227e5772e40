/**
 * One WebSocket to /ws/live/ that stays up: heartbeat, reconnecting with back-off and jitter, the topics subscribed again
 * from where they were heard last. It knows the protocol's envelope and nothing of the page.
 */

const PING_AFTER_MS = 20_000;
const SILENT_MS = 45_000;
const ANSWER_WITHIN_MS = 5_000;
const WATCH_EVERY_MS = 5_000;
const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 15_000;
const STEADY_MS = 10_000;
/** The server refused who we are; asking again would be refused again. */
const BAD_TOKEN = 4401;
/** What we may see has changed, or the server missed something: only snapshots tell. */
const INTERRUPTED = 1012;
/** The server takes 16 KiB a message. */
const TOPICS_PER_MESSAGE = 50;

/** Returns the wait before the nth retry (0 first): doubling, capped, and between half and all of that at random. */
export function retryDelay(attempt, random = Math.random) {
  return Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** attempt) * (0.5 + random() / 2);
}

export class LiveSocket {
  #url;
  #onMessage;
  #onState;
  #socket = null;
  #topics = new Set();
  /** Whose numbers the updates carry, and the last of each topic. */
  #stream = "";
  #last = new Map();
  #attempt = 0;
  #retryTimer = 0;
  #watchTimer = 0;
  #steadyTimer = 0;
  #heardAt = 0;
  #pingedAt = 0;

  /** `onMessage(message)` gets every parsed message; `onState("connecting" | "live" | "reconnecting" | "offline")`. */
  constructor(url, { onMessage, onState }) {
    this.#url = url;
    this.#onMessage = onMessage;
    this.#onState = onState;
  }

  get running() {
    return this.#watchTimer !== 0;
  }

  start() {
    if (this.running) {
      return;
    }
    this.#watchTimer = setInterval(() => this.#watch(), WATCH_EVERY_MS);
    addEventListener("online", this.#retryNow);
    this.#onState("connecting");
    this.#connect();
  }

  stop() {
    clearInterval(this.#watchTimer);
    this.#watchTimer = 0;
    removeEventListener("online", this.#retryNow);
    this.#last.clear();
    this.#drop();
  }

  /** Makes the subscriptions exactly these topics. */
  want(topics) {
    const added = [...topics].filter((topic) => !this.#topics.has(topic));
    const gone = [...this.#topics].filter((topic) => !topics.has(topic));
    this.#topics = new Set(topics);
    gone.forEach((topic) => this.#last.delete(topic));
    this.#send("unsubscribe", gone);
    this.#send("subscribe", added);
  }

  #send(type, topics) {
    for (let start = 0; start < topics.length && this.#socket?.readyState === WebSocket.OPEN; start += TOPICS_PER_MESSAGE) {
      const some = topics.slice(start, start + TOPICS_PER_MESSAGE);
      const since = Object.fromEntries(some.filter((topic) => this.#last.has(topic)).map((topic) => [topic, this.#last.get(topic)]));
      const known = type === "subscribe" && Object.keys(since).length > 0 ? { stream: this.#stream, since } : {};
      this.#socket.send(JSON.stringify({ type, topics: some, ...known }));
    }
  }

  /** Remembers how far a topic was heard. Numbers of another stream say nothing of this one's. */
  #note({ stream, topic, seq }) {
    if (stream !== undefined && stream !== this.#stream) {
      this.#stream = stream;
      this.#last.clear();
    }
    if (seq !== undefined && this.#stream !== "" && this.#topics.has(topic)) {
      this.#last.set(topic, seq);
    }
  }

  #connect() {
    const socket = new WebSocket(this.#url);
    this.#socket = socket;
    this.#heardAt = this.#pingedAt = performance.now();
    socket.onopen = () => this.#opened();
    socket.onmessage = (event) => {
      this.#heardAt = performance.now();
      const message = JSON.parse(event.data);
      this.#note(message);
      if (message.type !== "resumed") {
        this.#onMessage(message);
      }
    };
    socket.onclose = (event) => this.#closed(event.code);
  }

  #opened() {
    this.#heardAt = performance.now();
    // Only a connection that holds earns a quick retry: one that is dropped at once must not be hammered.
    this.#steadyTimer = setTimeout(() => (this.#attempt = 0), STEADY_MS);
    this.#onState("live");
    this.#send("subscribe", [...this.#topics]);
  }

  #closed(code) {
    this.#drop();
    if (code === INTERRUPTED) {
      this.#last.clear();
    }
    if (code === BAD_TOKEN) {
      this.stop();
      this.#onState("offline");
      return;
    }
    this.#onState(navigator.onLine ? "reconnecting" : "offline");
    this.#retryTimer = setTimeout(() => this.#connect(), retryDelay(this.#attempt));
    this.#attempt += 1;
  }

  /** Lets go of the socket without waiting for a close handshake that a dead line would never answer. */
  #drop() {
    clearTimeout(this.#retryTimer);
    clearTimeout(this.#steadyTimer);
    if (this.#socket) {
      this.#socket.onopen = this.#socket.onmessage = this.#socket.onclose = null;
      this.#socket.close();
      this.#socket = null;
    }
  }

  #retryNow = () => {
    if (this.#socket?.readyState !== WebSocket.OPEN) {
      this.#drop();
      this.#connect();
    }
  };

  /**
   * Asks when it has been quiet, gives up when an answer is overdue. A hidden tab's timers run once a minute, so silence
   * alone proves nothing: it must have been asked and have had time to answer.
   */
  #watch() {
    if (this.#socket?.readyState !== WebSocket.OPEN) {
      return;
    }
    const now = performance.now();
    const unanswered = this.#pingedAt > this.#heardAt && now - this.#pingedAt >= ANSWER_WITHIN_MS;
    if (unanswered && now - this.#heardAt >= SILENT_MS) {
      this.#closed(0);
    } else if (now - Math.max(this.#heardAt, this.#pingedAt) >= PING_AFTER_MS) {
      this.#pingedAt = now;
      this.#socket.send('{"type":"ping"}');
    }
  }
}
