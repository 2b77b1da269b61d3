/** The script of the page: it searches, purges and warms by the edge's own paths, as any operator's program would. */
export const SCRIPT = `
'use strict';
const byId = (id) => document.getElementById(id);
const requestToken = document.querySelector('main').dataset.requestToken;

/** Sends a request as the page. An answer that is no success becomes an error that says what to do. */
async function send(path, options = {}) {
  const headers = { 'X-Request-Token': requestToken, ...options.headers };
  const response = await fetch(path, { ...options, headers });
  const answer = await response.json().catch(() => ({}));
  if (response.status === 401) throw new Error('This login has ended. Reload the page, and log in again.');
  if (!response.ok) throw new Error(answer.errors?.[0]?.message ?? 'The edge answered ' + response.status + '.');
  return answer;
}

function element(name, text, ...children) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  made.append(...children);
  return made;
}

function show(target, ...content) {
  byId(target).replaceChildren(...content);
}

function showProblem(target, error) {
  const problem = element('p', error.message);
  problem.className = 'problem';
  show(target, problem);
}

function upstreamQuery(form) {
  const alias = form.elements.upstream?.value ?? '';
  return alias === '' ? '' : '?upstream=' + encodeURIComponent(alias);
}

const pathOf = (name) => name.split('/').map(encodeURIComponent).join('/').replaceAll('%40', '@').replaceAll('%3A', ':');
const timeOf = (ms) => (ms === undefined ? 'not now' : new Date(ms).toLocaleString());

function knownTable(known) {
  const head = ['Digest', 'kind', 'size', 'media type', 'confirmed', 'tiers', 'until, for pulls', 'until, for pushes'];
  const rows = known.map((one) => {
    const cells = [one.links, one.size.toLocaleString() + ' B', one.mediaType, timeOf(one.verifiedAt), one.tiers.join(', ')];
    const untils = [timeOf(one.until.pull), timeOf(one.until.push)];
    const name = element('th', one.digest);
    name.scope = 'row';
    return element('tr', undefined, name, ...[...cells, ...untils].map((text) => element('td', text)));
  });
  const headings = head.map((text) => {
    const cell = element('th', text);
    cell.scope = 'col';
    return cell;
  });
  const table = element('table', undefined);
  table.append(element('thead', undefined, element('tr', undefined, ...headings)), element('tbody', undefined, ...rows));
  const frame = element('div', undefined, table);
  frame.className = 'table';
  frame.tabIndex = 0;
  frame.setAttribute('role', 'region');
  frame.setAttribute('aria-label', 'Entries');
  return frame;
}

let begun = 0;

/** Begins a search or a purge. @returns what says whether it is still the last one, whose outcome is shown */
function begin() {
  begun += 1;
  const own = begun;
  byId('purge').hidden = true;
  return () => own === begun;
}

async function searchDigest(digest, isLast) {
  const asked = ['blobs', 'descriptors'].map((kind) => send('/_edge/' + kind + '/' + digest).catch((error) => error));
  const [bytes, records] = await Promise.all(asked);
  if (!isLast()) return;
  const said = (answer, text) => element('li', answer instanceof Error ? answer.message : text(answer));
  show('found', element('ul', undefined,
    said(bytes, ({ size }) => size === null ? 'The edge has no bytes of it.' : 'The edge has its ' + size.toLocaleString() + ' bytes.'),
    said(records, ({ blobs, manifests }) => {
      const record = blobs ?? manifests;
      return record ? 'It is known: ' + record.mediaType + ', ' + record.size.toLocaleString() + ' B.' : 'No record over all repositories.';
    })));
}

/** What the button purges. */
let found = { path: '', name: '' };
byId('search').addEventListener('submit', async (event) => {
  event.preventDefault();
  const form = event.target;
  const query = form.elements.query.value.trim();
  const alias = form.elements.upstream?.value ?? '';
  const path = pathOf(query) + upstreamQuery(form);
  const isLast = begin();
  show('found', element('p', 'Searching …'));
  try {
    if (/^sha\\d+:/.test(query)) return await searchDigest(query, isLast);
    const { repository, digest, known, more } = await send('/_edge/known/' + path);
    // The answers of two searches may cross.
    if (!isLast()) return;
    const name = (digest ? repository + '@' + digest : repository) + (alias === '' ? '' : ' (' + alias + ')');
    const sum = known.length + (more ? ' and more' : '') + ' known of ' + name + '.';
    show('found', element('p', known.length === 0 && !more ? 'Nothing is known of ' + name + '.' : sum), ...(known.length > 0 ? [knownTable(known)] : []));
    found = { path, name };
    byId('purged').textContent = name;
    byId('purge').textContent = 'Purge ' + name;
    byId('purge').hidden = false;
  } catch (error) {
    if (isLast()) showProblem('found', error);
  }
});

byId('purge').addEventListener('click', () => byId('confirm').showModal());
byId('confirm').addEventListener('close', async ({ target }) => {
  if (target.returnValue !== 'purge') return;
  target.returnValue = '';
  const { path, name } = found;
  const isLast = begin();
  const say = (text) => isLast() && show('found', element('p', text));
  let removed = 0;
  let cursor;
  try {
    do {
      say('Purging ' + name + ' … ' + removed + ' removed so far.');
      const next = cursor === undefined ? '' : (path.includes('?') ? '&' : '?') + 'cursor=' + encodeURIComponent(cursor);
      const answer = await send('/_edge/cache/' + path + next, { method: 'DELETE' });
      removed += Object.values(answer.removed).reduce((sum, count) => sum + count, 0);
      cursor = answer.cursor;
    } while (cursor !== undefined);
    say('Purged ' + name + ': ' + removed + ' removed.');
  } catch (error) {
    showProblem('found', new Error(name + ' is not purged. ' + error.message));
  }
});

/** Returns for how many ms the origin asks to wait: it says so in seconds, or with a date. */
function waitOf(retryAfter) {
  const ms = /^\\d+$/.test(retryAfter) ? retryAfter * 1000 : Date.parse(retryAfter) - Date.now();
  // A timer of more than 24 days would end at once.
  return Number.isNaN(ms) ? 60000 : Math.min(Math.max(ms, 1000), 3600000);
}

byId('warm').addEventListener('submit', async (event) => {
  event.preventDefault();
  const { images, platforms, upstream } = event.target.elements;
  const list = images.value.split('\\n').map((line) => line.trim()).filter((line) => line !== '');
  const wanted = platforms.value.split(',').map((one) => one.trim()).filter((one) => one !== '');
  const button = event.target.querySelector('button');
  const progress = byId('progress');
  const done = {};
  const errors = [];
  let cursor;
  button.disabled = true;
  progress.hidden = false;
  progress.max = list.length;
  progress.value = 0;
  try {
    do {
      const body = JSON.stringify({ images: list, platforms: wanted, upstream: upstream?.value ?? '', cursor });
      const answer = await send('/_edge/warm', { method: 'POST', body });
      for (const [name, count] of Object.entries(answer.done)) if (typeof count === 'number') done[name] = (done[name] ?? 0) + count;
      errors.push(...answer.errors);
      cursor = answer.cursor;
      progress.value = cursor === undefined ? list.length : Number(cursor.split('.')[0]);
      const counts = Object.entries(done).map(([name, count]) => name + ': ' + count.toLocaleString()).join(', ');
      const problems = errors.map(({ image, error }) => element('li', image + ': ' + error));
      const state = cursor === undefined ? (errors.length > 0 ? 'Done, with errors. ' : 'Done. ') : 'Warming … ';
      show('warmed', element('p', state + counts), ...(problems.length > 0 ? [element('ul', undefined, ...problems)] : []));
      if (answer.retryAfter) await new Promise((resolve) => setTimeout(resolve, waitOf(answer.retryAfter)));
    } while (cursor !== undefined);
  } catch (error) {
    showProblem('warmed', error);
  } finally {
    button.disabled = false;
  }
});

// What is submitted from now on comes here.
for (const form of ['search', 'warm']) byId(form).querySelector('button').disabled = false;
`;
