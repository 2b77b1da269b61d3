import { createHash, randomBytes } from 'node:crypto';
import { isUserName } from '../src/config/users.ts';
import { exitWithError } from './serve.ts';

const TOKEN_BYTES = 32;

/** `npm run user -- NAME`: makes the token of a user, and prints it once with the entry for `USERS`. */
function main([name = '']: readonly string[]): void {
  if (!isUserName(name)) {
    throw new Error(
      'npm run user -- NAME: expected a name of up to 128 characters, without a colon, and not anonymous',
    );
  }
  const token = randomBytes(TOKEN_BYTES).toString('base64url');
  const secret = createHash('sha256').update(token).digest('hex');
  console.log(`the token of ${name}, which is shown only now: ${token}`);
  console.log(`its entry in the secret USERS: ${JSON.stringify({ [name]: { secret, pull: ['team/*'], push: [] } })}`);
}

try {
  main(process.argv.slice(2));
} catch (error) {
  exitWithError(error);
}
