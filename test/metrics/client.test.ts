import { expect, it } from 'vitest';
import { createClientKinds } from '../../src/metrics/client.ts';

it.each([
  ['docker/29.1.2 go/go1.26.1 git-commit/x kernel/6.1 os/linux arch/amd64', 'docker'],
  ['containerd/v2.2.0', 'containerd'],
  ['containers/5.36.0 (github.com/containers/image)', 'containers'],
  ['crane/v0.21 go-containerregistry/v0.21', 'crane'],
  ['go-containerregistry/v0.21', 'crane'],
  ['regclient/regctl (v0.11)', 'regctl'],
  ['Helm/4.0', 'helm'],
  ['curl/8.5', 'curl'],
  ['registry-edge/0.1.0', 'registry-edge'],
  ['dockerish/1', 'other'],
  ['constructor/1', 'other'],
  ['__proto__', 'other'],
  ['', 'other'],
  [null, 'other'],
])('%s is %s', (userAgent, kind) => {
  const kindOf = createClientKinds();
  expect([kindOf(userAgent), kindOf(userAgent)]).toEqual([kind, kind]);
});
