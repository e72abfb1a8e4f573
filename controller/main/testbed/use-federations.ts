// Federations for the tests of one file: each ends with its test, and what it wrote is shown when the test failed.
import { afterEach } from 'vitest';
import { TestFederation, type FederationOptions } from './federation.ts';

const DISPOSE_MS = 60_000;

/** Call it at the top of the file; what it answers starts a federation within a test. */
export function useFederations(): (options?: FederationOptions) => Promise<TestFederation> {
  const started: TestFederation[] = [];
  afterEach(async ({ task }) => {
    for (const federation of started.splice(0)) {
      if (task.result?.state === 'fail') console.error(federation.logs());
      await federation.dispose();
    }
  }, DISPOSE_MS);
  return async (options) => {
    const federation = await TestFederation.start(options);
    started.push(federation);
    return federation;
  };
}
