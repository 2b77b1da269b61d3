import type { TokenServer } from '../tokenServer.ts';
import type { Allowance } from './allowance.ts';
import { ALLOWED } from './run.ts';
import type { Step } from './step.ts';
import { createWorld, type World } from './world.ts';

/** A registry that demands tokens, and the open mirrors in front of it. */
export interface Mirrored {
  readonly registry: string;
  readonly tokens: TokenServer;
  readonly mirrors: readonly string[];
}

/**
 * A world in which reads go to the mirrors, and everything else to the registry itself, with a token. It has to look
 * like a registry that everybody may read and write.
 */
export function createMirrorWorld({ registry, tokens, mirrors }: Mirrored): World {
  const [behind, mirrored] = [createWorld([registry]), createWorld(mirrors)];
  return {
    async send(step) {
      if (isRead(step)) return mirrored.send(step);
      const authorization = `Bearer ${await tokens.issue(scopesOf(step))}`;
      return behind.send({ ...step, headers: { ...step.headers, authorization } });
    },
  };
}

/**
 * Whether a step can be compared. A delete behind a mirror's back is seen late, as it should be; the catalog is not a
 * matter of pulls; the mirror answers `GET /v2/` itself; and a registry judges a token before a bad request.
 */
export function isComparable(step: Step): boolean {
  const isOther = step.route === 'base' || String(step.target).includes('_catalog');
  if (step.method === 'DELETE' || isOther) return false;
  return step.route !== 'bad' || isRead(step);
}

/** distribution announces a body with a 412 that it does not send. */
const ABORTED = 0;
const CONDITIONS = ['if-match', 'if-none-match', 'if-modified-since', 'if-unmodified-since', 'if-range'];

/** Where the edge asks itself. */
export const NO_CONDITIONS: Allowance = {
  what: 'the edge passes no condition on where it asks itself: what one caller sends must not decide the answer for all',
  said: 'RFC 9110 §13.1: a server may ignore them for want of a validator; law 1',
  allows: (_, { step, alone, edge }) =>
    CONDITIONS.some((name) => step.headers[name] !== undefined) &&
    [ABORTED, 200, 206, 304, 412].includes(alone.status) &&
    [200, 206, 304, 416].includes(edge.status),
};

/** What an open mirror makes different besides. */
export const ALLOWED_OF_MIRRORS: readonly Allowance[] = [...ALLOWED, NO_CONDITIONS];

function isRead({ method, route }: Step): boolean {
  return route !== 'upload' && (method === 'GET' || method === 'HEAD');
}

function scopesOf({ target }: Step): string {
  const path = typeof target === 'string' ? target : `/v2/${target.name}/blobs/`;
  const [, name = ''] = /^\/v2\/(.+?)\/(?:blobs|manifests)\//.exec(path) ?? [];
  const from = new URL(path, 'http://registry').searchParams.get('from');
  return [`repository:${name}:pull,push`, ...(from ? [`repository:${from}:pull`] : [])].join(' ');
}
