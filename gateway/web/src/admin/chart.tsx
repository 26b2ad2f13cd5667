/** One figure over time: a line, its last value, its range. */

import { locale } from "../i18n/index.ts";
import { clock } from "../text/time.ts";
import { t } from "./i18n/index.ts";

const WIDTH = 400;
const HEIGHT = 90;

interface Props {
  title: string;
  unit: string;
  points: readonly { at: number; value: number }[];
}

export function Chart({ title, unit, points }: Props) {
  const last = points.at(-1);
  const first = points[0];
  const most = Math.max(1, ...points.map((point) => point.value));
  const from = first?.at ?? 0;
  const span = Math.max(60_000, (last?.at ?? 0) - from);
  const line = points.map(
    ({ at, value }) => `${((at - from) / span) * WIDTH},${HEIGHT - (value / most) * (HEIGHT - 6)}`,
  );
  const end = ((last?.at ?? from) - from) / span;
  return (
    <figure class="chart">
      <figcaption>
        <span>{title}</span>
        <strong>
          {last ? figure(last.value) : "–"} <small>{unit}</small>
        </strong>
      </figcaption>
      <svg
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={t("at_most", { title, most: figure(most), unit })}
      >
        <line x1="0" x2={WIDTH} y1={HEIGHT - 0.5} y2={HEIGHT - 0.5} class="chart-base" />
        {line.length > 1 && (
          <polygon class="chart-area" points={`0,${HEIGHT} ${line.join(" ")} ${end * WIDTH},${HEIGHT}`} />
        )}
        {line.length > 1 && <polyline class="chart-line" points={line.join(" ")} vector-effect="non-scaling-stroke" />}
      </svg>
      <p class="chart-foot">
        <span>{first ? clock(first.at) : ""}</span>
        <span>{last && t("most", { most: figure(most), unit })}</span>
      </p>
    </figure>
  );
}

/** A number as it is read at a glance, in the interface's language. */
export function figure(value: number): string {
  const precision: Intl.NumberFormatOptions =
    value < 1
      ? { maximumSignificantDigits: 2 }
      : value < 10_000
        ? { maximumFractionDigits: value < 100 ? 1 : 0 }
        : { maximumFractionDigits: 1, notation: "compact" };
  return new Intl.NumberFormat(locale.value, precision).format(value);
}
