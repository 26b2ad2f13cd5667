import { useEffect, useMemo, useState } from "preact/hooks";
import { locale } from "../i18n/index.ts";
import { Code } from "./code.tsx";
import { t } from "./i18n/index.ts";
import {
  type Document,
  exampleOf,
  type Operation,
  operationsOf,
  requestLine,
  type Schema,
  shapeOf,
} from "./openapi.ts";
import { Prose } from "./prose.tsx";

/** The HTTP interface, as the server describes it itself. */
export function Reference() {
  const [described, setDescribed] = useState<Document | null>(null);
  const [filter, setFilter] = useState("");
  useEffect(() => {
    fetch("/api/v1/openapi.json")
      .then((response) => response.json())
      .then(setDescribed, () => undefined);
  }, []);
  const operations = useMemo(() => (described ? operationsOf(described) : []), [described]);
  if (!described) return <div class="waiting" aria-busy="true" />;
  const wanted = filter.trim().toLowerCase();
  const shown = operations.filter((each) =>
    `${each.method} ${each.path} ${each.summary}`.toLowerCase().includes(wanted),
  );
  const tags = [...new Set(operations.map((each) => each.tag))];
  return (
    <>
      <p class="lead">
        <Prose text={t("reference_lead", { version: described.openapi })} />
      </p>
      {locale.value !== "en" && <p>{t("reference_language")}</p>}
      <input
        class="search-field"
        type="search"
        aria-label={t("filter")}
        placeholder={t("filter")}
        value={filter}
        onInput={(event) => setFilter(event.currentTarget.value)}
      />
      {!shown.length && <p class="empty">{t("nothing_found", { filter })}</p>}
      {tags.map((tag) => {
        const ofTag = shown.filter((each) => each.tag === tag);
        if (!ofTag.length) return null;
        return (
          <section key={tag}>
            <h2 id={tag} lang="en">
              {tag}
            </h2>
            {ofTag.map((operation) => (
              <OperationView key={operation.id} operation={operation} described={described} />
            ))}
          </section>
        );
      })}
    </>
  );
}

function OperationView({ operation, described }: { operation: Operation; described: Document }) {
  const [open, setOpen] = useState(false);
  return (
    <details class="operation" id={operation.id} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        <span class={`method method-${operation.method}`}>{operation.method.toUpperCase()}</span>
        <code>{operation.path}</code>
        <span class="operation-summary" lang="en">
          <Prose text={firstSentence(operation.summary)} />
        </span>
      </summary>
      {open && (
        <div class="operation-body">
          <p>
            <span lang="en">
              <Prose text={`${operation.summary} ${operation.description}`} />
            </span>{" "}
            {t(operation.open ? "for_anyone" : "for_signed_in")}
          </p>
          {operation.parameters.length > 0 && (
            <>
              <h3>{t("parameters")}</h3>
              <dl class="fields">
                {operation.parameters.map((each) => (
                  <div key={each.name}>
                    <dt>
                      <code>{each.name}</code> <small>{each.in}</small>
                    </dt>
                    <dd lang="en">
                      {shapeOf(each.schema)} {each.description}
                    </dd>
                  </div>
                ))}
              </dl>
            </>
          )}
          {operation.body && (
            <>
              <h3>{t("body")}</h3>
              <Fields schema={operation.body} described={described} />
            </>
          )}
          <h3>{t("answers")}</h3>
          <dl class="fields">
            {operation.answers.map(({ status, description, schema }) => (
              <div key={status}>
                <dt>
                  <code>{status}</code>
                </dt>
                <dd lang="en">
                  <Prose text={description} /> {schema && <code>{shapeOf(schema)}</code>}
                </dd>
              </div>
            ))}
          </dl>
          <Code label="curl">{requestLine(operation, described)}</Code>
          {operation.answers[0]?.schema && (
            <Code label={t("answer", { status: operation.answers[0].status })}>
              {JSON.stringify(exampleOf(operation.answers[0].schema, described), null, 2)}
            </Code>
          )}
        </div>
      )}
    </details>
  );
}

function firstSentence(text: string): string {
  return /^.*?\.(?= |$)/.exec(text)?.[0] ?? text;
}

function Fields({ schema, described }: { schema: Schema; described: Document }) {
  const name = schema.$ref?.split("/").at(-1) ?? "";
  const whole = described.components.schemas[name] ?? schema;
  return (
    <dl class="fields">
      {Object.entries(whole.properties ?? {}).map(([field, each]) => (
        <div key={field}>
          <dt>
            <code>{field}</code> {whole.required?.includes(field) ? <small>{t("required")}</small> : null}
          </dt>
          <dd lang="en">
            {shapeOf(each)} {each.description}
          </dd>
        </div>
      ))}
    </dl>
  );
}
