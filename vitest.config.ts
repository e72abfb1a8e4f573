import { defineConfig } from 'vitest/config';

if (Number(process.versions.node.split('.')[0]) < 24) {
  throw new Error(
    `These tests need Node 24 and this is ${process.versions.node}: run them with \`npm test\`, which finds the packaged Node.`,
  );
}

type Kind = { include: string[]; exclude: string[]; testTimeout: number };

/** One run is one kind of test: `vitest run` the fast ones, `--mode soak` the long ones, `--mode e2e` the whole system. */
const kinds: { test: Kind; [mode: string]: Kind } = {
  test: {
    include: ['**/*.test.ts'],
    exclude: ['e2e/**', '**/*.soak.test.ts'],
    testTimeout: 20_000,
  },
  soak: { include: ['**/*.soak.test.ts'], exclude: ['e2e/**'], testTimeout: 900_000 },
  e2e: { include: ['e2e/**/*.e2e.test.ts'], exclude: [], testTimeout: 300_000 },
};

export default defineConfig(({ mode }) => {
  // Tools that only read this file come with modes of their own.
  const kind = kinds[mode] ?? kinds.test;
  return {
    test: {
      include: kind.include,
      exclude: [...kind.exclude, '**/node_modules/**', 'dist/**', 'infra/policy/**'],
      testTimeout: kind.testTimeout,
      hookTimeout: kind.testTimeout,
      passWithNoTests: kind !== kinds.test,
      // Processes, not threads: a test may start workers of its own, change its environment or be killed by SQLite.
      pool: 'forks',
      maxWorkers: 2,
    },
  };
});
