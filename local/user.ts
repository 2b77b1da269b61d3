import { createHash, randomBytes } from 'node:crypto';
import { parseArgs } from 'node:util';
import { isUserName } from '../src/config/users.ts';
import { exitWithError } from './serve.ts';

const USAGE = 'npm run user -- NAME: expected one name of up to 128 characters, without a colon, and not anonymous';
const TOKEN_BYTES = 32;

/** `npm run user -- NAME`: makes the token of a user, and prints it once with the entry for `USERS`. */
function main(): void {
  const { values, positionals } = parseArgs({ options: { help: { type: 'boolean' } }, allowPositionals: true });
  if (values.help) {
    console.log(USAGE);
    return;
  }
  const [name = '', ...others] = positionals;
  if (!isUserName(name) || others.length > 0) throw new Error(USAGE);
  const token = randomBytes(TOKEN_BYTES).toString('base64url');
  const secret = createHash('sha256').update(token).digest('hex');
  console.log(`the token of ${name}, which is shown only now: ${token}`);
  console.log(`its entry in the secret USERS: ${JSON.stringify({ [name]: { secret, pull: ['team/*'], push: [] } })}`);
}

try {
  main();
} catch (error) {
  exitWithError(error);
}
