import { isHit } from '../hits.ts';
import { type Answer, request } from '../http.ts';
import type { SessionTarget, Step } from './step.ts';

/** What a world answered, without what differs between two worlds by its nature. */
export interface Reply {
  /** 0 where the connection broke off; then the body says how. */
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Text whose sessions and addresses are neutral, or the bytes as they are. */
  readonly body: string;
  /** Whether an edge answered from its cache. */
  readonly isHit: boolean;
}

/** A registry with or without edges in front of it. */
export interface World {
  send(step: Step): Promise<Reply>;
}

/** Where a client goes on with an upload: the first and the last Location that it got. */
interface Session {
  readonly first: string;
  last: string;
}

/** A body of this size is sent whole, whether somebody reads it or not. */
export const MAX_BUFFERED_BYTES = 65_536;

/** A session that nobody has opened, for steps whose POST was refused or left out. */
const NO_SESSION = '00000000-0000-4000-8000-000000000000';

/**
 * @param urls the registry's own address, or those of the edges, of which each step chooses one
 * @param host chooses the upstream; by default it is that of the URL
 */
export function createWorld(urls: readonly string[], host?: string): World {
  const sessions = new Map<number, Session>();

  function targetOf(target: Step['target']): string {
    if (typeof target === 'string') return target;
    const session = sessions.get(target.session);
    const location = session ? (target.isStale ? session.first : session.last) : unknownSession(target);
    if (!target.query) return location;
    return `${location}${location.includes('?') ? '&' : '?'}${target.query}`;
  }

  function follow({ target, opens }: Step, { status, headers: { location } }: Answer, url: string): void {
    if (!location) return;
    const last = pathOf(location, url);
    const known = typeof target === 'string' ? undefined : sessions.get(target.session);
    if (known && status < 300) known.last = last;
    else if (opens !== undefined && status === 202) sessions.set(opens, { first: last, last });
  }

  return {
    async send(step) {
      const url = urls[Math.floor(step.edge * urls.length)] as string;
      const { method, body } = step;
      const headers = { ...step.headers, ...(host && { host }) };
      // Whoever refuses a large body may end the connection, which would fail a later request on it.
      const hasOwnConnection = (body?.length ?? 0) > MAX_BUFFERED_BYTES;
      const target = targetOf(step.target);
      try {
        const answer = await request(method, url, { headers, target, hasOwnConnection, ...(body && { body }) });
        follow(step, answer, url);
        return neutral(answer, url);
      } catch (error) {
        return { status: 0, headers: {}, body: String(error), isHit: false };
      }
    },
  };
}

function unknownSession({ name }: SessionTarget): string {
  return `/v2/${name}/blobs/uploads/${NO_SESSION}?_state=none`;
}

/** Returns path and query of a Location, which a registry writes with its host and an edge without. */
function pathOf(location: string, url: string): string {
  const { pathname, search } = new URL(location, url);
  return pathname + search;
}

const UUID = /\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/g;
/** The boundary of several ranges is random. */
const BOUNDARY = /multipart\/byteranges; boundary=(\S+)/;

function neutral(answer: Answer, url: string): Reply {
  const boundary = BOUNDARY.exec(answer.headers['content-type'] ?? '')?.[1];
  const replace = (text: string) =>
    (boundary ? text.replaceAll(boundary, 'BOUNDARY') : text)
      .replaceAll(url, '')
      .replace(UUID, 'UUID')
      .replace(/_state=[^&"\s]+/g, '_state=STATE')
      // The mark of the user who began an upload.
      .replace(/[?&]edge-user=[0-9a-f]{64}/g, '');
  const fields = Object.entries(answer.headers).map(([name, value]) => [name, replace(value)] as const);
  // Each byte is one character, so that no two bodies become equal by decoding.
  const body = replace(answer.body.toString('latin1'));
  return { status: answer.status, headers: Object.fromEntries(fields), body, isHit: isHit(answer) };
}
