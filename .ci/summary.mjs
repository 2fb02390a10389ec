// Reads jest's report: names the skipped tests and counts. A suite that did not run has failed.
import { readFileSync } from 'node:fs';

const read = (file) => {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    console.log('jest left no report');
    return { numPassedTests: 0, numFailedTests: 1, testResults: [] };
  }
};

const report = read(process.argv[2]);
const skipped = report.testResults
  .flatMap((suite) => suite.assertionResults)
  .filter(({ status }) => ['pending', 'skipped', 'todo', 'disabled'].includes(status));
for (const { fullName } of skipped) console.log(`skipped: ${fullName}`);
const failed = report.numFailedTests + (report.numRuntimeErrorTestSuites ?? 0);
console.log(`${report.numPassedTests} passed, ${failed} failed, ${skipped.length} skipped`);
process.exitCode = failed === 0 ? 0 : 1;
