import type { RepositoryRpc } from './rpc.ts';

/** The methods of a namespace of Durable Objects that the edge uses; the binding `REPOSITORIES`. */
export interface RepositoryNamespace {
  idFromName(name: string): unknown;
  get(id: unknown, options?: { readonly locationHint?: string | undefined }): RepositoryRpc;
  /** Returns the part of the namespace whose objects never leave a jurisdiction. */
  jurisdiction(name: string): RepositoryNamespace;
}
