import { html } from 'hono/html';
import type { Html } from './document.ts';

/**
 * The search for what is known, and the buttons to purge and to warm. The script enables them: a form that is submitted
 * without it would put what was typed into the page's URL, and do nothing.
 *
 * @param aliases of all upstreams
 */
export function tools(aliases: readonly string[]): Html {
  const upstream = (id: string) =>
    aliases.length < 2
      ? ''
      : html`<label for="${id}">Upstream</label>
          <select id="${id}" name="upstream">
            ${aliases.map((alias) => html`<option value="${alias}">${alias === '' ? '(default)' : alias}</option>`)}
          </select>`;
  return html`<noscript><p class="problem">The search and the buttons below need JavaScript.</p></noscript>
    <section aria-labelledby="known">
      <h2 id="known">What is known</h2>
      <form id="search">
        ${upstream('search-upstream')}
        <label for="query">Repository, repository@digest, or digest</label>
        <input id="query" name="query" required autocomplete="off" spellcheck="false" placeholder="team/app" />
        <button disabled>Search</button>
      </form>
      <div id="found" role="status"></div>
      <p><button id="purge" type="button" hidden>Purge</button></p>
      <dialog id="confirm" aria-labelledby="confirm-title">
        <h3 id="confirm-title">Purge <code id="purged"></code>?</h3>
        <p>The cache forgets it, and the origin is asked again. The origin and the bytes of blobs stay as they are.</p>
        <form method="dialog"><button value="cancel">Cancel</button> <button value="purge" class="danger">Purge</button></form>
      </dialog>
    </section>
    <section aria-labelledby="warm-title">
      <h2 id="warm-title">Warm</h2>
      <form id="warm">
        ${upstream('warm-upstream')}
        <label for="images">Images, one a line</label>
        <textarea id="images" name="images" rows="3" required spellcheck="false" placeholder="team/app:v1"></textarea>
        <label for="platforms">Platforms, all by default</label>
        <input id="platforms" name="platforms" autocomplete="off" placeholder="linux/amd64, linux/arm64" />
        <button disabled>Warm</button>
      </form>
      <progress id="progress" aria-label="Images that are warm" value="0" max="1" hidden></progress>
      <div id="warmed" role="status"></div>
    </section>`;
}
