import { type Chosen, type ChosenBy, createChoice } from '../http/choice.ts';
import type { RepositoryName } from '../oci/name.ts';
import { createNames, type Names } from '../oci/names.ts';
import type { Target } from '../oci/route.ts';
import type { Upstream } from './upstream.ts';

/** All registries behind the edge. */
export interface Upstreams {
  /** Returns the one that a request is for, and `shared` where several share its host and it is for none of them. */
  choose(host: string, target: Target): ChosenUpstream | 'shared' | undefined;
  /** Returns one by its alias; the default one has the empty alias. */
  named(alias: string): Upstream | undefined;
  /** What the operator may name, in the order of the configuration. */
  readonly aliases: readonly string[];
}

export interface ChosenUpstream {
  readonly upstream: Upstream;
  /** How the client names its repositories; `undefined`: as the upstream does. */
  readonly names: Names | undefined;
}

/** What has to be known of an upstream before it is created. */
interface Description {
  readonly alias: string;
  readonly chosenBy: ChosenBy;
  readonly defaultNamespace: RepositoryName | undefined;
  readonly mirroredHosts: readonly string[];
}

/** @param create an upstream is created when it is needed first, since every isolate needs few of them */
export function createUpstreams<D extends Description>(
  descriptions: readonly D[],
  create: (description: D) => Upstream,
): Upstreams {
  const choose = createChoice(descriptions);
  const created = new Map<string, Upstream>();
  const resolved = new Map<Chosen<D>, ChosenUpstream>();

  function upstreamOf(description: D): Upstream {
    const known = created.get(description.alias);
    if (known) return known;
    const upstream = create(description);
    created.set(description.alias, upstream);
    return upstream;
  }

  return {
    choose(host, target) {
      const chosen = choose(host, target);
      if (chosen === undefined || chosen === 'shared') return chosen;
      const known = resolved.get(chosen);
      if (known) return known;
      const { upstream, prefix, ns } = chosen;
      const ownHosts = [...upstream.mirroredHosts, ...upstream.chosenBy.ns];
      const names = createNames({ namespace: upstream.defaultNamespace, prefix, ns, ownHosts });
      const fresh = { upstream: upstreamOf(upstream), names };
      resolved.set(chosen, fresh);
      return fresh;
    },
    named(alias) {
      const description = descriptions.find((one) => one.alias === alias);
      return description && upstreamOf(description);
    },
    aliases: descriptions.map(({ alias }) => alias),
  };
}
