import { html, raw } from 'hono/html';
import { STYLE } from './style.ts';

/** HTML whose values are escaped. */
export type Html = ReturnType<typeof html>;

export interface DocumentOptions {
  readonly title: string;
  readonly body: Html;
  readonly script?: string;
  /** The one of the policy that lets its style and script through. */
  readonly nonce: string;
}

/** A tag in a template literal would be written with a helper that all modules share. */
const SCRIPT_END = raw(`</${'script'}>`);

/** Renders a whole document, which asks for nothing else. */
export function documentOf({ title, body, script, nonce }: DocumentOptions): string {
  const code = script === undefined ? '' : html`<script nonce="${nonce}">${raw(script)}${SCRIPT_END}`;
  return String(html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>${title}</title>
        <link rel="icon" href="data:," />
        <style nonce="${nonce}">${raw(STYLE)}</style>
      </head>
      <body>${body}${code}</body>
    </html>`);
}
