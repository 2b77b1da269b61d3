import type { AccountSettings } from '../http/accountSettings.ts';
import { type Account, createPasswordAccount } from './account.ts';
import { createEcrAccount } from './ecrAccount.ts';
import { createGoogleAccount } from './googleAccount.ts';
import type { JsonLimits } from './readJson.ts';

/** Creates the account of `ORIGIN_ACCOUNT`. @param mayWrite whether somebody pushes with it */
export function createAccount(settings: AccountSettings, limits: JsonLimits, mayWrite: boolean): Account {
  switch (settings.kind) {
    case 'password':
      return createPasswordAccount(settings.name, settings.password);
    case 'ecr':
      return createEcrAccount(settings, limits);
    case 'google':
      return createGoogleAccount(settings, limits, mayWrite);
  }
}
