/** The one realtime connection of the page. Reconnection and recovery are the official client's; cookies say who we are. */

import { signal } from "@preact/signals";
import { Centrifuge, State, type Subscription } from "centrifuge";
import { fresh } from "../api/session.ts";
import type { PersonalEvent } from "./events.ts";

export type ConnectionState = "connecting" | "connected" | "offline";

/** How it stands. "offline" is a connection that has been away for a while, or a browser that knows it has no network. */
export const connection = signal<ConnectionState>("connecting");

/** What an rpc was refused with. `code` is the protocol's number. */
export interface Refusal {
  code: number;
  message: string;
  temporary?: boolean;
}

/** After this long without a connection people are told. */
const PATIENCE = 3000;
const LONGEST_PAUSE = 5000;

export interface Listeners {
  personal: (event: PersonalEvent) => void;
  connected: () => void;
  /** The server does not want us as who we were. */
  refused: () => void;
}

/** The protocol: from here on a disconnection is for good. */
const TERMINAL = 3500;

let client: Centrifuge | null = null;
let impatience = 0;

export function connect(listeners: Listeners): void {
  disconnect();
  const http = location.origin;
  const opened = new Centrifuge(
    [
      { transport: "websocket", endpoint: `${http.replace(/^http/, "ws")}/connection/websocket` },
      { transport: "http_stream", endpoint: `${http}/connection/http_stream` },
      { transport: "sse", endpoint: `${http}/connection/sse` },
    ],
    {
      name: "gathering-web",
      emulationEndpoint: `${http}/emulation`,
      maxReconnectDelay: LONGEST_PAUSE,
      getData: async () => {
        await fresh(); // before each attempt, so that the cookie is good
        return {};
      },
    },
  );
  client = opened;
  opened.on("connected", () => {
    if (client !== opened) return;
    clearTimeout(impatience);
    impatience = 0;
    connection.value = "connected";
    listeners.connected();
  });
  opened.on("connecting", () => {
    if (client === opened) beginWaiting();
  });
  opened.on("disconnected", ({ code }) => {
    if (client !== opened) return;
    connection.value = "offline";
    if (code >= TERMINAL) listeners.refused();
    else comeBack(opened);
  });
  opened.on("publication", ({ data }) => {
    if (client === opened) listeners.personal(data as PersonalEvent);
  });
  opened.connect();
}

export function disconnect(): void {
  clearTimeout(impatience);
  impatience = 0;
  const old = client;
  client = null;
  old?.disconnect();
  connection.value = "connecting";
}

export async function rpc<T>(method: string, data: unknown): Promise<T> {
  if (!client) throw { code: 0, message: "not connected" } satisfies Refusal;
  return (await client.rpc(method, data)).data as T;
}

/** A subscription of this connection, new or kept; null without a connection. */
export function subscriptionTo(channel: string, data: unknown): Subscription | null {
  if (!client) return null;
  return client.getSubscription(channel) ?? client.newSubscription(channel, { data });
}

export function forget(subscription: Subscription): void {
  subscription.unsubscribe();
  client?.removeSubscription(subscription);
}

/** Whether there is any use in asking now. */
export function isConnected(): boolean {
  return client?.state === State.Connected;
}

function beginWaiting(): void {
  if (connection.value === "connected") connection.value = "connecting";
  impatience ||= setTimeout(() => {
    connection.value = "offline";
  }, PATIENCE);
}

/** The token ended between the check and the command: try as for the first time. */
function comeBack(opened: Centrifuge): void {
  setTimeout(() => {
    if (client !== opened) return;
    opened.setToken("");
    opened.connect();
  }, PATIENCE / 3);
}

addEventListener("offline", () => {
  if (client) connection.value = "offline";
});
