import { readdir } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { readWranglerConfig } from '../../local/wranglerConfig.ts';
import { SUCCESS } from './support/command.ts';
import { PATIENT, startEdge } from './support/edge.ts';
import { startCiSide, startEcrSide, startGoogleSide, startPrivateSide } from './support/examples/accounts.ts';
import {
  startArchiveSide,
  startHubSide,
  startOperatedSide,
  startOwnRealm,
  startRedirector,
} from './support/examples/mirrors.ts';
import { startSeveralSide, startSharedRedisSide } from './support/examples/others.ts';
import type { Side } from './support/examples/side.ts';
import { startCompanySide, startHarborSide } from './support/examples/tokens.ts';
import { isHit } from './support/hits.ts';
import { inProject } from './support/project.ts';
import { startRecordingProxy } from './support/recordingProxy.ts';
import { type BackendKind, describeWith } from './support/tools.ts';

/** Each example, with what it has around it. */
const SIDES: Readonly<Record<string, () => Promise<Side>>> = {
  archive: startArchiveSide,
  'ci-push': startCiSide,
  'company-tokens': startCompanySide,
  'docker-hub': startHubSide,
  ecr: startEcrSide,
  ghcr: startOwnRealm('/token'),
  google: startGoogleSide,
  harbor: startHarborSide,
  'held-back': startOperatedSide,
  kubernetes: startRedirector,
  'private-origin': startPrivateSide,
  several: startSeveralSide,
  'shared-redis': startSharedRedisSide,
  worldwide: startOwnRealm('/v2/auth'),
};

/** What may be replaced in an example, besides its secrets: where registries are, and who gives tokens for them. */
const ADDRESSES = [
  'ORIGIN_URL',
  'TOKEN_REALMS_ALLOWED',
  'TOKEN_JWKS_URL',
  'AWS_ENDPOINT_URL',
  'UPSTASH_REDIS_REST_URL',
  'issuer',
];

/** Sets the value at a path such as `UPSTREAMS.hub.ORIGIN_URL` in variables, of which objects are JSON. */
function replace(variables: Readonly<Record<string, string>>, path: string, value: string): Record<string, string> {
  const [name = '', ...rest] = path.split('.');
  if (rest.length === 0) return { ...variables, [name]: value };
  const [entry = '', key = ''] = rest;
  const object = JSON.parse(variables[name] ?? '') as Record<string, Record<string, string>>;
  return { ...variables, [name]: JSON.stringify({ ...object, [entry]: { ...object[entry], [key]: value } }) };
}

describeWith(['crane', 'redis-server', 'registry', 'skopeo'], 'each example of a configuration, as it stands', () => {
  test('is here', async () => {
    const folders = await readdir(inProject('examples'), { withFileTypes: true });
    const names = folders.filter((entry) => entry.isDirectory() && entry.name !== 'clients').map(({ name }) => name);
    expect(names.toSorted()).toEqual(Object.keys(SIDES));
  });

  describe.for(Object.entries(SIDES))('%s', { concurrent: true }, ([name, start]) => {
    test('answers from the cache what is asked a second time', async () => {
      const [{ variables, secrets }, side] = await Promise.all([
        readWranglerConfig(inProject('examples', name, 'wrangler.toml')),
        start(),
      ]);
      const replaced = Object.entries(side.replaced);
      const others = replaced.filter(([path]) => !ADDRESSES.includes(path.split('.').at(-1) ?? ''));
      expect(others.map(([path]) => path).toSorted()).toEqual([...secrets].toSorted());
      const all = replaced.reduce((set, [path, value]) => replace(set, path, value), { ...variables });
      const backend = (all.BLOBDESCRIPTOR ?? 'durable') as BackendKind;
      const edge = await startEdge({ origin: '', backend, variables: { ...all, ...PATIENT } });
      const clients = await startRecordingProxy(edge.url);
      const { host } = new URL(clients.url);

      expect(await side.use(host)).toMatchObject(SUCCESS);
      const heard = side.servers.map(({ received }) => received.length);
      const answered = clients.answers.length;
      expect(await side.use(host)).toMatchObject(SUCCESS);

      const isAgain = (request: string) => side.again?.test(request) === true;
      const later = side.servers.flatMap(({ received }, at) => received.slice(heard[at]));
      expect(later.map(({ method, path }) => `${method} ${path}`).filter((each) => !isAgain(each))).toEqual([]);
      const answers = clients.answers
        .slice(answered)
        .filter(({ request }) => /\/(?:manifests|blobs)\//.test(request) && !isAgain(request));
      expect(answers.filter((answer) => !isHit(answer))).toEqual([]);
      expect(answers.length).toBeGreaterThan(0);
    });
  });
});
