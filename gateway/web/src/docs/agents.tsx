import { Code } from "./code.tsx";
import { t } from "./i18n/index.ts";
import { Prose } from "./prose.tsx";

const POLICIES = ["never", "mention", "question", "smart", "probability", "always"] as const;

/** How to write something that takes part in conversations. */
export function Agents() {
  return (
    <>
      <p class="lead">{t("agents_lead")}</p>
      <h2 id="persona">{t("persona")}</h2>
      <p>
        <Prose text={t("persona_text")} />
      </p>
      <Code label={t("shell")}>{`
curl -s $ORIGIN/api/v1/agents -H "Authorization: Bearer $token" -H "Content-Type: application/json" -d '{
  "name": "gardener", "persona": "You know everything about plants, and say it briefly.",
  "model": "openai:gpt-5-mini", "room_policy": "mention", "conversation_policy": "always"}'
curl -s -X PUT $ORIGIN/api/v1/rooms/$room/agents/$agent -H "Authorization: Bearer $token"`}</Code>
      <h2 id="inside">{t("inside")}</h2>
      <p>{t("inside_text")}</p>
      <Code label="Python">{`
class Greeter(Agent):
    async def respond(self, turn: Turn) -> AsyncIterator[str]:
        yield f"Hello {turn.message.author.name}"`}</Code>
      <h2 id="outside">{t("outside")}</h2>
      <p>{t("outside_text")}</p>
      <Code label="Python">{`
class Answer(SubscriptionEventHandler):
    async def on_publication(self, ctx: PublicationContext) -> None:
        event = ctx.pub.data
        if event["type"] == "message.posted" and my_id in event["message"]["mentions"]:
            await client.rpc("post", {"timeline": channel, "text": "You called?", "reply_to": event["message"]["id"],
                                      "client_id": f"answer-to-{event['message']['id']}"})

client = Client("ws://$HOST/connection/websocket", token="gak_…")`}</Code>
      <h2 id="policies">{t("when_it_speaks")}</h2>
      <dl class="fields">
        {POLICIES.map((name) => (
          <div key={name}>
            <dt>
              <code>{name}</code>
            </dt>
            <dd>
              <Prose text={t(`policy_${name}`)} />
            </dd>
          </div>
        ))}
      </dl>
      <p>{t("guards")}</p>
    </>
  );
}
