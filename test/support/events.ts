import type { Edge } from './edge.ts';

/** `EVENTS_TOKEN` of the edges that are told of events. */
export const EVENTS_TOKEN = 'registries-know-this';
const BLOB = 'application/octet-stream';
const OCI = 'application/vnd.oci.image.manifest.v1+json';

/** As a registry's webhook tells it; no registry sends less. */
export interface SentEvent {
  readonly action: string;
  readonly target: {
    readonly repository: string;
    readonly digest?: string;
    readonly mediaType?: string;
    readonly tag?: string;
  };
}

/** The events of a registry about one repository. */
export function eventsOf(repository: string) {
  const event = (action: string, target: object = {}): SentEvent => ({ action, target: { repository, ...target } });
  return {
    deleted: (digest: string) => event('delete', { digest }),
    untagged: (tag: string) => event('delete', { tag }),
    gone: () => event('delete'),
    pushed: (digest: string, tag?: string) => event('push', { digest, mediaType: OCI, ...(tag && { tag }) }),
    pushedBlob: (digest: string) => event('push', { digest, mediaType: BLOB }),
    pulled: (digest: string, tag?: string) => event('pull', { digest, mediaType: OCI, ...(tag && { tag }) }),
    pulledBlob: (digest: string) => event('pull', { digest, mediaType: BLOB }),
    mounted: (digest: string) => event('mount', { digest, mediaType: BLOB, fromRepository: 'team/other' }),
  };
}

/** Sends an envelope as the registry would. */
export function tell(edge: Edge, ...events: readonly unknown[]): Promise<Response> {
  const headers = { authorization: `Bearer ${EVENTS_TOKEN}` };
  return edge.fetch('/_edge/events', { method: 'POST', headers, body: JSON.stringify({ events }) });
}
