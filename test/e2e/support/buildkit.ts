import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryFolder } from './cleanup.ts';
import { type Outcome, runClient } from './command.ts';
import { run } from './process.ts';
import { findTool } from './tools.ts';
import { until } from './until.ts';

/** A BuildKit daemon of its own. */
export interface BuildKit {
  /**
   * Builds an image of these files, a layer for each, and exports nothing but its cache.
   * @param to the reference of the cache: an index that names layers as its manifests
   */
  exportCache(files: readonly string[], to: string): Promise<Outcome>;
}

/** @param registry the host and port of a registry that speaks plain HTTP */
export async function startBuildKit(registry: string): Promise<BuildKit> {
  const folder = await temporaryFolder();
  const config = join(folder, 'buildkitd.toml');
  const socket = `unix://${folder}/socket`;
  await writeFile(
    config,
    `root = "${folder}/root"
[grpc]
address = ["${socket}"]
[worker.oci]
enabled = true
snapshotter = "native"
binary = "crun"
networkMode = "host"
[worker.containerd]
enabled = false
[registry."${registry}"]
http = true
`,
  );
  run(findTool('buildkitd') ?? 'buildkitd', ['--config', config]);
  const buildctl = (...args: string[]) => runClient('buildctl', ['--addr', socket, ...args]);
  await until('buildkitd answers', async () => (await buildctl('debug', 'workers')).code === 0);
  return {
    async exportCache(files, to) {
      const context = await temporaryFolder();
      await mkdir(join(context, 'files'));
      for (const file of files) await writeFile(join(context, 'files', file), file);
      const steps = files.map((file) => `COPY files/${file} /`);
      await writeFile(join(context, 'Dockerfile'), ['FROM scratch', ...steps, ''].join('\n'));
      const locals = ['--local', `context=${context}`, '--local', `dockerfile=${context}`];
      const cache = `type=registry,ref=${to},mode=max,image-manifest=false,oci-mediatypes=true`;
      return buildctl('build', '--frontend', 'dockerfile.v0', ...locals, '--export-cache', cache);
    },
  };
}
