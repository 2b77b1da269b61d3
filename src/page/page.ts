import { html } from 'hono/html';
import type { Report } from '../metrics/rpc.ts';
import { documentOf, type Html } from './document.ts';
import { figuresOf } from './figures.ts';
import { clockTime } from './format.ts';
import { refusals } from './refusals.ts';
import { savings } from './savings.ts';
import { SCRIPT } from './script.ts';
import { tools } from './tools.ts';
import { traffic } from './traffic.ts';

export interface DashboardOptions {
  readonly nonce: string;
  /** Whether the edge counts at all. */
  readonly isCounting: boolean;
  /** `undefined`: it cannot be read now, or nothing is counted. */
  readonly report: Report | undefined;
  /** Epoch ms. */
  readonly now: number;
  /** When the session ends (epoch ms). */
  readonly endsAt: number;
  readonly version: string;
  /** What the page sends with each of its requests. */
  readonly requestToken: string;
  readonly aliases: readonly string[];
}

/** Renders the login. It names nothing of the edge. */
export function loginPage({
  nonce,
  isRefused = false,
}: {
  readonly nonce: string;
  readonly isRefused?: boolean;
}): string {
  const problem = html`<p class="problem" role="alert" id="problem">This is not the token. Check it, and try again.</p>`;
  return documentOf({
    nonce,
    title: 'Log in',
    body: html`<main class="login">
      <h1>Log in</h1>
      <form method="post" action="/_edge/login">
        ${isRefused ? problem : ''}
        <label for="token">Token</label>
        <input id="token" name="token" type="password" required autocomplete="current-password"
          ${isRefused ? html`aria-invalid="true" aria-describedby="problem"` : ''} />
        <button>Log in</button>
      </form>
    </main>`,
  });
}

/** Renders the page for operators: what was saved, what came through, what was refused or failed, and the tools. */
export function dashboard(options: DashboardOptions): string {
  const { nonce, endsAt, version, requestToken, aliases } = options;
  return documentOf({
    nonce,
    title: 'registry-edge',
    script: SCRIPT,
    body: html`<header>
        <h1>registry-edge <small>${version}</small></h1>
        <p>This login ends at <time datetime="${new Date(endsAt).toISOString()}">${clockTime(endsAt)}</time> UTC.</p>
        <form method="get" action="/_edge/"><button>Refresh</button></form>
        <form method="post" action="/_edge/logout"><button>Log out</button></form>
      </header>
      <main data-request-token="${requestToken}">
        ${figures(options)} ${tools(aliases)}
      </main>`,
  });
}

function figures({ report, isCounting, now }: DashboardOptions): Html {
  if (!isCounting)
    return html`<p class="problem">Nothing is counted: bind <code>METRICS</code>, as wrangler.toml does.</p>`;
  if (!report) return html`<p class="problem" role="alert">The figures cannot be read now. Refresh the page later.</p>`;
  const hours = figuresOf(report.hours, now);
  return html`${savings(hours)} ${traffic(report)} ${refusals(report.hours)}`;
}
