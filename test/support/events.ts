import type { Edge } from './edge.ts';

/** `EVENTS_TOKEN` of the edges to which registries send events. */
export const EVENTS_TOKEN = 'registries-know-this';
/** The headers of a registry's request. */
export const REGISTRY = { authorization: `Bearer ${EVENTS_TOKEN}` };
export const EVENTS_PATH = '/_edge/events';
const BLOB = 'application/octet-stream';
const OCI = 'application/vnd.oci.image.manifest.v1+json';

/** An event as a registry's webhook sends it, with the fields that every registry fills in. */
export interface SentEvent {
  readonly action: string;
  readonly target: {
    readonly repository: string;
    readonly digest?: string;
    readonly mediaType?: string;
    readonly tag?: string;
  };
}

/** Returns builders for a registry's events about one repository. */
export function eventsOf(repository: string) {
  const event = (action: string, target: object = {}): SentEvent => ({ action, target: { repository, ...target } });
  return {
    deleted: (digest: string) => event('delete', { digest }),
    untagged: (tag: string) => event('delete', { tag }),
    repositoryDeleted: () => event('delete'),
    pushed: (digest: string, tag?: string) => event('push', { digest, mediaType: OCI, ...(tag && { tag }) }),
    pushedBlob: (digest: string) => event('push', { digest, mediaType: BLOB }),
    pulled: (digest: string, tag?: string) => event('pull', { digest, mediaType: OCI, ...(tag && { tag }) }),
    pulledBlob: (digest: string) => event('pull', { digest, mediaType: BLOB }),
    mounted: (digest: string) => event('mount', { digest, mediaType: BLOB, fromRepository: 'team/other' }),
  };
}

/** Sends events in an envelope, as a registry would. */
export function sendEvents(edge: Edge, ...events: readonly unknown[]): Promise<Response> {
  return sendEnvelope(edge, JSON.stringify({ events }));
}

/** Sends the body of an envelope, whatever it holds. */
export function sendEnvelope(edge: Edge, body: BodyInit): Promise<Response> {
  return edge.fetch(EVENTS_PATH, { method: 'POST', headers: REGISTRY, body });
}
