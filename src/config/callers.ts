import type { AccountSettings } from '../http/accountSettings.ts';
import type { IdentitySettings } from '../http/identitySettings.ts';
import type { UserSettings } from '../http/userSettings.ts';
import { oneOf } from './forms.ts';
import { IDENTITY_VARIABLES, readIdentities } from './identities.ts';
import { mayWrite } from './rights.ts';
import type { Settings } from './settings.ts';
import { users } from './users.ts';

const CLIENT_AUTHS = ['origin', 'basic', 'anonymous'] as const;

/** The variables that describe the users of one registry. */
export const USER_VARIABLES = ['USERS', ...IDENTITY_VARIABLES] as const;

/** Who calls an upstream. */
export interface CallersConfig {
  /** Who judges callers: the origin, the edge by its own users, or nobody. */
  readonly clientAuth: (typeof CLIENT_AUTHS)[number];
  /** `USERS`, with `CLIENT_AUTH=basic`. */
  readonly users: readonly UserSettings[] | undefined;
  /** `OIDC_ISSUERS` and `OIDC_USERS`, with `CLIENT_AUTH=basic`. */
  readonly identities: IdentitySettings | undefined;
  /** Whether somebody may push or delete through the edge. */
  readonly allowsWrites: boolean;
}

/** Reads who may call. What is bad is reported. */
export function readCallers(settings: Settings): CallersConfig {
  // What is bad was reported, and then the result is of no use.
  const clientAuth = settings.read('CLIENT_AUTH', oneOf('origin', CLIENT_AUTHS)) ?? 'anonymous';
  const known = settings.read('USERS', users())?.list;
  const identities = readIdentities(settings);
  const isBasic = clientAuth === 'basic';
  if (isBasic && !known && !identities) {
    settings.report('USERS: expected users here or in OIDC_USERS, since CLIENT_AUTH=basic lets nobody else in');
  }
  return {
    clientAuth,
    users: isBasic ? known : undefined,
    identities: isBasic ? identities : undefined,
    allowsWrites:
      clientAuth === 'origin' || (isBasic && [...(known ?? []), ...(identities?.users ?? [])].some(mayWrite)),
  };
}

/** What else has to fit users of the edge that may write. */
interface Surroundings {
  readonly account: AccountSettings | undefined;
  readonly uploadOrigin: string | undefined;
}

/** Reports what keeps users of the edge from writing. */
export function checkWriters(
  settings: Settings,
  callers: CallersConfig,
  { account, uploadOrigin }: Surroundings,
): void {
  if (!callers.allowsWrites || callers.clientAuth !== 'basic') return;
  if (account?.lentFor === 'public') settings.report('LEND_ACCOUNT: expected all, since users may push');
  if (uploadOrigin === 'direct') {
    settings.report('UPLOAD_ORIGIN: expected edge, since no user of the edge may log in to the origin');
  }
  // A user who has the only secret knows the key, and could take over the uploads of others.
  const secrets = callers.users?.filter(({ secret }) => secret) ?? [];
  if (!account && secrets.length < 2 && callers.identities?.users.some(({ push }) => !push.isEmpty)) {
    const reason = 'the key that binds uploads to their users is derived from these secrets';
    settings.report(`OIDC_USERS: a push requires ORIGIN_ACCOUNT, or two users with secrets in USERS: ${reason}`);
  }
}
