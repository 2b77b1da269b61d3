import { html } from 'hono/html';
import type { Ranked, Report } from '../metrics/rpc.ts';
import type { SlowRequest } from '../metrics/tops.ts';
import type { Html } from './document.ts';
import { count, dateTime, seconds } from './format.ts';
import { table } from './table.ts';

const SHOWN = 10;

/** Answers what came through. */
export function traffic({ repositories, tags, clients, slowest }: Report): Html {
  return html`<section aria-labelledby="through">
    <h2 id="through">What came through</h2>
    <p class="note">Today and yesterday (UTC).</p>
    <div class="tables">
      ${ranking('Repositories', repositories, named)} ${ranking('Tags', tags, named)}
      ${ranking('Clients', clients, (client) => client)} ${slow(slowest)}
    </div>
  </section>`;
}

/** Names what is listed by its alias and a space. */
function named(key: string): string {
  const at = key.indexOf(' ');
  const alias = key.slice(0, at);
  return alias === '' ? key.slice(at + 1) : `${key.slice(at + 1)} (${alias})`;
}

function ranking(title: string, ranked: readonly Ranked[], nameOf: (key: string) => string): Html {
  const rows = ranked.slice(0, SHOWN).map(([key, requests]) => [nameOf(key), count(requests)]);
  return table({ title, head: [title, 'requests'], rows });
}

function slow(requests: readonly SlowRequest[]): Html {
  const rows = requests
    .slice(0, SHOWN)
    .map((request) => [whatOf(request), seconds(request.ms / 1_000), request.cache, dateTime(request.at)]);
  return table({ title: 'Slowest', head: ['Slowest', 'time', 'cache', 'at (UTC)'], rows });
}

function whatOf({ upstream, method, handler, repository, tag, status }: SlowRequest): string {
  const about = repository === undefined ? '' : ` ${named(`${upstream} ${repository}${tag ? `:${tag}` : ''}`)}`;
  return `${method} ${handler.replaceAll('_', ' ')}${about}, ${status}`;
}
