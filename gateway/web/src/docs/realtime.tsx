import { Code } from "./code.tsx";
import { Console } from "./console.tsx";

const METHODS = [
  ["post", "timeline, text, client_id?, reply_to?, language?", "message"],
  ["edit", "timeline, message_id, text", "message"],
  ["delete", "timeline, message_id", "message"],
  ["react, unreact", "timeline, message_id, emoji", "message"],
  ["message", "timeline, message_id", "message"],
  ["history", "timeline, before?, after?, limit?", "items (newest first), next_before"],
  ["thread", "timeline, message_id, after?, limit?", "message, items (oldest first), next"],
  ["versions", "timeline, message_id", "items: text, at"],
  ["search", "q, timeline?, before? or after?, limit?, language?", "items, next_before or next"],
  ["read", "timeline, offset", "timeline_id, last_read_offset"],
  ["typing", "timeline, typing?", ""],
  ["join, leave", "timeline", "member"],
  ["room, members, presence", "timeline", "room; items; clients"],
  ["set_language", "timeline, language", ""],
  ["cancel_answer", "timeline, answer_id", ""],
  ["set_status", "status", "status"],
] as const;

const EVENTS = [
  ["message.posted, message.edited", "message", true],
  ["message.deleted", "message_id, message", true],
  ["message.translated", "message_id, language, text, provider: only to readers of that language", true],
  ["reaction.added, reaction.removed", "message_id, emoji", true],
  ["member.joined, .left, .removed, .role_changed", "member, or participant_id", true],
  ["room.updated, room.archived", "room", true],
  ["typing", "participants, more?", false],
  ["presence", "participant_id, presence; in large rooms online, changes, more?", false],
  ["read", "participant_id, offset", false],
  ["answer.started", "answer_id, author, question", false],
  ["answer.delta", "answer_id, index, text, length", false],
  ["answer.memories", "answer_id, memories", false],
  ["answer.tool", "answer_id, name, state", false],
  ["answer.completed, .failed, .cancelled", "answer_id, …", false],
  ["unread, notification, invited", "on user:<id>", false],
] as const;

/** The realtime protocol: what goes over the wire, and a console to try it. */
export function Realtime() {
  return (
    <>
      <p class="lead">
        <code>ws://{location.host}/connection/websocket</code> speaks the Centrifuge client protocol in JSON, so the
        official clients for JavaScript, Python, Dart, Swift, Java and Go work as they are. Where WebSockets are
        blocked, <code>/connection/http_stream</code> and <code>/connection/sse</code> carry the same.
      </p>
      <h2 id="try">Try it here</h2>
      <Console />
      <h2 id="frames">Frames</h2>
      <p>
        A client sends commands, each with an <code>id</code>; replies have the same one. Pushes have none. Several may
        stand in one frame, a line each. <code>{"{}"}</code> from the server is a ping, and is answered with{" "}
        <code>{"{}"}</code>.
      </p>
      <Code label="frames">{`
-> {"id":1,"connect":{"token":"<access token>"}}
<- {"id":1,"connect":{"client":"…","ping":25,"pong":true,"expires":true,"ttl":900,"subs":{"user:<id>":{…}}}}
-> {"id":2,"subscribe":{"channel":"room:<id>","data":{"language":"de"},"recover":true,"epoch":"k3","offset":41}}
<- {"id":2,"subscribe":{"recoverable":true,"epoch":"k3","offset":44,"recovered":true,"publications":[…],"data":{"room":…,"members":…,"answers":…}}}
<- {"push":{"channel":"room:<id>","pub":{"offset":45,"data":{"type":"message.posted","message":{…}}}}}
-> {"id":3,"rpc":{"method":"post","data":{"timeline":"room:<id>","text":"Hallo","client_id":"c-1"}}}
<- {"id":3,"rpc":{"data":{"message":{…}}}}`}</Code>
      <h2 id="recovery">Coming back</h2>
      <p>
        Durable events carry the timeline’s <code>offset</code>: 1, 2, 3 without a gap. A client that was away
        subscribes with the last one it has, and gets what it missed. <code>recovered: false</code> means that it was
        away for too long: load the history anew.
      </p>
      <h2 id="methods">Methods of rpc</h2>
      <Rows head={["method", "data", "answer"]} rows={METHODS.map(([name, data, answer]) => [name, data, answer])} />
      <h2 id="events">Events</h2>
      <Rows
        head={["type", "fields", "kept"]}
        rows={EVENTS.map(([type, fields, durable]) => [type, fields, durable ? "yes, with an offset" : "no"])}
      />
      <h2 id="answers">Answers that stream</h2>
      <p>
        A delta takes its answer to <code>length</code> characters (code points). A client whose text is shorter than{" "}
        <code>length</code> less that of the delta has missed something and waits for the message, which has the whole.
        Whoever subscribes midway finds the text so far in <code>answers</code>.
      </p>
      <h2 id="limits">Limits</h2>
      <p>
        64 KiB a frame, 4,000 characters a message, 128 subscriptions a connection, 20 commands a second with a burst of
        60. A reader that does not keep up is disconnected with 3008, and recovers by offset.
      </p>
    </>
  );
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
          {rows.map(([first, ...rest]) => (
            <tr key={first}>
              <th scope="row">
                <code>{first}</code>
              </th>
              {rest.map((each) => (
                <td key={each}>{each}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
