import { createPlatform, identifying, loginWith, type Platform } from '../oidc.ts';
import type { Login, RightsText } from '../users.ts';

/** Jobs of a CI with an identity token: one is a user, and others nearly are. */
export const STRANGE_JOBS = ['otherJob', 'lateJob', 'strayJob', 'forgedJob'] as const;

export interface Jobs {
  readonly variables: Record<string, string>;
  readonly logins: Record<'job' | (typeof STRANGE_JOBS)[number], Login>;
}

/** @param rights those of the job that is a user */
export async function createJobs(rights: RightsText): Promise<Jobs> {
  const [platform, other] = [await createPlatform(), await createPlatform()];
  const users = { job: { issuer: 'ci', claims: { repository: 'example/app', ref: 'refs/heads/main' }, ...rights } };
  const loginAt = async (at: Platform, claims: Record<string, unknown>) => loginWith(await at.issue(claims));
  return {
    variables: identifying({ ci: platform }, users),
    logins: {
      job: await loginAt(platform, {}),
      otherJob: await loginAt(platform, { repository: 'example/app-of-others' }),
      lateJob: await loginAt(platform, { exp: 1_000_000_000 }),
      strayJob: await loginAt(platform, { aud: 'https://another-edge.test' }),
      // Another platform's key under this one's name.
      forgedJob: await loginAt(other, { iss: platform.url }),
    },
  };
}
