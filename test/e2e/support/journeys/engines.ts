import type { Client } from './client.ts';
import { containerd } from './containerd.ts';
import { docker } from './docker.ts';
import { podman } from './podman.ts';

/** The clients that keep images on the machine, which need root. */
export const ENGINES: readonly Client[] = [docker, containerd, podman];
