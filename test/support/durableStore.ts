import { env } from 'cloudflare:workers';
import type { LinkSet } from '../../src/oci/links.ts';
import type { RepositoryNamespace } from '../../src/stores/durable/namespace.ts';
import type { EntryKeys, RepositoryRpc } from '../../src/stores/durable/rpc.ts';

/** The Durable Objects of the tests. */
export const OBJECTS = env.REPOSITORIES as unknown as RepositoryNamespace;

/** Called in place of a method of an object; `call` runs the method itself. */
export type Interception = (
  method: keyof RepositoryRpc,
  args: readonly unknown[],
  call: () => Promise<unknown>,
) => Promise<unknown>;

/** The objects of the tests, every request to which is intercepted. */
export function interceptObjects(intercept: Interception): RepositoryNamespace {
  return {
    idFromName: (name) => OBJECTS.idFromName(name),
    jurisdiction: () => interceptObjects(intercept),
    get(id, options) {
      const object = OBJECTS.get(id, options);
      return new Proxy(object, {
        get: (_object, name) => {
          const method = name as keyof RepositoryRpc;
          return (...args: unknown[]) =>
            intercept(method, args, () => (object[method] as (...args: unknown[]) => Promise<unknown>)(...args));
        },
      });
    },
  };
}

/** Objects that reject every request, as overloaded ones do. */
export const FAILING_OBJECTS = interceptObjects(() =>
  Promise.reject(
    Object.assign(new Error('Durable Object is overloaded. Too many requests queued.'), { overloaded: true }),
  ),
);

/** Objects whose writes take this long. */
export function slowObjects(waitMs: number): RepositoryNamespace {
  return interceptObjects(async (method, _args, call) => {
    if (!method.startsWith('read')) await new Promise((resolve) => setTimeout(resolve, waitMs));
    return call();
  });
}

/** Names one entry in a look at an object. */
export function keysOfEntry(digest: string, links: LinkSet = 'blobs'): EntryKeys {
  return { askedAs: 'caller', retentionMs: 60_000, lifeMs: 60_000, links, digests: [digest] };
}

/** The object of a repository. @param origin the base URL of a whole edge's origin */
export function repositoryObject(origin: string, name: string): RepositoryRpc {
  return OBJECTS.get(OBJECTS.idFromName(`${new URL(origin).href} ${name}`));
}

/** The object that holds the content of a digest, for the origin of a whole edge. */
export function contentObject(origin: string, digest: string): RepositoryRpc {
  return OBJECTS.get(OBJECTS.idFromName(`${origin} content ${digest.split(':')[1]?.slice(0, 2)}`));
}
