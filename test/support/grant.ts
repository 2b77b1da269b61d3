import { expect } from 'vitest';
import type { AnswerKind } from '../../src/access/authorizer.ts';
import { someDigest } from './digests.ts';
import type { Edge } from './edge.ts';
import { rig } from './push.ts';

const CONTENT: readonly AnswerKind[] = ['GET blobs', 'GET manifests'];

/**
 * The origin proves these kinds of answer to the caller in a repository, which this isolate remembers for a minute; all of
 * its content, unless said. It answers with a part of something (206), from which nothing else is learnt.
 */
export async function grant(
  edge: Edge,
  { name }: { readonly name: string },
  headers: Record<string, string> = {},
  kinds: readonly AnswerKind[] = CONTENT,
): Promise<void> {
  for (const kind of kinds) {
    const [method = '', links = ''] = kind.split(' ');
    const path = `/v2/${name}/${links}/${someDigest()}`;
    const headers206 = { 'content-range': 'bytes 0-0/7' };
    await rig.rule({ prefix: path, method, status: 206, headers: headers206, body: 'x', isUnrecorded: true });
    expect((await edge.fetch(path, { method, headers })).status).toBe(206);
  }
}
