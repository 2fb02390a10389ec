#!/usr/bin/env node
// In a clone: builds when stale, then runs the command line.
import { existsSync } from 'node:fs';

const script = new URL('../../../scripts/build.mjs', import.meta.url);
if (existsSync(script)) {
  const { build } = await import(script.href);
  await build(console.error).catch((error) => {
    console.error(error.message);
    process.exit(1);
  });
}
await import('../dist/main.js');
