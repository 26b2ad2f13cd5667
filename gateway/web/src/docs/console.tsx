import { useEffect, useRef, useState } from "preact/hooks";
import { cookie } from "../api/http.ts";
import { fresh } from "../api/session.ts";
import { t } from "./i18n/index.ts";

interface Line {
  id: number;
  way: "->" | "<-" | "--";
  text: string;
}

const KEPT = 200;
const EXAMPLES = {
  subscribe: `{"subscribe":{"channel":"room:<id>","data":{"language":"en"}}}`,
  post: `{"rpc":{"method":"post","data":{"timeline":"room:<id>","text":"Hello from the console"}}}`,
  history: `{"rpc":{"method":"history","data":{"timeline":"room:<id>","limit":3}}}`,
  typing: `{"rpc":{"method":"typing","data":{"timeline":"room:<id>"}}}`,
  presence: `{"presence_stats":{"channel":"room:<id>"}}`,
};

/** A raw connection to this server, as whoever is signed in: every frame that goes and comes. */
export function Console() {
  const socket = useRef<WebSocket | null>(null);
  const [state, setState] = useState<"closed" | "connecting" | "open">("closed");
  const [lines, setLines] = useState<Line[]>([]);
  const [command, setCommand] = useState(EXAMPLES.subscribe);
  const next = useRef(1);
  const seen = useRef(0);
  const log = useRef<HTMLOListElement>(null);
  useEffect(() => () => socket.current?.close(), []);
  useEffect(() => {
    log.current?.scrollTo(0, log.current.scrollHeight);
  }, [lines]);

  const note = (way: Line["way"], text: string) => {
    seen.current += 1;
    const line = { id: seen.current, way, text };
    setLines((before) => [...before, line].slice(-KEPT));
  };
  const send = (frame: object) => {
    const numbered = { id: next.current, ...frame };
    next.current += 1;
    note("->", JSON.stringify(numbered));
    socket.current?.send(JSON.stringify(numbered));
  };
  const connect = async () => {
    if (!cookie("csrf_token")) {
      note("--", t("sign_in_first"));
      return;
    }
    setState("connecting");
    await fresh().catch(() => undefined);
    const opened = new WebSocket(`${location.origin.replace(/^http/, "ws")}/connection/websocket`, "centrifuge-json");
    socket.current = opened;
    next.current = 1;
    opened.onopen = () => {
      setState("open");
      send({ connect: { name: "console" } });
    };
    opened.onmessage = ({ data }) => {
      for (const line of String(data).split("\n").filter(Boolean)) {
        note("<-", line);
        if (line === "{}") opened.send("{}");
      }
    };
    opened.onclose = ({ code, reason }) => {
      setState("closed");
      note("--", t("closed", { code, reason }));
    };
  };
  const run = () => {
    try {
      send(JSON.parse(command));
    } catch (error) {
      note("--", String(error));
    }
  };
  return (
    <section class="console" aria-label={t("console")}>
      <div class="tools-line">
        <button
          type="button"
          class={state === "closed" ? "button primary" : "button"}
          disabled={state === "connecting"}
          onClick={() => (state === "open" ? socket.current?.close() : connect())}
        >
          {t(state === "open" ? "disconnect" : "connect")}
        </button>
        {Object.entries(EXAMPLES).map(([name, example]) => (
          <button key={name} type="button" class="button small" onClick={() => setCommand(example)}>
            {name}
          </button>
        ))}
      </div>
      <textarea
        rows={2}
        spellcheck={false}
        aria-label={t("command")}
        value={command}
        onInput={(event) => setCommand(event.currentTarget.value)}
      />
      <button type="button" class="button" disabled={state !== "open"} onClick={run}>
        {t("send")}
      </button>
      <ol ref={log} class="console-log" tabIndex={0} aria-label={t("frames_seen")}>
        {lines.map((line) => (
          <li key={line.id}>
            <b>{line.way}</b> {line.text}
          </li>
        ))}
      </ol>
    </section>
  );
}
