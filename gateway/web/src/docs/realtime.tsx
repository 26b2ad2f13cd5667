import { Code } from "./code.tsx";
import { Console } from "./console.tsx";
import { type Key, t } from "./i18n/index.ts";
import { Prose } from "./prose.tsx";

/** What can be asked for: its name, what it takes, what is answered, and in which order a list comes. */
const METHODS: [string, string, string, Key?][] = [
  ["post", "timeline, text, client_id?, reply_to?, language?", "message"],
  ["edit", "timeline, message_id, text", "message"],
  ["delete", "timeline, message_id", "message"],
  ["react, unreact", "timeline, message_id, emoji", "message"],
  ["message", "timeline, message_id", "message"],
  ["history", "timeline, before?, after?, limit?", "items, next_before", "newest_first"],
  ["thread", "timeline, message_id, after?, limit?", "message, items, next", "oldest_first"],
  ["versions", "timeline, message_id", "items: text, at"],
  ["search", "q, timeline?, before? or after?, limit?, language?", "items, next_before or next"],
  ["read", "timeline, offset", "timeline_id, last_read_offset"],
  ["typing", "timeline, typing?", ""],
  ["join, leave", "timeline", "member"],
  ["room, members, presence", "timeline", "room; items; clients"],
  ["set_language", "timeline, language", ""],
  ["cancel_answer", "timeline, answer_id", ""],
  ["regenerate", "timeline, message_id, agent_id", "answer_id"],
  ["set_status", "status", "status"],
];

/** What is told: its type, its fields, whether it is kept, and what there is to say of it. */
const EVENTS: [string, string, boolean, Key?][] = [
  ["message.posted, message.edited", "message", true],
  ["message.deleted", "message_id, message", true],
  ["message.translated", "message_id, language, text, provider", true, "only_readers"],
  ["reaction.added, reaction.removed", "message_id, emoji", true],
  ["member.joined, .left, .removed, .role_changed", "member, or participant_id", true],
  ["room.updated, room.archived", "room", true],
  ["typing", "participants, more?", false],
  ["presence", "participant_id, presence", false, "in_large_rooms"],
  ["read", "participant_id, offset", false],
  ["answer.started", "answer_id, author, question", false],
  ["answer.delta", "answer_id, index, text, length", false],
  ["answer.memories", "answer_id, memories", false],
  ["answer.tool", "answer_id, name, state", false],
  ["answer.completed, .failed, .cancelled", "answer_id, …", false],
  ["unread, notification, invited", "", false, "on_own_channel"],
];

/** The realtime protocol: what goes over the wire, and a console to try it. */
export function Realtime() {
  return (
    <>
      <p class="lead">
        <Prose text={t("realtime_lead", { address: `ws://${location.host}/connection/websocket` })} />
      </p>
      <h2 id="try">{t("try_it")}</h2>
      <Console />
      <h2 id="frames">{t("frames")}</h2>
      <p>
        <Prose text={t("frames_text")} />
      </p>
      <Code label={t("frames")}>{`
-> {"id":1,"connect":{"token":"<access token>"}}
<- {"id":1,"connect":{"client":"…","ping":25,"pong":true,"expires":true,"ttl":900,"subs":{"user:<id>":{…}}}}
-> {"id":2,"subscribe":{"channel":"room:<id>","data":{"language":"de"},"recover":true,"epoch":"k3","offset":41}}
<- {"id":2,"subscribe":{"recoverable":true,"epoch":"k3","offset":44,"recovered":true,"publications":[…],"data":{"room":…,"members":…,"answers":…}}}
<- {"push":{"channel":"room:<id>","pub":{"offset":45,"data":{"type":"message.posted","message":{…}}}}}
-> {"id":3,"rpc":{"method":"post","data":{"timeline":"room:<id>","text":"Hallo","client_id":"c-1"}}}
<- {"id":3,"rpc":{"data":{"message":{…}}}}`}</Code>
      <h2 id="recovery">{t("coming_back")}</h2>
      <p>
        <Prose text={t("coming_back_text")} />
      </p>
      <h2 id="methods">{t("methods")}</h2>
      <Rows
        head={[t("method"), t("data"), t("answers")]}
        rows={METHODS.map(([name, data, answer, order]) => [code(name), code(data), code(answer, order)])}
      />
      <h2 id="events">{t("events")}</h2>
      <Rows
        head={[t("event_type"), t("fields"), t("kept")]}
        rows={EVENTS.map(([type, fields, kept, note]) => [
          code(type),
          code(fields, note),
          t(kept ? "kept_yes" : "kept_no"),
        ])}
      />
      <h2 id="answers">{t("streaming")}</h2>
      <p>
        <Prose text={t("streaming_text")} />
      </p>
      <h2 id="limits">{t("limits")}</h2>
      <p>{t("limits_text")}</p>
    </>
  );
}

/** Names of the protocol as code, and what there is to say of them. */
function code(names: string, note?: Key): string {
  return [names && `\`${names}\``, note && t(note)].filter(Boolean).join(", ");
}

function Rows({ head, rows }: { head: string[]; rows: string[][] }) {
  return (
    <section class="scrolling" tabIndex={0} aria-label={head.join(", ")}>
      <table>
        <thead>
          <tr>
            {head.map((each) => (
              <th key={each} scope="col">
                {each}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(([first = "", ...rest]) => (
            <tr key={first}>
              <th scope="row">
                <Prose text={first} />
              </th>
              {rest.map((each) => (
                <td key={each}>
                  <Prose text={each} />
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
