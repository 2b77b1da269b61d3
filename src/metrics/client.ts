/** Programs that ask registries, by the product that their User-Agent begins with, in lower case. */
const PRODUCTS: Readonly<Record<string, string>> = {
  ...{ docker: 'docker', containerd: 'containerd', buildkit: 'buildkit', nerdctl: 'nerdctl', podman: 'podman' },
  ...{ buildah: 'buildah', skopeo: 'skopeo', 'cri-o': 'cri-o', kaniko: 'kaniko', helm: 'helm', oras: 'oras' },
  ...{ 'go-containerregistry': 'crane', crane: 'crane', regclient: 'regctl', containers: 'podman' },
  ...{ 'registry-edge': 'registry-edge', curl: 'curl', trivy: 'trivy', cosign: 'cosign', flux: 'flux' },
  ...{ 'docker-distribution': 'registry', harbor: 'harbor', artifactory: 'artifactory', spegel: 'spegel' },
};
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
  return PRODUCTS[product] ?? 'other';
}
