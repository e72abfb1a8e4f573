import { spawn, spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

const launcher = fileURLToPath(new URL('isobar.js', import.meta.url));
const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));

describe('in the checkout', () => {
  test('answers its version on stdout and says nothing else', () => {
    const run = spawnSync(process.execPath, [launcher, 'version'], { encoding: 'utf8' });
    expect(run).toMatchObject({ status: 0, stdout: `${manifest.version}\n`, stderr: '' });
  });

  test('explains its usage on stderr with exit code 64', () => {
    const run = spawnSync(process.execPath, [launcher, '--nonsense'], { encoding: 'utf8' });
    expect(run).toMatchObject({ status: 64, stdout: '' });
    expect(run.stderr).toContain('Usage: isobar');
  });
});

describe('under an older Node', () => {
  // The launcher judges by process.versions, so a preloaded line makes this Node an older one. The packaged Node of this
  // small world is a shell script, so a case says itself what the child does.
  let root: string;
  let asOlderNode: string[];

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'isobar-launcher-'));
    mkdirSync(join(root, 'bin'));
    copyFileSync(launcher, join(root, 'bin/isobar.js'));
    writeFileSync(join(root, 'package.json'), '{"type": "module"}');
    const older =
      "data:text/javascript,Object.defineProperty(process.versions,'node',{value:'20.1.0'})";
    asOlderNode = ['--import', older, join(root, 'bin/isobar.js')];
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

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

  test('when a signal ends the packaged one, it ends the launcher too', async () => {
    givePackagedNode('echo ready; while :; do sleep 0.05; done');
    expect(await terminateWhenReady()).toEqual({
      code: null,
      signal: 'SIGTERM',
      output: 'ready\n',
    });
  });

  function terminateWhenReady(): Promise<{
    code: number | null;
    signal: string | null;
    output: string;
  }> {
    return new Promise((resolve, reject) => {
      const child = spawn(process.execPath, asOlderNode, { stdio: ['ignore', 'pipe', 'inherit'] });
      let output = '';
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        if (output === '') child.kill('SIGTERM');
        output += text;
      });
      child.on('error', reject);
      child.on('close', (code, signal) => resolve({ code, signal, output }));
    });
  }
});
