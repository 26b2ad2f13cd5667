import { Code } from "./code.tsx";

const BENCHMARKS = [
  ["actors", "messages between actors, beside bare queues and other actor libraries"],
  ["posts", "posts and deliveries a second through the gateway, in 100 rooms and in one"],
  ["history", "pages and searches in a million messages, with the databases’ plans"],
  ["scrolling", "the frames of a long history in a browser, beside a page of the same rows at rest"],
  ["presence", "a room of a thousand whose members come, go and type"],
] as const;

/** How to measure, and how to read what comes out. */
export function Benchmarks() {
  return (
    <>
      <p class="lead">
        Absolute times wander from machine to machine. Each benchmark therefore measures its limit in the same run, and
        prints both with their ratio: that is the figure to compare.
      </p>
      <Code label="shell, in a checkout">{`
make bench                                  # the main ones
.venv/bin/python -m benchmarks              # the list
.venv/bin/python -m benchmarks posts        # one by name
.venv/bin/python -m benchmarks history --database postgres`}</Code>
      <dl class="fields">
        {BENCHMARKS.map(([name, text]) => (
          <div key={name}>
            <dt>
              <code>{name}</code>
            </dt>
            <dd>{text}</dd>
          </div>
        ))}
      </dl>
      <h2 id="load">Against a server of your own</h2>
      <p>
        Raise what protects a public server, or you measure its limits: <code>GATHERING_COMMANDS_PER_SECOND</code> and{" "}
        <code>GATHERING_COMMANDS_BURST</code> bound one connection. Watch <a href="/admin">the administration</a>{" "}
        meanwhile: mailboxes that fill, and messages that wait, say where the time goes.
      </p>
    </>
  );
}
