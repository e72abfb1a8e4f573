import { type ChildProcess, type ChildProcessByStdio, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

const launcher = fileURLToPath(new URL('isobar.js', import.meta.url));
const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));

describe('in the checkout', () => {
  test('answers its version on stdout and says nothing else', () => {
    const run = spawnSync(process.execPath, [launcher, 'version'], { encoding: 'utf8' });
    expect(run).toMatchObject({ status: 0, stdout: `${manifest.version}\n`, stderr: '' });
  });

  test('says on stderr what is wrong with a command line, with exit code 64', () => {
    const run = spawnSync(process.execPath, [launcher, '--nonsense'], { encoding: 'utf8' });
    expect(run).toMatchObject({ status: 64, stdout: '' });
    expect(run.stderr).toContain('--help tells what there is');
  });
});

describe('under an older Node', () => {
  // The launcher judges by process.versions, so a preloaded line makes this Node an older one. The packaged Node of this
  // small world is a shell script, so a case says itself what the child does.
  let root: string;
  let asOlderNode: string[];
  let launched: ChildProcess | undefined;

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'isobar-launcher-'));
    mkdirSync(join(root, 'bin'));
    copyFileSync(launcher, join(root, 'bin/isobar.js'));
    writeFileSync(join(root, 'package.json'), '{"type": "module"}');
    const older =
      "data:text/javascript,Object.defineProperty(process.versions,'node',{value:'20.1.0'})";
    asOlderNode = ['--import', older, join(root, 'bin/isobar.js')];
  });
  afterEach(() => {
    if (launched?.pid !== undefined) killGroup(launched.pid);
    launched = undefined;
    rmSync(root, { recursive: true, force: true });
  });

  function killGroup(leader: number): void {
    try {
      process.kill(-leader, 'SIGKILL');
    } catch {
      // Nobody is left, as it should be.
    }
  }

  function givePackagedNode(script: string): void {
    mkdirSync(join(root, 'node_modules/node/bin'), { recursive: true });
    writeFileSync(join(root, 'node_modules/node/package.json'), '{"name": "node"}');
    writeFileSync(join(root, 'node_modules/node/bin/node'), `#!/bin/sh\n${script}\n`, {
      mode: 0o755,
    });
  }

  test('without the packaged one it says in one line what to do, with exit code 69', () => {
    const run = spawnSync(process.execPath, [...asOlderNode, 'version'], { encoding: 'utf8' });
    expect(run).toMatchObject({ status: 69, stdout: '' });
    expect(run.stderr).toMatch(
      /^isobar needs Node 24 or newer and this is 20\.1\.0: .*npm ci.*\n$/,
    );
  });

  test('the packaged one gets the arguments, the input and the outputs, and its exit code is kept', () => {
    givePackagedNode('shift 2; echo "args: $*"; cat; echo "to stderr" >&2; exit 7');
    const run = spawnSync(process.execPath, [...asOlderNode, 'get', 'jobs'], {
      encoding: 'utf8',
      input: 'from stdin\n',
    });
    expect(run).toMatchObject({
      status: 7,
      stdout: 'args: get jobs\nfrom stdin\n',
      stderr: 'to stderr\n',
    });
  });

  test('a signal reaches the packaged one, which decides what it means', async () => {
    givePackagedNode("trap 'echo stopping; exit 3' TERM; echo ready; while :; do sleep 0.05; done");
    expect(await terminateWhenReady()).toEqual({
      code: 3,
      signal: null,
      output: 'ready\nstopping\n',
    });
  });

  test('a signal that comes as soon as the packaged one runs is not lost', async () => {
    // The child itself sends it, which is earlier than any reader of its output can.
    givePackagedNode(
      "trap 'exit 3' TERM; echo ready; kill -TERM $PPID; while :; do sleep 0.05; done",
    );
    expect(await whenEnded(launch())).toEqual({ code: 3, signal: null, output: 'ready\n' });
  });

  test('when a signal ends the packaged one, it ends the launcher too', async () => {
    givePackagedNode('echo ready; while :; do sleep 0.05; done');
    expect(await terminateWhenReady()).toEqual({
      code: null,
      signal: 'SIGTERM',
      output: 'ready\n',
    });
  });

  async function terminateWhenReady(): Promise<Ended> {
    const child = launch();
    child.stdout.once('data', () => child.kill('SIGTERM'));
    return whenEnded(child);
  }

  function launch(): ChildProcessByStdio<null, Readable, null> {
    // A process group of its own, so that a launcher that loses its child is a failed test and leaves no process behind.
    const child = spawn(process.execPath, asOlderNode, {
      stdio: ['ignore', 'pipe', 'ignore'],
      detached: true,
    });
    launched = child;
    return child;
  }

  async function whenEnded(child: ChildProcessByStdio<null, Readable, null>): Promise<Ended> {
    let output = '';
    child.stdout.on('data', (text: Buffer) => (output += text.toString()));
    const [code, signal] = await once(child, 'close');
    return { code, signal, output };
  }
});

type Ended = { code: number | null; signal: string | null; output: string };
