/** The developers' pages in English. What stands between backticks is code, `[words](/address)` is a link; see `prose.tsx`. */
export const en = {
  navigation: "Documentation",
  start: "Quick start",
  reference: "HTTP interface",
  realtime: "Realtime",
  agents: "Agents",
  benchmarks: "Benchmarks",
  shell: "shell",

  start_lead:
    "Everything that this server does can be asked for over HTTP, and heard live over a WebSocket. What it has confirmed is committed; what you post with a `client_id` is posted once, however often you send it.",
  with_curl: "With curl",
  with_curl_text: "An account, a token, a room, a message, and the room’s events as they happen:",
  in_javascript: "In JavaScript",
  in_javascript_text:
    "The official `centrifuge` client reconnects and recovers what was missed by itself. Give it a `getToken` that fetches a fresh token from `/api/v1/auth/refresh`, and it stays connected past the token’s end.",
  in_python: "In Python",
  keys: "Programs that stay signed in",
  keys_text:
    "Make an API key in [your account](/account) and send it as `Authorization: Bearer gak_…`, or as the token of the realtime connection. It is good until it is revoked.",
  refused: "When something is refused",
  refused_text:
    "Errors are problem documents (RFC 9457). Decide by `code`, which is stable; `errors` names the fields of a request that are not as they should be. After `rate_limited`, `overloaded` and `storage_unavailable` wait for `Retry-After` seconds and send the same again.",

  reference_lead:
    "Made from [openapi.json](/api/v1/openapi.json) (OpenAPI {version}), which generators of clients read. Lists answer `{items, next}`; give `next` as `after` for the following page.",
  reference_language: "What the server says of each operation is in English only.",
  filter: "Filter operations",
  nothing_found: "No operation has “{filter}” in it.",
  for_anyone: "For anyone.",
  for_signed_in: "For who is signed in.",
  parameters: "Parameters",
  body: "Body",
  answers: "Answers",
  answer: "answer {status}",
  required: "required",

  realtime_lead:
    "`{address}` speaks the Centrifuge client protocol in JSON, so the official clients for JavaScript, Python, Dart, Swift, Java and Go work as they are. Where WebSockets are blocked, `/connection/http_stream` and `/connection/sse` carry the same.",
  try_it: "Try it here",
  frames: "Frames",
  frames_text:
    "A client sends commands, each with an `id`; replies have the same one. Pushes have none. Several may stand in one frame, a line each. `{}` from the server is a ping, and is answered with `{}`.",
  coming_back: "Coming back",
  coming_back_text:
    "Durable events carry the timeline’s `offset`: 1, 2, 3 without a gap. A client that was away subscribes with the last one it has, and gets what it missed. `recovered: false` means that it was away for too long: load the history anew.",
  methods: "Methods of rpc",
  method: "Method",
  data: "Data",
  newest_first: "newest first",
  oldest_first: "oldest first",
  events: "Events",
  event_type: "Type",
  fields: "Fields",
  kept: "Kept",
  kept_yes: "yes, with an offset",
  kept_no: "no",
  only_readers: "only to readers of that language",
  in_large_rooms: "in large rooms `online`, `changes`, `more?`",
  on_own_channel: "on `user:<id>`",
  streaming: "Answers that stream",
  streaming_text:
    "A delta takes its answer to `length` characters (code points). A client whose text is shorter than `length` less that of the delta has missed something and waits for the message, which has the whole. Whoever subscribes midway finds the text so far in `answers`.",
  limits: "Limits",
  limits_text:
    "64 KiB a frame, 4,000 characters a message, 128 subscriptions a connection, 20 commands a second with a burst of 60. A reader that does not keep up is disconnected with 3008, and recovers by offset.",

  console: "Console",
  connect: "Connect",
  disconnect: "Disconnect",
  send: "Send",
  command: "Command",
  frames_seen: "Frames that went and came",
  sign_in_first: "sign in first, in another tab or this one",
  closed: "closed {code} {reason}",

  agents_lead:
    "An agent is a participant: it has a name, is in rooms, hears what is said and answers, word by word if it likes. There are three ways to make one.",
  persona: "Without code: a persona",
  persona_text:
    "An administrator describes it, in [the administration](/admin/agents) or over HTTP. The model is a LangChain name such as `openai:gpt-5-mini`; `archivist` needs no model and no key, and answers from the room’s own history.",
  inside: "Inside the server: one async generator",
  inside_text:
    "What it yields is streamed to everyone as it comes; when it is done, the whole is posted as its message.",
  outside: "From outside: a program with an API key",
  outside_text: "Any client can take part. Connect, subscribe, answer what mentions you:",
  when_it_speaks: "When it speaks",
  policy_never: "only when it is asked by a program",
  policy_mention: "when it is mentioned: `@gardener`",
  policy_question: "when a question is asked",
  policy_smart: "when it is mentioned, or a question is asked",
  policy_probability: "now and then, as likely as it is told",
  policy_always: "to every message of a person",
  guards:
    "A cooldown, a loop guard (agents do not go on talking to one another) and daily budgets are the engine’s, so an agent needs none. Anyone who may write can stop an answer.",

  benchmarks_lead:
    "Absolute times wander from machine to machine. Each benchmark therefore measures its limit in the same run, and prints both with their ratio: that is the figure to compare.",
  in_a_checkout: "shell, in a checkout",
  benchmark_actors: "messages between actors, beside bare queues and other actor libraries",
  benchmark_posts: "posts and deliveries a second through the gateway, in 100 rooms and in one",
  benchmark_history: "pages and searches in a million messages, with the databases’ plans",
  benchmark_translation: "posts beside a translator that takes seconds",
  benchmark_agents: "a hundred answers that stream at once to five readers each",
  benchmark_scrolling: "the frames of a long history in a browser, beside a page of the same rows at rest",
  benchmark_presence: "a room of a thousand whose members come, go and type",
  own_server: "Against a server of your own",
  own_server_text:
    "Raise what protects a public server, or you measure its limits: `GATHERING_COMMANDS_PER_SECOND` and `GATHERING_COMMANDS_BURST` bound one connection. Watch [the administration](/admin) meanwhile: mailboxes that fill, and messages that wait, say where the time goes.",
};
