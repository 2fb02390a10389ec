// Tries to lock the folder at the given moment (milliseconds since 1970), then says how it went.
import { setTimeout as sleep } from 'node:timers/promises';
import { lockFolder } from '../../dist/src/embedded-postgres/folder-lock.js';

const [folder, moment] = process.argv.slice(2);
await sleep(Number(moment) - Date.now() - 5);
while (Date.now() < Number(moment));
try {
  await lockFolder(folder);
  console.log('won');
} catch (error) {
  console.log(error.message);
}
setInterval(() => {}, 1_000_000);
