import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { get, Problem } from "../api/http.ts";
import { moment } from "../text/time.ts";
import { figure } from "./chart.tsx";
import { named, t } from "./i18n/index.ts";
import { flatten, tree } from "./sampling.ts";

type Value = string | number | boolean | null | Value[] | { [name: string]: Value };

const PERIOD = 2000;
const MOMENT = /^\d{4}-\d\d-\d\dT\d\d:\d\d/;

/** How a pool of providers stands: what the server answers, laid out by its shape, and the pool's place in the tree. */
export function Pool({ title, address, pool }: { title: string; address: string; pool: string }) {
  const [status, setStatus] = useState<Value | undefined>(undefined);
  const [missing, setMissing] = useState(false);
  useEffect(() => {
    let next = 0;
    let over = false;
    const look = async () => {
      try {
        setStatus(await get<Value>(address));
      } catch (error) {
        if (error instanceof Problem && error.status === 404) {
          setMissing(true);
          return;
        }
      }
      if (!over) next = setTimeout(look, PERIOD);
    };
    void look();
    return () => {
      over = true;
      clearTimeout(next);
    };
  }, [address]);
  const node = tree.value && flatten(tree.value).find((each) => each.path.endsWith(`/${pool}`));
  if (missing) return <p class="empty">{t("not_here", { title })}</p>;
  if (status === undefined) return <div class="waiting" aria-busy="true" />;
  const parts = isStruct(status) ? Object.entries(status).filter(([, value]) => isStruct(value)) : [];
  const rest = isStruct(status)
    ? Object.fromEntries(Object.entries(status).filter(([, value]) => !isStruct(value)))
    : status;
  return (
    <>
      {(!isStruct(rest) || Object.keys(rest).length > 0) && <Part title={title} value={rest} />}
      {parts.map(([name, value]) => (
        <Part key={name} title={worded(name)} value={value} />
      ))}
      {node?.pool && <Part title={<code>{node.path}</code>} value={node.pool as Value} />}
    </>
  );
}

type Struct = { [name: string]: Value };

function isStruct(value: Value): value is Struct {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A field in words; what the server itself counts by, such as codes of failures, as it is. */
function worded(name: string): ComponentChildren {
  return named("field", name) ?? <code>{name}</code>;
}

/** One struct: its figures side by side, its lists as tables below. */
function Part({ title, value }: { title: ComponentChildren; value: Value }) {
  if (!isStruct(value)) {
    return (
      <section class="panel">
        <h2>{title}</h2>
        <Shown value={value} />
      </section>
    );
  }
  const lists = Object.entries(value).filter(([, each]) => typeof each === "object" && each !== null);
  const figures = Object.entries(value).filter(([, each]) => typeof each !== "object" || each === null);
  return (
    <section class="panel">
      <h2>{title}</h2>
      <dl class="figures">
        {figures.map(([name, each]) => (
          <div key={name}>
            <dt>{worded(name)}</dt>
            <dd>
              <Shown value={each} />
            </dd>
          </div>
        ))}
      </dl>
      {lists.map(([name, each]) => (
        <div key={name}>
          <h3>{worded(name)}</h3>
          <Shown value={each} />
        </div>
      ))}
    </section>
  );
}

/** Any value: structs as lists of their members, lists of structs as tables. */
function Shown({ value }: { value: Value }): ComponentChildren {
  if (value === null) return "–";
  if (typeof value === "boolean") return t(value ? "yes" : "no");
  if (typeof value === "number") return figure(value);
  if (typeof value === "string") return MOMENT.test(value) ? moment(value) : (named("state", value) ?? (value || "–"));
  if (Array.isArray(value)) return <Table rows={value} />;
  if (!Object.keys(value).length) return "–";
  return (
    <dl class="members-of">
      {Object.entries(value).map(([name, each]) => (
        <div key={name}>
          <dt>{worded(name)}</dt>
          <dd>
            <Shown value={each} />
          </dd>
        </div>
      ))}
    </dl>
  );
}

function Table({ rows }: { rows: Value[] }) {
  const [first] = rows;
  if (first === undefined) return <>–</>;
  if (typeof first !== "object" || first === null || Array.isArray(first)) return <>{rows.map(String).join(", ")}</>;
  const columns = Object.keys(first);
  return (
    <section class="scrolling" tabIndex={0} aria-label={t("table")}>
      <table class="wide">
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column} scope="col">
                {worded(column)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {(rows as Record<string, Value>[]).map((row, index) => (
            <tr key={String(row.name ?? row.id ?? index)}>
              {columns.map((column) => (
                <td key={column}>
                  <Shown value={row[column] ?? null} />
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
