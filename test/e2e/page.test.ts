import type { Browser, Page } from 'playwright-core';
import { beforeAll, expect, test } from 'vitest';
import { ALL_MANIFESTS } from '../../src/oci/mediaTypes.ts';
import { startBrowser, type Visit, violationsOf, visit } from './support/browser.ts';
import { type Content, image, publish } from './support/contents.ts';
import { type Edge, startEdges } from './support/edge.ts';
import { head, request } from './support/http.ts';
import { type Registry, startRegistry } from './support/registry.ts';
import { describeWith } from './support/tools.ts';
import { until } from './support/until.ts';

const ADMIN_TOKEN = 'the-operators-token';
const MIRROR = {
  ADMIN_TOKEN,
  CLIENT_AUTH: 'anonymous',
  BLOB_STORE: 'r2',
  TAG_TTL: '1h',
  MEMORY_TTL: '1h',
  CACHE_TIMEOUT: '1s',
};
const NAME = 'team/app';
/** For five seconds after a purge, nothing of a repository is stored. */
const NEVER_PURGED = 'team/warm';
const FINE = 360;
const LIMIT_MS = 60_000;

describeWith(['registry', 'chromium'], 'the page for operators, in a browser', () => {
  let origin: Registry;
  let edges: [Edge, Edge];
  let browser: Browser;
  let content: Content;
  beforeAll(async () => {
    origin = await startRegistry({ kind: 'registry' });
    edges = (await startEdges({ origin: origin.url, backend: 'durable' }, [MIRROR, MIRROR])) as [Edge, Edge];
    browser = await startBrowser();
    content = image('page');
    for (const name of [NAME, NEVER_PURGED]) await publish(origin.url, name, content, 'v1');
    await sendKnownRequests();
  }, LIMIT_MS);

  /** One miss and three hits by two isolates, a blob that does not exist, and a push that an open mirror refuses. */
  async function sendKnownRequests(): Promise<void> {
    const path = `/v2/${NAME}/blobs/${content.blobs[0]?.digest}`;
    for (const { url } of [edges[0], edges[0], edges[1], edges[1]]) expect((await head(url + path)).status).toBe(200);
    expect((await head(`${edges[1].url}${path.slice(0, -4)}0000`)).status).toBe(404);
    expect((await request('POST', `${edges[0].url}/v2/${NAME}/blobs/uploads/`)).status).toBe(405);
  }

  async function logIn(page: Page, token = ADMIN_TOKEN): Promise<void> {
    await page.getByLabel('Token').fill(token);
    await page.getByRole('button', { name: 'Log in' }).click();
  }

  /** Opens the page, logged in. */
  async function open(options: Parameters<typeof visit>[2] = {}): Promise<Visit> {
    const visited = await visit(browser, `${edges[1].url}/_edge/`, options);
    await logIn(visited.page);
    await visited.page.getByRole('heading', { name: 'What was saved' }).waitFor();
    return visited;
  }

  /** Opens it once both isolates have delivered what they have counted. */
  async function openWithFigures(options?: Parameters<typeof visit>[2]): Promise<Visit> {
    const visited = await open(options);
    const { page } = visited;
    await until('the figures of both isolates', async () => {
      await page.getByRole('button', { name: 'Refresh' }).click();
      // One of each isolate.
      const rows = [/405 to POST blob upload/, /404 to HEAD blob/].map((name) =>
        page.getByRole('row', { name }).count(),
      );
      return (await Promise.all(rows)).every((count) => count > 0);
    });
    return visited;
  }

  /** Returns the figure of a tile. */
  const tile = (page: Page, name: string) => page.locator('dl div', { hasText: name }).locator('dd').textContent();

  const search = async (page: Page, query: string) => {
    await page.getByLabel('Repository, repository@digest, or digest').fill(query);
    await page.getByRole('button', { name: 'Search' }).click();
  };

  test('a stranger sees a login alone; a wrong token opens nothing, and the right one does', async () => {
    const { page, problems } = await visit(browser, `${edges[0].url}/_edge/`);
    const asked: string[] = [];
    page.on('request', (sent) => asked.push(`${sent.method()} ${new URL(sent.url()).pathname}`));
    expect(await page.title()).toBe('Log in');
    expect(await page.content()).not.toContain(NAME);
    expect(await violationsOf(page)).toEqual([]);
    await logIn(page, 'wrong');
    expect(await page.getByRole('alert').textContent()).toBe('This is not the token. Check it, and try again.');
    expect(await page.context().cookies()).toEqual([]);
    await logIn(page);
    await page.getByRole('heading', { name: 'What was saved' }).waitFor();
    const [cookie, ...others] = await page.context().cookies();
    expect(others).toEqual([]);
    expect(cookie).toMatchObject({ name: 'registry-edge', path: '/_edge', httpOnly: true, sameSite: 'Strict' });
    expect((cookie?.expires ?? 0) - Date.now() / 1_000).toBeLessThanOrEqual(15 * 60);
    expect(asked).toEqual(['POST /_edge/login', 'POST /_edge/login', 'GET /_edge/']);
    await page.getByRole('button', { name: 'Log out' }).click();
    await page.getByRole('heading', { name: 'Log in' }).waitFor();
    expect(await page.context().cookies()).toEqual([]);
    // Chromium reports the 401 itself.
    expect(problems.filter((problem) => !problem.includes('401'))).toEqual([]);
  });

  test('it answers what was saved, what came through, and what was refused and why', {
    timeout: LIMIT_MS,
  }, async () => {
    const { page, problems } = await openWithFigures();
    expect(await tile(page, 'Hit ratio')).toBe('60.0 %');
    expect(await tile(page, 'Origin requests saved')).toBe('3');
    for (const name of [
      `${NAME} 4`,
      'miss 2 nobody had asked before',
      '404 to HEAD blob 1 the origin does not have it',
      '405 to POST blob upload 1',
    ]) {
      expect([name, await page.getByRole('row', { name }).count()]).toEqual([name, 1]);
    }
    expect(await page.getByRole('img').count()).toBe(4);
    await page.getByText('Requests as a table').first().click();
    expect(await page.getByRole('figure').first().getByRole('row').count()).toBe(2);
    expect(problems).toEqual([]);
  });

  test.for([
    ['light', 1_200],
    ['dark', 1_200],
    ['light', FINE],
    ['dark', FINE],
  ] as const)('axe finds nothing: %s, %i pixels', { timeout: LIMIT_MS }, async ([colorScheme, width]) => {
    const { page, problems } = await openWithFigures({ colorScheme, viewport: { width, height: 800 } });
    await search(page, NAME);
    await page.getByRole('region', { name: 'Entries' }).waitFor();
    expect(await violationsOf(page)).toEqual([]);
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(width);
    expect(problems).toEqual([]);
  });

  test('it finds what is known, and purges and warms it, with the keyboard alone', { timeout: LIMIT_MS }, async () => {
    const { page, problems } = await open();
    const press = async (...keys: readonly string[]) => {
      for (const key of keys) await page.keyboard.press(key);
    };
    await page.getByLabel('Repository, repository@digest, or digest').focus();
    await page.keyboard.type(NAME);
    await press('Enter');
    await page.getByText(`1 known of ${NAME}.`).waitFor();
    const known = await page.getByRole('region', { name: 'Entries' }).textContent();
    expect(known).toContain(content.blobs[0]?.digest);
    expect(known).toContain('store, memory');
    // The search button, the table, and the button below it.
    await press('Tab', 'Tab', 'Tab', 'Enter');
    expect(await page.getByRole('dialog', { name: `Purge ${NAME}?` }).isVisible()).toBe(true);
    await press('Escape');
    await search(page, NAME);
    await page.getByText(`1 known of ${NAME}.`).waitFor();
    await page.getByRole('button', { name: `Purge ${NAME}` }).focus();
    await press('Enter', 'Tab', 'Enter');
    await page.getByText(`Purged ${NAME}: 1 removed.`).waitFor();
    await search(page, NAME);
    await page.getByText(`Nothing is known of ${NAME}.`).waitFor();

    await page.getByLabel('Images, one a line').focus();
    await page.keyboard.type(`${NEVER_PURGED}:v1\n${NEVER_PURGED}:none`);
    await press('Tab', 'Tab', 'Enter');
    await page.getByText('Done, with errors.').waitFor();
    const warmed = await page.locator('#warmed').textContent();
    expect(warmed).toContain('manifests: 1');
    expect(warmed).toContain(`${NEVER_PURGED}:none: `);
    expect(await page.getByRole('progressbar').getAttribute('value')).toBe('2');
    const tag = { accept: ALL_MANIFESTS };
    const answer = await request('GET', `${edges[1].url}/v2/${NEVER_PURGED}/manifests/v1`, { headers: tag });
    expect(answer.headers['cache-status']).toContain('hit');
    await search(page, content.blobs[0]?.digest ?? '');
    await page.getByText(/The edge has its [\d,]+ bytes\./).waitFor();
    expect(problems.filter((problem) => !problem.includes('404'))).toEqual([]);
  });

  test('a purge is of what was shown last, whatever another search answers meanwhile', async () => {
    const { page } = await open();
    const other = { repository: 'slow/app', known: [], more: false };
    const purged: string[] = [];
    const gates = [0, 1].map(() => Promise.withResolvers<void>());
    await page.route('**/_edge/known/slow/app', async (route) => {
      await gates[0]?.promise;
      await route.fulfill({ json: other });
    });
    await page.route('**/_edge/cache/**', async (route) => {
      purged.push(new URL(route.request().url()).pathname);
      if (purged.length === 1) await gates[1]?.promise;
      await route.fulfill({ json: { removed: { blobs: 1 }, ...(purged.length === 1 && { cursor: 'more' }) } });
    });
    await search(page, 'slow/app');
    await search(page, NAME);
    const button = page.getByRole('button', { name: `Purge ${NAME}` });
    await button.waitFor();
    const late = page.waitForResponse('**/_edge/known/slow/app');
    gates[0]?.resolve();
    await (await late).finished();
    await button.click();
    await page
      .getByRole('dialog', { name: `Purge ${NAME}?` })
      .getByRole('button', { name: 'Purge' })
      .click();
    await until('the first page', async () => purged.length === 1);
    await search(page, 'slow/app');
    await page.getByText('Nothing is known of slow/app.').waitFor();
    gates[1]?.resolve();
    await until('the second page', async () => purged.length === 2);
    expect(new Set(purged)).toEqual(new Set([`/_edge/cache/${NAME}`]));
    expect(await page.locator('#found').textContent()).toBe('Nothing is known of slow/app.');
  });

  test.for(['Fri, 01 Jan 2100 00:00:00 GMT', '3000000', 'later'])(
    'warming waits when the origin says until %s',
    async (retryAfter) => {
      const { page } = await open();
      let asked = 0;
      await page.route('**/_edge/warm', (route) => {
        asked += 1;
        return route.fulfill({ json: { done: {}, errors: [], cursor: '0.0.0', retryAfter } });
      });
      await page.getByLabel('Images, one a line').fill(`${NAME}:v1`);
      await page.getByRole('button', { name: 'Warm' }).click();
      await page.getByText('Warming …').waitFor();
      await page.waitForTimeout(300);
      expect(asked).toBe(1);
    },
  );

  test('before its script runs, or where none may, no form of it can be submitted', async () => {
    const { page } = await visit(browser, `${edges[1].url}/_edge/`, { javaScriptEnabled: false });
    await logIn(page);
    for (const name of ['Search', 'Warm'])
      expect(await page.getByRole('button', { name, exact: true }).isDisabled(), name).toBe(true);
    await page.getByLabel('Repository, repository@digest, or digest').fill(NAME);
    await page.keyboard.press('Enter');
    // `getByText` would leave it out.
    await page.locator('noscript .problem').waitFor();
    expect(page.url()).toBe(`${edges[1].url}/_edge/`);
  });

  test('a page whose login has ended says so, and does nothing', { timeout: LIMIT_MS }, async () => {
    const { page } = await open();
    await page.context().clearCookies();
    await search(page, NAME);
    await page.getByText('This login has ended.').waitFor();
  });
});
