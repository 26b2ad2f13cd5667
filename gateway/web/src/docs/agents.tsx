import { Code } from "./code.tsx";

/** How to write something that takes part in conversations. */
export function Agents() {
  return (
    <>
      <p class="lead">
        An agent is a participant: it has a name, is in rooms, hears what is said and answers, word by word if it likes.
        There are three ways to make one.
      </p>
      <h2 id="persona">Without code: a persona</h2>
      <p>
        An administrator describes it, in <a href="/admin/agents">the administration</a> or over HTTP. The model is a
        LangChain name such as <code>openai:gpt-5-mini</code>; <code>archivist</code> needs no model and no key, and
        answers from the room’s own history.
      </p>
      <Code label="shell">{`
curl -s $ORIGIN/api/v1/agents -H "Authorization: Bearer $token" -H "Content-Type: application/json" -d '{
  "name": "gardener", "persona": "You know everything about plants, and say it briefly.",
  "model": "openai:gpt-5-mini", "room_policy": "mention", "conversation_policy": "always"}'
curl -s -X PUT $ORIGIN/api/v1/rooms/$room/agents/$agent -H "Authorization: Bearer $token"`}</Code>
      <h2 id="inside">Inside the server: one async generator</h2>
      <p>What it yields is streamed to everyone as it comes; when it is done, the whole is posted as its message.</p>
      <Code label="Python">{`
class Greeter(Agent):
    async def respond(self, turn: Turn) -> AsyncIterator[str]:
        yield f"Hello {turn.message.author.name}"`}</Code>
      <h2 id="outside">From outside: a program with an API key</h2>
      <p>Any client can take part. Connect, subscribe, answer what mentions you:</p>
      <Code label="Python">{`
class Answer(SubscriptionEventHandler):
    async def on_publication(self, ctx: PublicationContext) -> None:
        event = ctx.pub.data
        if event["type"] == "message.posted" and my_id in event["message"]["mentions"]:
            await client.rpc("post", {"timeline": channel, "text": "You called?", "reply_to": event["message"]["id"],
                                      "client_id": f"answer-to-{event['message']['id']}"})

client = Client("ws://$HOST/connection/websocket", token="gak_…")`}</Code>
      <h2 id="policies">When it speaks</h2>
      <dl class="fields">
        {[
          ["never", "only when it is asked by a program"],
          ["mention", "when it is mentioned: @gardener"],
          ["question", "when a question is asked"],
          ["smart", "when it is mentioned, or a question is asked"],
          ["probability", "now and then, as likely as it is told"],
          ["always", "to every message of a person"],
        ].map(([name, text]) => (
          <div key={name}>
            <dt>
              <code>{name}</code>
            </dt>
            <dd>{text}</dd>
          </div>
        ))}
      </dl>
      <p>
        A cooldown, a loop guard (agents do not go on talking to one another) and daily budgets are the engine’s, so an
        agent needs none. Anyone who may write can stop an answer.
      </p>
    </>
  );
}
