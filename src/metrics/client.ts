/** Programs that ask registries: what their User-Agent begins with, in lower case. */
const PRODUCTS: readonly string[] = [
  ...['docker', 'containerd', 'buildkit', 'nerdctl', 'podman', 'buildah', 'skopeo', 'cri-o', 'containers', 'kaniko'],
  ...['helm', 'oras', 'crane', 'trivy', 'cosign', 'flux', 'harbor', 'artifactory', 'spegel', 'registry-edge', 'curl'],
];
/** Those whose User-Agent begins with the name of a library, or of a project. */
const LIBRARIES = new Map([
  ['go-containerregistry', 'crane'],
  ['regclient', 'regctl'],
  ['docker-distribution', 'registry'],
]);
const MAX_KNOWN = 200;
const MAX_CHARACTERS = 200;

/** Returns what kind of client a User-Agent names: one of a few, so that nobody can make up more. */
export function createClientKinds(): (userAgent: string | null) => string {
  const known = new Map<string, string>();
  return (userAgent) => {
    if (userAgent === null) return 'other';
    const found = known.get(userAgent);
    if (found) return found;
    const kind = kindOf(userAgent);
    if (known.size < MAX_KNOWN && userAgent.length <= MAX_CHARACTERS) known.set(userAgent, kind);
    return kind;
  };
}

function kindOf(userAgent: string): string {
  const [product = ''] = userAgent.slice(0, MAX_CHARACTERS).toLowerCase().split(/[/ (]/, 1);
  return LIBRARIES.get(product) ?? PRODUCTS.find((name) => name === product) ?? 'other';
}
