import { html } from 'hono/html';
import type { Html } from './document.ts';
import { clockTime, dateTime } from './format.ts';

/** Bars by the hour, of one or two parts that stand on each other. */
export interface Chart {
  readonly id: string;
  readonly title: string;
  /** What the parts are, from the bottom. */
  readonly parts: readonly string[];
  readonly bars: readonly { readonly startsAt: number; readonly values: readonly number[] }[];
  format(value: number): string;
}

const [WIDTH, HEIGHT, LABELS] = [480, 120, 16];
const HOURS_A_LABEL = 12;

/** Draws a chart as SVG, and has the same figures as a table for those who cannot see it. */
export function chart({ id, title, parts, bars, format }: Chart): Html {
  const most = Math.max(...bars.map(({ values }) => total(values)), 0);
  const step = WIDTH / bars.length;
  const drawn = bars.map(({ startsAt, values }, at) => {
    let below = 0;
    const rects = values.map((value, part) => {
      const height = most === 0 ? 0 : (value / most) * HEIGHT;
      below += height;
      return height === 0
        ? ''
        : html`<rect class="part${part}" x="${fixed(at * step + 1)}" y="${fixed(HEIGHT - below)}"
            width="${fixed(step - 2)}" height="${fixed(height)}" />`;
    });
    const said = values.map((value, part) => `${parts[part]}: ${format(value)}`).join(', ');
    return html`<g><title>${dateTime(startsAt)} UTC, ${said}</title>${rects}</g>`;
  });
  const labels = bars.map(({ startsAt }, at) =>
    at % HOURS_A_LABEL === 0
      ? html`<text x="${fixed(at * step)}" y="${HEIGHT + LABELS - 3}">${clockTime(startsAt)}</text>`
      : '',
  );
  return html`<figure>
    <figcaption id="${id}">${title}<span class="most">at most ${format(most)} an hour</span></figcaption>
    <svg role="img" aria-labelledby="${id}" viewBox="0 0 ${WIDTH} ${HEIGHT + LABELS}" preserveAspectRatio="none">
      ${drawn}<line x1="0" x2="${WIDTH}" y1="${HEIGHT}" y2="${HEIGHT}" />${labels}
    </svg>
    ${parts.length > 1 ? html`<p class="legend">${parts.map((part, at) => html`<span class="key${at}">${part}</span> `)}</p>` : ''}
    <details><summary>${title} as a table</summary>
      <table><thead><tr><th scope="col">Hour (UTC)</th>${parts.map((part) => html`<th scope="col">${part}</th>`)}</tr></thead>
      <tbody>${bars
        .filter(({ values }) => total(values) > 0)
        .map(
          ({ startsAt, values }) =>
            html`<tr><th scope="row">${dateTime(startsAt)}</th>${values.map((value) => html`<td>${format(value)}</td>`)}</tr>`,
        )}</tbody></table>
    </details>
  </figure>`;
}

function total(values: readonly number[]): number {
  return values.reduce((all, value) => all + value, 0);
}

function fixed(value: number): string {
  return value.toFixed(1);
}
