import { expect } from 'vitest';
import type { AnswerKind } from '../../src/access/authorizer.ts';
import { uniqueDigest } from './digests.ts';
import type { Edge } from './edge.ts';
import { rig } from './push.ts';

const CONTENT: readonly AnswerKind[] = ['GET blobs', 'GET manifests'];

/**
 * Earns a caller a grant for these kinds of answer in a repository, by default for all content; the isolate remembers
 * it for one minute. The origin answers with a partial response (206), from which nothing else is learnt.
 */
export async function earnGrant(
  edge: Edge,
  { name }: { readonly name: string },
  headers: Record<string, string> = {},
  kinds: readonly AnswerKind[] = CONTENT,
): Promise<void> {
  for (const kind of kinds) {
    const [method = '', links = ''] = kind.split(' ');
    const path = `/v2/${name}/${links}/${uniqueDigest()}`;
    const headers206 = { 'content-range': 'bytes 0-0/7' };
    await rig.rule({ prefix: path, method, status: 206, headers: headers206, body: 'x', isUnrecorded: true });
    expect((await edge.fetch(path, { method, headers })).status).toBe(206);
  }
}
