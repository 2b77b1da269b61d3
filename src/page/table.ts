import { html } from 'hono/html';
import type { Html } from './document.ts';

export interface Table {
  readonly title: string;
  readonly head: readonly string[];
  /** The first cell names the row. */
  readonly rows: readonly (readonly (string | Html)[])[];
}

/** A table that can be scrolled where it is too wide. */
export function table({ title, head, rows }: Table): Html {
  if (rows.length === 0) return html`<div class="table"><h3>${title}</h3><p class="note">none</p></div>`;
  return html`<div class="table" tabindex="0" role="region" aria-label="${title}">
    <table>
      <thead><tr>${head.map((cell) => html`<th scope="col">${cell}</th>`)}</tr></thead>
      <tbody>${rows.map(
        ([name = '', ...cells]) =>
          html`<tr><th scope="row">${name}</th>${cells.map((cell) => html`<td>${cell}</td>`)}</tr>`,
      )}</tbody>
    </table>
  </div>`;
}
