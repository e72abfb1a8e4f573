#!/usr/bin/env node
// Starts the isobar command with a Node that can run it. Plain JavaScript that Node 20 understands, because the
// machine's own Node may be older than the one the checkout brings along (the npm package `node`).
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const oldestNode = 24;
const exitUnavailable = 69; // EX_UNAVAILABLE of sysexits.h

if (Number(process.versions.node.split('.')[0]) >= oldestNode) {
  await runHere();
} else {
  const node = packagedNode();
  if (node === undefined) {
    process.stderr.write(
      `isobar needs Node ${oldestNode} or newer and this is ${process.versions.node}: install Node ${oldestNode}, or run \`npm ci\` in a checkout, which brings it along.\n`,
    );
    process.exitCode = exitUnavailable;
  } else {
    runWith(node);
  }
}

/** Runs the sources in a checkout, the emitted JavaScript in an installed package. */
async function runHere() {
  const source = new URL('../controller/main/isobar.ts', import.meta.url);
  const emitted = new URL('../controller/main/isobar.js', import.meta.url);
  const { main } = await import((existsSync(source) ? source : emitted).href);
  process.exitCode = await main(process.argv.slice(2));
}

/** The binary of the npm package `node`, if it is installed and its install script has run. */
function packagedNode() {
  try {
    const manifest = createRequire(import.meta.url).resolve('node/package.json');
    const binary = join(
      dirname(manifest),
      'bin',
      process.platform === 'win32' ? 'node.exe' : 'node',
    );
    return existsSync(binary) ? binary : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Runs this file again with another Node. What happens to the child happens to us: signals are passed on, and its exit
 * code, or the signal that ended it, becomes ours.
 * @param {string} node
 */
function runWith(node) {
  const args = ['--disable-warning=ExperimentalWarning', fileURLToPath(import.meta.url)];
  /** @type {NodeJS.Signals[]} */
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR2'];
  for (const signal of signals) {
    process.on(signal, () => {
      // A terminal sends its own signals to the whole foreground group, so the child has this one already. A second
      // one would read as impatience.
      const fromTerminal = process.stdin.isTTY && (signal === 'SIGINT' || signal === 'SIGQUIT');
      if (!fromTerminal) child.kill(signal);
    });
  }
  // After the handlers: a signal that came between the two would end this process and leave the child behind.
  const child = spawn(node, [...args, ...process.argv.slice(2)], { stdio: 'inherit' });
  child.on('error', (error) => {
    process.stderr.write(`isobar cannot start ${node}: ${error.message}. Run \`npm ci\` again.\n`);
    process.exitCode = exitUnavailable;
  });
  child.on('exit', (code, signal) => {
    if (signal === null) {
      process.exitCode = code ?? 1;
      return;
    }
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
    // Some signals do not end a Node process. The shell's convention tells the same.
    process.exitCode = 128 + constants.signals[signal];
  });
}
