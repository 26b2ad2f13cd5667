// The official JavaScript client, driven over pipes: requests come in as lines of JSON, everything that happens goes out as such.
//
//     node driver.mjs ws://127.0.0.1:8080/connection/websocket <access token> room:<id>
//     node driver.mjs '[{"transport":"websocket","endpoint":"ws:..."},{"transport":"sse","endpoint":"http:..."}]' <token> room:<id> http://127.0.0.1:8080/emulation
//     {"number":1,"method":"post","data":{...}}      an rpc
//     {"number":2,"call":"history","options":{...}}  or presence, presenceStats, publish: a method of the subscription

import { createInterface } from "node:readline";
import { Centrifuge } from "centrifuge";
import { EventSource } from "eventsource";

const [endpoint, token, channel, emulationEndpoint] = process.argv.slice(2);
const transports = endpoint.startsWith("[") ? JSON.parse(endpoint) : endpoint;
const tell = (event, fields) => console.log(JSON.stringify({ event, ...fields }));

// The client does not look at what becomes of its requests to /emulation. A browser only reports one that fails; node would end.
process.on("unhandledRejection", (error) => {
  if (!(error instanceof TypeError && error.message === "fetch failed")) throw error;
});

const delays = { minReconnectDelay: 50, maxReconnectDelay: 500 };
const client = new Centrifuge(transports, { token, emulationEndpoint, eventsource: EventSource, ...delays });
client.on("connected", (context) => tell("connected", { client: context.client, transport: context.transport }));
client.on("disconnected", (context) => tell("disconnected", { code: context.code }));
client.on("subscribed", (context) => tell("server_subscribed", { channel: context.channel }));

const subscription = client.newSubscription(channel, { minResubscribeDelay: 50, maxResubscribeDelay: 500 });
subscription.on("subscribed", (context) =>
  tell("subscribed", {
    was_recovering: context.wasRecovering,
    recovered: context.recovered,
    offset: context.streamPosition.offset,
    data: context.data,
  }),
);
subscription.on("unsubscribed", (context) => tell("unsubscribed", { code: context.code }));
subscription.on("publication", (context) => tell("publication", { offset: context.offset, data: context.data }));
subscription.on("join", (context) => tell("join", { user: context.info.user }));

subscription.subscribe();
client.connect();

createInterface({ input: process.stdin })
  .on("line", async (line) => {
    const { number, method, data, call, options } = JSON.parse(line);
    try {
      const result = method ? (await client.rpc(method, data)).data : await subscription[call](options);
      tell("answer", { number, result });
    } catch (error) {
      tell("answer", { number, error: { code: error.code, message: error.message } });
    }
  })
  .on("close", () => client.disconnect());
