import { Code } from "./code.tsx";
import { t } from "./i18n/index.ts";
import { Prose } from "./prose.tsx";

const BENCHMARKS = ["actors", "posts", "agents", "presence", "history", "translation", "scrolling"] as const;

/** How to measure, and how to read what comes out. */
export function Benchmarks() {
  return (
    <>
      <p class="lead">{t("benchmarks_lead")}</p>
      <Code label={t("in_a_checkout")}>{`
make bench                                  # the main ones
.venv/bin/python -m benchmarks              # the list
.venv/bin/python -m benchmarks posts        # one by name
.venv/bin/python -m benchmarks history --database postgres`}</Code>
      <dl class="fields">
        {BENCHMARKS.map((name) => (
          <div key={name}>
            <dt>
              <code>{name}</code>
            </dt>
            <dd>{t(`benchmark_${name}`)}</dd>
          </div>
        ))}
      </dl>
      <h2 id="load">{t("own_server")}</h2>
      <p>
        <Prose text={t("own_server_text")} />
      </p>
    </>
  );
}
