import { span } from "../text/time.ts";
import { Chart, figure } from "./chart.tsx";
import { named, t } from "./i18n/index.ts";
import { failing, flatten, rates, type Sample, samples, stats, tree } from "./sampling.ts";

/** How the process is doing: what counts at a glance, then the last hour, then who is busiest. */
export function Overview() {
  const now = stats.value;
  const root = tree.value;
  const count = (name: string) => root?.children.find((child) => child.path.endsWith(`/${name}`))?.children.length ?? 0;
  const series = (of: (sample: Sample) => number) =>
    samples.value.map((sample) => ({ at: sample.at, value: of(sample) }));
  const last = samples.value.at(-1);
  return (
    <>
      {failing.value && (
        <p class="form-failure" role="status">
          {t("unreachable")}
        </p>
      )}
      <dl class="tiles">
        <Tile name={t("up_for")} value={now ? span(now.uptime) : "–"} />
        <Tile name={t("rooms_awake")} value={figure(count("rooms"))} />
        <Tile name={t("conversations")} value={figure(count("conversations"))} />
        <Tile name={t("people_connected")} value={figure(count("people"))} />
        <Tile name={t("actors")} value={now ? figure(now.actors) : "–"} />
        <Tile name={t("restarts")} value={now ? figure(now.restarts) : "–"} alarm={Boolean(now?.restarts)} />
      </dl>
      <section class="charts" aria-label={t("last_hour")}>
        <Chart title={t("messages_between")} unit="/s" points={series((each) => each.rate)} />
        <Chart title={t("waiting_in_mailboxes")} unit="" points={series((each) => each.waiting)} />
        <Chart title={t("actors")} unit="" points={series((each) => each.actors)} />
        <Chart title={t("answered_within")} unit="ms" points={series((each) => each.answered)} />
      </section>
      <div class="admin-columns">
        <Hot />
        <section class="panel">
          <h2>{t("dead_letters")}</h2>
          {now && Object.keys(now.dead_letters).length ? (
            <table>
              <tbody>
                {Object.entries(now.dead_letters).map(([reason, many]) => (
                  <tr key={reason}>
                    <th scope="row">{named("dead", reason) ?? <code>{reason}</code>}</th>
                    <td class="number">{figure(many)}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          ) : (
            <p class="empty">{t("no_dead_letters")}</p>
          )}
          {last && <p class="field-hint">{t("since_start")}</p>}
        </section>
      </div>
    </>
  );
}

function Tile({ name, value, alarm = false }: { name: string; value: string; alarm?: boolean }) {
  return (
    <div class={alarm ? "tile tile-alarm" : "tile"}>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}

function Hot() {
  const root = tree.value;
  const nodes = root ? flatten(root) : [];
  const busiest = nodes
    .map((node) => ({ node, rate: rates.value.get(node.path) ?? 0 }))
    .filter(({ node, rate }) => rate > 0 || node.depth > 0)
    .sort((one, other) => other.node.depth - one.node.depth || other.rate - one.rate)
    .slice(0, 8);
  return (
    <section class="panel">
      <h2>{t("busiest")}</h2>
      {busiest.length ? (
        <table>
          <thead>
            <tr>
              <th scope="col">{t("path")}</th>
              <th scope="col" class="number-head">
                {t("waiting")}
              </th>
              <th scope="col" class="number-head">
                {t("rate")}
              </th>
            </tr>
          </thead>
          <tbody>
            {busiest.map(({ node, rate }) => (
              <tr key={node.path}>
                <th scope="row">
                  <code>{node.path}</code>
                </th>
                <td class="number">{node.depth}</td>
                <td class="number">{t("a_second", { count: figure(rate) })}</td>
              </tr>
            ))}
          </tbody>
        </table>
      ) : (
        <p class="empty">{t("nothing_going_on")}</p>
      )}
    </section>
  );
}
