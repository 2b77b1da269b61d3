import { createBudget } from '../../src/http/body/budget.ts';
import { createOrigin } from '../../src/origin/client.ts';
import { NO_HANDSHAKE } from '../../src/origin/handshake.ts';
import { createEdge, type Edge } from './edge.ts';
import { rig } from './push.ts';
import { manifestRequest, type PushedManifest, pushManifest } from './pushManifest.ts';

/** An open mirror that answers for an hour while its origin fails. */
export const OPEN = { CLIENT_AUTH: 'anonymous', TAG_TTL: '10s', DESCRIPTOR_TTL: '10s', STALE_IF_ERROR: '1h' };

export type Failure = number | 'unreachable' | 'too late';

/** Makes an edge whose origin a test can make fail. */
export function createFailingEdge(variables: Record<string, string>) {
  let isDown = false;
  const url = new URL('http://127.0.0.1:1');
  const down = createOrigin({
    url,
    timeoutMs: 1_000,
    redirectHosts: undefined,
    askedAs: 'nobody',
    bodies: createBudget(0),
    handshake: NO_HANDSHAKE,
  });
  const edge = createEdge(
    { ...OPEN, ...variables },
    { upstream: (made) => Object.defineProperty({ ...made }, 'origin', { get: () => (isDown ? down : made.origin) }) },
  );
  return {
    ...edge,
    async failOrigin({ name }: { name: string }, failure: Failure, headers: Record<string, string> = {}) {
      const prefix = `/v2/${name}/`;
      if (failure === 'unreachable') isDown = true;
      else if (failure === 'too late') await rig.rule({ prefix, delayMs: 900 });
      else await rig.rule({ prefix, status: failure, headers, body: '{"errors":[]}' });
    },
  };
}

/** Pushes a manifest and fetches it by its tag, so that the edge has it by its digest, too. */
export async function pushAndFetch(edge: Edge): Promise<PushedManifest> {
  const manifest = await pushManifest();
  await edge.fetch(manifest.tagPath, manifestRequest('GET'));
  return manifest;
}
