// Runs jest with the arguments given, after making sure that browser tests have a browser.
import { spawn, spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

const isOnPath = (program) =>
  (process.env.PATH ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });

const aptGet = (...args) =>
  spawnSync('apt-get', ['-qq', '-o', 'Acquire::http::Timeout=15', ...args], {
    stdio: 'ignore',
    timeout: 300_000,
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  }).status === 0;

const ensureBrowser = () => {
  if (process.env.CHROMIUM_PATH) return;
  if (['chromium', 'chromium-browser', 'google-chrome'].some(isOnPath)) return;
  if (isOnPath('apt-get') && process.getuid?.() === 0) {
    console.log('installing chromium for the browser tests …');
    const install = ['install', '-y', '--no-install-recommends', 'chromium'];
    if (aptGet(...install) || (aptGet('update') && aptGet(...install))) return;
  }
  console.log('no chromium here and it could not be installed: browser tests are skipped');
};

ensureBrowser();
const jest = spawn(
  process.execPath,
  [
    '--experimental-vm-modules',
    '--disable-warning=ExperimentalWarning',
    join(root, 'node_modules/jest/bin/jest.js'),
    ...process.argv.slice(2),
  ],
  { cwd: root, stdio: 'inherit' },
);
// Ctrl-C reaches jest from the terminal; waiting for it keeps the output and exit code in order.
process.on('SIGINT', () => {});
process.on('SIGTERM', () => jest.kill('SIGTERM'));
jest.on('exit', (code) => process.exit(code ?? 1));
