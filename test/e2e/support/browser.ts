import axe from 'axe-core';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { atEnd } from './cleanup.ts';
import { findTool } from './tools.ts';

/** A page in a browser, with what was wrong on it so far. */
export interface Visit {
  readonly page: Page;
  /** Uncaught errors, and what the policy of the page has stopped. */
  readonly problems: string[];
}

/** Starts Debian's Chromium, without a window. */
export async function startBrowser(): Promise<Browser> {
  // The tests run as root, for whom Chromium has no sandbox.
  const browser = await chromium.launch({ executablePath: findTool('chromium') ?? 'chromium', args: ['--no-sandbox'] });
  atEnd(() => browser.close());
  return browser;
}

/** Opens a page in a profile of its own. */
export async function visit(browser: Browser, url: string, options: BrowserContextOptions = {}): Promise<Visit> {
  const context = await browser.newContext({ viewport: { width: 1_200, height: 900 }, ...options });
  const page = await context.newPage();
  const problems: string[] = [];
  page.on('pageerror', ({ message }) => problems.push(message));
  page.on('console', (line) => {
    if (line.type() === 'error' || line.text().includes('Content Security Policy')) problems.push(line.text());
  });
  await page.goto(url);
  return { page, problems };
}

/** Returns what axe finds that keeps people from using the page, each with the elements that it is about. */
export async function violationsOf(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  const { violations } = (await page.evaluate('axe.run()')) as axe.AxeResults;
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
}
