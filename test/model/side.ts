import type { RepositoryName } from '../../src/oci/name.ts';
import type { Clock } from '../support/context.ts';
import type { Callers } from './callers.ts';
import { Commits } from './commits.ts';
import type { Images } from './images.ts';
import { Laws, type LawsOptions } from './laws.ts';
import { ModelOrigin } from './origin.ts';
import { type Content, ModelRegistry } from './registry.ts';
import type { Move } from './steps.ts';
import type { Troubles } from './troubles.ts';

/** How the edges know a registry. */
interface ModelUpstream {
  /** Empty for the one that nothing chooses. */
  readonly alias: string;
  /** The host that chooses it. */
  readonly host: string;
  /** Nothing listens there. */
  readonly origin: string;
}

export const UPSTREAMS = [
  { alias: '', host: 'edge.test', origin: 'https://origin.model.test' },
  { alias: 'second', host: 'second.edge.test', origin: 'https://second.model.test' },
] as const satisfies readonly ModelUpstream[];

export interface SideOptions extends Pick<LawsOptions, 'deletesSeenBy'> {
  readonly upstream: ModelUpstream;
  readonly clock: Clock;
  readonly names: readonly RepositoryName[];
  readonly callers: Callers;
  readonly images: Images;
  readonly troubles: Troubles;
  /** Whether the registry refuses manifests whose blobs it lacks. */
  readonly verifies: boolean;
}

/** One registry, and what the laws say about the answers of the edges in front of it. */
export class Side {
  readonly upstream: ModelUpstream;
  readonly names: readonly RepositoryName[];
  readonly callers: Callers;
  readonly registry: ModelRegistry;
  readonly images: Images;
  readonly laws: Laws;
  readonly commits: Commits;
  readonly origin: ModelOrigin;
  /** What the last change was about. */
  lastChange: Pick<Move, 'name' | 'blob' | 'manifest' | 'tag'> | undefined;
  /** What went wrong where nobody waits for it: at the registry. */
  readonly violations: unknown[] = [];

  constructor({ upstream, clock, names, callers, images, troubles, verifies, deletesSeenBy }: SideOptions) {
    this.upstream = upstream;
    this.names = names;
    this.callers = callers;
    this.images = images;
    this.registry = new ModelRegistry(clock.now);
    const { registry } = this;
    for (const content of [...images.blobs, ...images.manifests]) registry.describe(content);
    const lawsOptions = { now: clock.now, registry, callers, deletesSeenBy };
    this.laws = new Laws(lawsOptions);
    this.commits = new Commits(lawsOptions);
    const onAccept = (name: string, manifest: Content) => {
      try {
        this.commits.judge(name, manifest);
      } catch (violation) {
        this.violations.push(violation);
      }
    };
    this.origin = new ModelOrigin({ registry, callers, troubles, verifies, onAccept });
    this.#fill();
  }

  /** The registry has everything at first. */
  #fill(): void {
    for (const name of this.names) {
      for (const { digest } of this.images.blobs) this.registry.blob(name, digest).set(true);
      for (const { digest } of this.images.manifests) this.registry.manifest(name, digest).set(true);
      this.registry.tag(name, 'latest').set(this.images.manifests[0]?.digest);
    }
  }
}
