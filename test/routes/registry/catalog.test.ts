import { describe, expect, it } from 'vitest';
import { createEdge } from '../../support/edge.ts';
import { pushBlob } from '../../support/push.ts';
import { createScriptedServer } from '../../support/scripted.ts';
import { type Login, usersWith } from '../../support/users.ts';

/** Pushes to repositories below a name of their own, of which the user may pull those that begin with `shown`. */
async function catalogOf(names: readonly string[], more: Record<string, string> = {}) {
  const root = `catalog-${crypto.randomUUID()}`;
  for (const name of names) await pushBlob(undefined, `${root}/${name}`);
  const { variables, logins } = await usersWith({
    lister: { pull: [`${root}/shown*`], catalog: true },
    reader: { pull: ['**'] },
  });
  const edge = createEdge({ ...variables, ...more });
  const get = (search: string, headers: Login = logins.lister, method = 'GET') =>
    edge.fetch(`/v2/_catalog${search}`, { method, headers });
  const shown = async (search: string) => {
    const answer = await get(search);
    const { repositories } = (await answer.json()) as { repositories: string[] };
    const next = /<\/v2\/_catalog([^>]*)>; rel="next"/.exec(answer.headers.get('link') ?? '')?.[1];
    return { names: repositories.map((name) => name.slice(root.length + 1)), next };
  };
  return { root, get, shown, ...logins };
}

describe('the catalog of a user', () => {
  it('has what the user may pull, and nothing else', async () => {
    const { root, shown, get } = await catalogOf(['hidden', 'shown-a', 'shown-b']);
    expect(await shown('')).toEqual({ names: ['shown-a', 'shown-b'], next: undefined });
    const answer = await get('?n=100000');
    expect(Object.fromEntries(answer.headers)).toMatchObject({ 'content-type': 'application/json' });
    expect(await answer.json()).toEqual({ repositories: [`${root}/shown-a`, `${root}/shown-b`] });
  });

  it('is read page by page, and no address of a page names what is hidden', async () => {
    const { shown } = await catalogOf(['a-hidden', 'shown-a', 'shown-ab-hidden/x', 'shown-b', 'shown-c', 'z-hidden']);
    const names: string[] = [];
    let search: string | undefined = '?n=1';
    for (let page = 0; search !== undefined && page < 10; page++) {
      const { names: some, next } = await shown(search);
      expect(some.length).toBe(1);
      expect(next ?? '').not.toContain('hidden');
      names.push(...some);
      search = next;
    }
    expect([names, search]).toEqual([['shown-a', 'shown-b', 'shown-c'], undefined]);
  });

  it('has no next page where no entries are wanted', async () => {
    const { shown } = await catalogOf(['shown-a', 'shown-b']);
    expect(await shown('?n=0')).toEqual({ names: [], next: undefined });
  });

  it('goes on behind a name, whatever it is', async () => {
    const { root, shown } = await catalogOf(['shown-a', 'shown-b']);
    expect((await shown(`?last=${root}/shown-a`)).names).toEqual(['shown-b']);
    expect((await shown(`?last=${root}/shown-aa`)).names).toEqual(['shown-b']);
    expect((await shown('?last=zzzz')).names).toEqual([]);
  });

  it('has nothing outside of ALLOW_REPOSITORIES', async () => {
    const { shown } = await catalogOf(['shown-a', 'shown-b'], { ALLOW_REPOSITORIES: '*/shown-b' });
    expect((await shown('')).names).toEqual(['shown-b']);
  });

  it('has nothing else for a script of a page', async () => {
    const { root, get, lister } = await catalogOf(['hidden', 'shown-a']);
    const answer = await get('', { ...lister, ...{ origin: 'https://page.example' } });
    expect(await answer.json()).toEqual({ repositories: [`${root}/shown-a`] });
  });

  it('is not for a user without the right, whatever that one may pull', async () => {
    const { get, reader } = await catalogOf(['shown-a']);
    const refused = await get('', reader);
    expect([refused.status, await refused.text()]).toEqual([403, expect.stringContaining('list the repositories')]);
    expect((await get('', { authorization: '' })).status).toBe(401);
    expect((await get('', undefined, 'POST')).status).toBe(405);
  });

  it.each(['-1', 'x', '1.5', ''])('is not read for a number of entries that is none: n=%s', async (n) => {
    const { get } = await catalogOf(['shown-a']);
    expect((await get(`?n=${n}`)).status).toBe(400);
  });

  it('has no body in the answer to a HEAD', async () => {
    const { get } = await catalogOf(['shown-a']);
    const answer = await get('', undefined, 'HEAD');
    expect([answer.status, await answer.text()]).toEqual([200, '']);
  });

  it.each([
    ['an error', { status: 404, body: '{"errors":[]}' }, 404],
    ['no JSON', { body: '<html>' }, 502],
    ['another JSON', { body: '{"repositories":"team/app"}' }, 502],
    ['a very long one', { body: '{"repositories":["{long}"]}', long: 600_000 }, 502],
    ['the catalog of an empty registry', { body: '{"repositories":null}' }, 200],
    ['what are no names', { body: '{"repositories":["shown-a","../b",7,null]}' }, 200],
  ])('where the origin sends %s', async (_what, script, status) => {
    const { variables, logins } = await usersWith({ lister: { pull: ['**'], catalog: true } });
    const edge = createEdge({ ...variables, ORIGIN_URL: createScriptedServer(script).url });
    const answer = await edge.fetch('/v2/_catalog', { headers: logins.lister });
    expect(answer.status).toBe(status);
    const body = await answer.text();
    expect(body).not.toMatch(/\.\.\/b|html|aaaa/);
  });

  it('is read no further than twenty pages for one of the user', async () => {
    const link = '<{base}/v2/_catalog?last=hidden&n=1000>; rel="next"';
    const server = createScriptedServer({ body: '{"repositories":["hidden"]}', headers: { link } });
    const { variables, logins } = await usersWith({ lister: { pull: ['shown'], catalog: true } });
    const edge = createEdge({ ...variables, ORIGIN_URL: server.url });
    const answer = await edge.fetch('/v2/_catalog', { headers: logins.lister });
    expect([answer.status, answer.headers.get('link'), (await server.calls()).length]).toEqual([503, null, 20]);
    expect(await answer.text()).not.toContain('"hidden"');
  });
});
