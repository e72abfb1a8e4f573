// Adds up the test reports of a run and prints the closing lines: `node summary.js FOLDER [FAILED_STEP...]`. Plain
// JavaScript for whatever Node there is, because it must also speak when the installation failed.
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

const [folder = '.', ...failedSteps] = process.argv.slice(2);

let passed = 0;
let skipped = 0;
let failed = 0;
const explained = new Set();
for (const file of readdirSync(folder)) {
  const report = JSON.parse(readFileSync(join(folder, file), 'utf8'));
  // A file that cannot even be loaded is a failed suite without a failed test.
  const broken = report.testResults.filter(
    (/** @type {{status: string, assertionResults: {status: string}[]}} */ suite) =>
      suite.status === 'failed' &&
      !suite.assertionResults.some(({ status }) => status === 'failed'),
  ).length;
  passed += report.numPassedTests;
  skipped += report.numPendingTests + report.numTodoTests;
  failed += report.numFailedTests + broken;
  if (report.numFailedTests + broken > 0) explained.add(file.replace('.json', ''));
}
failed += failedSteps.filter((step) => !explained.has(step)).length;
if (failedSteps.length > 0) console.log(`Failed steps: ${failedSteps.join(', ')}`);
console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
if (failed > 0 || failedSteps.length > 0) process.exitCode = 1;
