import type { Key } from "./index.ts";

/** The developers' pages in German. */
export const de: Record<Key, string> = {
  navigation: "Dokumentation",
  start: "Schnellstart",
  reference: "HTTP-Schnittstelle",
  realtime: "Echtzeit",
  agents: "Agenten",
  benchmarks: "Messungen",
  shell: "Shell",

  start_lead:
    "Alles, was dieser Server tut, kann man über HTTP verlangen und über einen WebSocket mithören. Was er bestätigt hat, ist gespeichert; was du mit einer `client_id` schreibst, steht einmal da, wie oft du es auch sendest.",
  with_curl: "Mit curl",
  with_curl_text: "Ein Konto, ein Token, ein Raum, eine Nachricht, und was im Raum geschieht, während es geschieht:",
  in_javascript: "In JavaScript",
  in_javascript_text:
    "Der offizielle Client `centrifuge` verbindet sich von selbst wieder und holt nach, was er verpasst hat. Gib ihm ein `getToken`, das ein frisches Token von `/api/v1/auth/refresh` holt, und er bleibt über das Ende des Tokens hinaus verbunden.",
  in_python: "In Python",
  keys: "Programme, die angemeldet bleiben",
  keys_text:
    "Erstelle einen API-Schlüssel in [deinem Konto](/account) und sende ihn als `Authorization: Bearer gak_…` oder als Token der Echtzeitverbindung. Er gilt, bis er widerrufen wird.",
  refused: "Wenn etwas abgelehnt wird",
  refused_text:
    "Fehler sind Problemdokumente (RFC 9457). Entscheide nach `code`, der sich nicht ändert; `errors` nennt die Felder einer Anfrage, die nicht so sind, wie sie sein sollen. Nach `rate_limited`, `overloaded` und `storage_unavailable` warte so viele Sekunden, wie `Retry-After` sagt, und sende dasselbe noch einmal.",

  reference_lead:
    "Aus [openapi.json](/api/v1/openapi.json) gemacht (OpenAPI {version}), das auch Generatoren von Clients lesen. Listen antworten mit `{items, next}`; gib `next` als `after` an, um die folgende Seite zu bekommen.",
  reference_language: "Was der Server über die einzelnen Anfragen sagt, gibt es nur auf Englisch.",
  filter: "Anfragen filtern",
  nothing_found: "Keine Anfrage enthält „{filter}“.",
  for_anyone: "Für alle.",
  for_signed_in: "Für Angemeldete.",
  parameters: "Parameter",
  body: "Inhalt",
  answers: "Antworten",
  answer: "Antwort {status}",
  required: "nötig",

  realtime_lead:
    "`{address}` spricht das Client-Protokoll von Centrifuge in JSON; die offiziellen Clients für JavaScript, Python, Dart, Swift, Java und Go gehen also, wie sie sind. Wo WebSockets gesperrt sind, befördern `/connection/http_stream` und `/connection/sse` dasselbe.",
  try_it: "Hier ausprobieren",
  frames: "Rahmen",
  frames_text:
    "Ein Client sendet Befehle, jeden mit einer `id`; Antworten haben dieselbe. Was der Server von sich aus sendet, hat keine. In einem Rahmen können mehrere stehen, je einer in einer Zeile. `{}` vom Server ist ein Ping und wird mit `{}` beantwortet.",
  coming_back: "Wiederkommen",
  coming_back_text:
    "Dauerhafte Ereignisse tragen den `offset` ihrer Zeitleiste: 1, 2, 3, ohne Lücke. Ein Client, der weg war, abonniert mit dem letzten, den er hat, und bekommt, was er verpasst hat. `recovered: false` heißt, dass er zu lange weg war: dann lade den Verlauf neu.",
  methods: "Methoden von rpc",
  method: "Methode",
  data: "Daten",
  newest_first: "neueste zuerst",
  oldest_first: "älteste zuerst",
  events: "Ereignisse",
  event_type: "Art",
  fields: "Felder",
  kept: "Bleibt",
  kept_yes: "ja, mit einem Offset",
  kept_no: "nein",
  only_readers: "nur an die, die in dieser Sprache lesen",
  in_large_rooms: "in großen Räumen `online`, `changes`, `more?`",
  on_own_channel: "auf `user:<id>`",
  streaming: "Antworten, die entstehen",
  streaming_text:
    "Ein Delta bringt seine Antwort auf `length` Zeichen (Codepunkte). Ein Client, dessen Text kürzer ist als `length` ohne das Delta, hat etwas verpasst und wartet auf die Nachricht, die das Ganze enthält. Wer mittendrin abonniert, findet den bisherigen Text in `answers`.",
  limits: "Grenzen",
  limits_text:
    "64 KiB je Rahmen, 4.000 Zeichen je Nachricht, 128 Abonnements je Verbindung, 20 Befehle in der Sekunde und bis zu 60 auf einmal. Wer nicht schnell genug liest, wird mit 3008 getrennt und holt nach dem Offset nach.",

  console: "Konsole",
  connect: "Verbinden",
  disconnect: "Trennen",
  send: "Senden",
  command: "Befehl",
  frames_seen: "Rahmen, die gingen und kamen",
  sign_in_first: "melde dich erst an, hier oder in einem anderen Tab",
  closed: "getrennt {code} {reason}",

  agents_lead:
    "Ein Agent ist ein Teilnehmer: er hat einen Namen, ist in Räumen, hört, was gesagt wird, und antwortet, wenn er mag, Wort für Wort. Es gibt drei Wege zu einem.",
  persona: "Ohne Code: eine Persona",
  persona_text:
    "Jemand von der Verwaltung beschreibt ihn, in [der Verwaltung](/admin/agents) oder über HTTP. Das Modell ist ein Name von LangChain wie `openai:gpt-5-mini`; `archivist` braucht kein Modell und keinen Schlüssel und antwortet aus dem Verlauf des Raums.",
  inside: "Im Server: ein asynchroner Generator",
  inside_text:
    "Was er liefert, geht an alle, sobald es kommt; wenn er fertig ist, wird das Ganze als seine Nachricht geschrieben.",
  outside: "Von außen: ein Programm mit einem API-Schlüssel",
  outside_text: "Jeder Client kann dabei sein. Verbinde dich, abonniere, antworte auf das, was dich erwähnt:",
  when_it_speaks: "Wann er spricht",
  policy_never: "nur, wenn ein Programm ihn fragt",
  policy_mention: "wenn er erwähnt wird: `@gardener`",
  policy_question: "wenn eine Frage gestellt wird",
  policy_smart: "wenn er erwähnt oder eine Frage gestellt wird",
  policy_probability: "ab und zu, so oft, wie man es ihm sagt",
  policy_always: "auf jede Nachricht einer Person",
  guards:
    "Eine Pause zwischen Antworten, ein Schutz vor Schleifen (Agenten reden nicht endlos miteinander) und Tagesbudgets sind Sache der Engine; ein Agent braucht dafür nichts. Wer schreiben darf, kann eine Antwort anhalten.",

  benchmarks_lead:
    "Absolute Zeiten schwanken von Maschine zu Maschine. Jede Messung misst deshalb im selben Lauf auch ihre Grenze und nennt beide mit ihrem Verhältnis: das ist die Zahl, die man vergleicht.",
  in_a_checkout: "Shell, in einem Checkout",
  benchmark_actors: "Nachrichten zwischen Aktoren, neben bloßen Warteschlangen und anderen Aktoren-Bibliotheken",
  benchmark_posts: "Nachrichten und Zustellungen in der Sekunde durch das Gateway, in 100 Räumen und in einem",
  benchmark_history: "Seiten und Suchen in einer Million Nachrichten, mit den Plänen der Datenbanken",
  benchmark_translation: "Nachrichten neben einem Übersetzer, der Sekunden braucht",
  benchmark_agents: "hundert Antworten, die gleichzeitig entstehen, für je fünf Leser",
  benchmark_scrolling: "die Bilder eines langen Verlaufs im Browser, neben einer Seite derselben Zeilen in Ruhe",
  benchmark_presence: "ein Raum von tausend, die kommen, gehen und schreiben",
  own_server: "Gegen einen eigenen Server",
  own_server_text:
    "Erhöhe, was einen öffentlichen Server schützt, sonst misst du seine Grenzen: `GATHERING_COMMANDS_PER_SECOND` und `GATHERING_COMMANDS_BURST` begrenzen eine Verbindung. Sieh dabei in [die Verwaltung](/admin): Postfächer, die sich füllen, und Nachrichten, die warten, zeigen, wo die Zeit bleibt.",
};
