import type { Blob } from '../image.ts';
import type { OpenSession } from './model.ts';
import type { Making, Operation } from './reads.ts';
import type { Draft } from './step.ts';

/** The manners in which clients upload a blob, whole or in parts, and what they do wrong. */

const BYTES = { 'content-type': 'application/octet-stream' };
const STREAMED = { ...BYTES, 'transfer-encoding': 'chunked' };
const EMPTY = { 'content-length': '0' };

export const upload: Operation = (making) => {
  const { name, blob } = making.model.someBlob();
  return uploadOf(making, name, blob);
};

/** The requests that bring a blob, in a manner of their own. */
export function uploadOf(making: Making, name: string, blob: Blob): readonly Draft[] {
  const { dice, model } = making;
  const { digest, bytes } = blob;
  const session = model.open(name, blob);
  const manner = dice.pick(['whole', 'whole', 'monolithic', 'streamed', 'streamed', 'sized', 'parts', 'parts']);
  model.close(session);
  model.add(name, digest);
  const cut = Math.floor(bytes.length / 2);
  const opened = opening(session, manner === 'monolithic' ? `?digest=${digest}` : '');
  switch (manner) {
    case 'whole':
      return [opened, closing(session, digest, bytes)];
    case 'monolithic':
      return [{ ...opened, headers: sized(bytes), body: bytes }, closing(session, digest, bytes)];
    case 'streamed':
      return [opened, patch(session, bytes, STREAMED), closing(session, digest)];
    case 'sized':
      return [opened, patch(session, bytes, sized(bytes)), closing(session, digest)];
    default: {
      const [first, rest] = [bytes.subarray(0, cut), bytes.subarray(cut)];
      const begun = [opened, patch(session, first, ranged(0, first))];
      if (dice.chance(0.5)) return [...begun, closing(session, digest, rest)];
      return [...begun, status(session), patch(session, rest, ranged(cut, rest)), closing(session, digest)];
    }
  }
}

/** Opens a session that later operations go on with, or leave. */
export const open: Operation = ({ dice, model }) => {
  const { name, blob } = model.someBlob();
  return [opening(model.open(name, blob), dice.pick(['', '', '?', '?x=1']))];
};

/** Does one thing with a session that may be open, in an order that may be wrong. */
export const goOn: Operation = ({ dice, model, pool }) => {
  const session = dice.pick(model.sessions);
  if (!session) return [];
  const { name, blob } = session;
  const isStale = dice.chance(0.1);
  const from = dice.chance(0.7) ? session.sent : dice.below(blob.bytes.length + 2);
  const part = blob.bytes.subarray(from, from + 1 + dice.below(blob.bytes.length));
  const one = (draft: Draft): readonly Draft[] => [isStale ? stale(draft) : draft];
  switch (dice.pick(['part', 'part', 'streamed', 'sized', 'status', 'end', 'end', 'wrong', 'none', 'cancel', 'odd'])) {
    case 'part':
      session.sent = from + part.length;
      return one(patch(session, part, ranged(from, part)));
    case 'streamed':
      session.sent += part.length;
      return one(patch(session, part, STREAMED));
    case 'sized':
      session.sent += part.length;
      return one(patch(session, part, sized(part)));
    case 'status':
      return one(status(session, dice.pick(['GET', 'HEAD'])));
    case 'end': {
      model.close(session);
      model.add(name, blob.digest);
      const rest = blob.bytes.subarray(session.sent);
      return one(closing(session, blob.digest, dice.chance(0.7) ? rest : undefined));
    }
    case 'wrong':
      return one(closing(session, dice.pick(pool.blobs).digest));
    case 'none':
      return one({ ...closing(session, '', part), target: { session: session.session, name, query: '' } });
    case 'cancel':
      model.close(session);
      return one({ ...status(session), method: 'DELETE' });
    default:
      return one(
        dice.pick([
          closing(session, 'sha256:short', part),
          { ...patch(session, part, sized(part)), headers: { ...sized(part), 'content-range': 'bytes 5-1/x' } },
          { ...status(session), method: 'POST', headers: EMPTY },
        ]),
      );
  }
};

export const mount: Operation = ({ dice, model, pool }) => {
  const { name: from, blob } = model.someBlob();
  // distribution 3.1.1 answers 201 to the mount of a sha512 alias, and afterwards does not find the blob by it.
  if (!blob.digest.startsWith('sha256:')) return [];
  const name = dice.pick(pool.names);
  const source = dice.pick(['named', 'named', 'named', 'none', 'invalid', 'absent', 'both']);
  const fields = {
    named: `&from=${encodeURIComponent(from)}`,
    none: '',
    invalid: '&from=Not/A_Name!',
    absent: '&from=no/such',
    both: `&from=${from}&digest=${blob.digest}`,
  };
  const session = model.open(name, blob);
  if (source === 'named' && model.has(from, blob.digest)) {
    model.close(session);
    model.add(name, blob.digest);
  }
  return [opening(session, `?mount=${blob.digest}${fields[source as keyof typeof fields]}`)];
};

function opening({ session, name }: OpenSession, search: string): Draft {
  const target = `/v2/${name}/blobs/uploads/${search}`;
  return { route: 'upload', method: 'POST', target, headers: EMPTY, opens: session };
}

function patch({ session, name }: OpenSession, body: Buffer, headers: Draft['headers']): Draft {
  return { route: 'upload', method: 'PATCH', target: { session, name, query: '' }, headers: headers ?? {}, body };
}

function closing({ session, name }: OpenSession, digest: string, body?: Buffer): Draft {
  const target = { session, name, query: `digest=${encodeURIComponent(digest)}` };
  const sent = body ? { headers: sized(body), body } : { headers: EMPTY };
  return { route: 'upload', method: 'PUT', target, ...sent };
}

function status({ session, name }: OpenSession, method: 'GET' | 'HEAD' = 'GET'): Draft {
  return { route: 'upload', method, target: { session, name, query: '' } };
}

function stale(draft: Draft): Draft {
  return typeof draft.target === 'string' ? draft : { ...draft, target: { ...draft.target, isStale: true } };
}

function sized({ length }: Buffer): Record<string, string> {
  return { ...BYTES, 'content-length': String(length) };
}

function ranged(from: number, bytes: Buffer): Record<string, string> {
  return { ...sized(bytes), 'content-range': `${from}-${from + bytes.length - 1}` };
}
