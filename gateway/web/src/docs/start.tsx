import { Code } from "./code.tsx";
import { t } from "./i18n/index.ts";
import { Prose } from "./prose.tsx";

const CURL = `
api=$ORIGIN/api/v1
json='Content-Type: application/json'

curl -s $api/auth/register -H "$json" \\
     -d '{"email": "mary@example.org", "username": "mary", "password": "correct horse", "language": "en"}'
token=$(curl -s $api/auth/login -H "$json" -d '{"login": "mary", "password": "correct horse"}' \\
        | python3 -c 'import json, sys; print(json.load(sys.stdin)["access_token"])')

room=$(curl -s $api/rooms -H "Authorization: Bearer $token" -H "$json" -d '{"name": "Tea"}' \\
       | python3 -c 'import json, sys; print(json.load(sys.stdin)["id"])')
curl -s $api/rooms/$room/messages -H "Authorization: Bearer $token" -H "$json" \\
     -d '{"text": "Hello", "client_id": "mary-1"}'
curl -N "$api/rooms/$room/stream?since=0" -H "Authorization: Bearer $token"
`;

const JAVASCRIPT = `
import { Centrifuge } from "centrifuge"; // npm install centrifuge

const client = new Centrifuge("ws://$HOST/connection/websocket", { token });
const room = client.newSubscription(\`room:\${id}\`, { data: { language: "de" } });
room.on("publication", ({ offset, data }) => console.log(offset, data.type, data.message?.text));
room.on("subscribed", ({ wasRecovering, recovered }) => {
  if (wasRecovering && !recovered) reloadHistory(); // away for longer than the server holds events
});
room.subscribe();
client.connect();

const { data } = await client.rpc("post", { timeline: \`room:\${id}\`, text: "Hello", client_id: crypto.randomUUID() });
console.log("committed as", data.message.offset);
`;

const PYTHON = `
import asyncio
from centrifuge import Client, PublicationContext, SubscriptionEventHandler  # pip install centrifuge-python


class Print(SubscriptionEventHandler):
    async def on_publication(self, ctx: PublicationContext) -> None:
        print(ctx.pub.offset, ctx.pub.data["type"])


async def main(token: str, room: str) -> None:
    client = Client("ws://$HOST/connection/websocket", token=token)
    await client.connect()
    await client.new_subscription(f"room:{room}", Print()).subscribe()
    posted = await client.rpc("post", {"timeline": f"room:{room}", "text": "Hello", "client_id": "py-1"})
    print("committed as", posted.data["message"]["offset"])
    await asyncio.sleep(60)
`;

/** Three ways in: a shell, a browser's program, a Python program. */
export function Start() {
  return (
    <>
      <p class="lead">
        <Prose text={t("start_lead")} />
      </p>
      <h2 id="curl">{t("with_curl")}</h2>
      <p>{t("with_curl_text")}</p>
      <Code label={t("shell")}>{CURL}</Code>
      <h2 id="javascript">{t("in_javascript")}</h2>
      <p>
        <Prose text={t("in_javascript_text")} />
      </p>
      <Code label="JavaScript">{JAVASCRIPT}</Code>
      <h2 id="python">{t("in_python")}</h2>
      <Code label="Python">{PYTHON}</Code>
      <h2 id="keys">{t("keys")}</h2>
      <p>
        <Prose text={t("keys_text")} />
      </p>
      <h2 id="problems">{t("refused")}</h2>
      <p>
        <Prose text={t("refused_text")} />
      </p>
      <Code label="application/problem+json">{`
{
  "type": "urn:gathering:problem:invalid_request",
  "title": "Invalid request", "status": 422, "code": "invalid_request",
  "detail": "the request is not valid",
  "errors": [{"path": "text", "message": "Expected \`str\` of length >= 1"}],
  "request_id": "8f0c…"
}`}</Code>
    </>
  );
}
