import { html } from 'hono/html';
import { chart } from './chart.ts';
import type { Html } from './document.ts';
import { type HourFigures, sumsOf } from './figures.ts';
import { bytes, count, seconds, share } from './format.ts';

/** Answers what was saved in the last 48 hours. */
export function savings(hours: readonly HourFigures[]): Html {
  const sums = sumsOf(hours);
  const tiles = [
    ['Hit ratio', share(sums.hits, sums.hits + sums.misses)],
    ['Origin requests saved', count(sums.savedRequests)],
    ['Waiting saved', seconds(sums.savedSeconds)],
    ['Bytes saved', bytes(sums.savedBytes)],
  ];
  const barsOf = (...of: readonly Exclude<keyof HourFigures, 'startsAt'>[]) =>
    hours.map((hour) => ({ startsAt: hour.startsAt, values: of.map((name) => hour[name]) }));
  return html`<section aria-labelledby="saved">
    <h2 id="saved">What was saved</h2>
    <p class="note">In the last 48 hours.</p>
    <dl class="tiles">${tiles.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>
    <div class="charts">
      ${chart({ id: 'hits', title: 'Requests', parts: ['hits', 'others'], bars: barsOf('hits', 'misses'), format: count })}
      ${chart({
        ...{ id: 'origin', title: 'Origin requests', parts: ['saved', 'sent'] },
        ...{ bars: barsOf('savedRequests', 'originRequests'), format: count },
      })}
      ${chart({ id: 'seconds', title: 'Waiting saved', parts: ['saved'], bars: barsOf('savedSeconds'), format: seconds })}
      ${chart({ id: 'bytes', title: 'Bytes saved', parts: ['saved'], bars: barsOf('savedBytes'), format: bytes })}
    </div>
  </section>`;
}
