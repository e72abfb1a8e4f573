// isobar create: a tenant, a data center or a link from flags or a file, and enrolment tokens.
import type { Command } from 'commander';
import { pathText, type Place } from '#client/fields.ts';
import { nearMiss } from '#client/near-miss.ts';
import { UsageError } from './exit.ts';
import { type ManifestOptions, manifestOption, readManifests } from './apply.ts';
import { type Manifest, type ManifestKind, parseManifest } from './manifest.ts';
import { keyValues, words } from './options.ts';
import { APIS } from './resource-api.ts';
import type { Session } from './session.ts';
import { timestamp } from './units.ts';
import { type Act, type Handler, examples } from './verb.ts';

interface CreateOptions extends ManifestOptions {
  readonly dryRun?: boolean;
}

/** Options by their field of the manifest: what flags and files say is read by the same rules. */
type Raw = Readonly<Record<string, unknown>>;

export function configure(command: Command, act: Act): void {
  manifestOption(command)
    .option('--dry-run', 'check only, change nothing')
    .usage('(KIND ID [options] | -f FILE)')
    .argument('[kind...]')
    .action(act<CreateOptions>(createFromFile));

  const tenant = command
    .command('tenant')
    .alias('te')
    .argument('<id>')
    .description('Adds a tenant.')
    .option('--display-name <text>', 'name for people')
    .option('--parent <tenant>', 'tenant above it; left out: a root')
    .option('--weight <number>', 'share relative to others; default 100', Number)
    .option('--home-region <region>', 'region that its jobs prefer')
    .option('--default-classification <word>', 'of jobs that say none')
    .option('--clearance <word>', 'highest classification of its jobs')
    .option('--quota <resource=amount,...>', 'such as cpu=500,memory=2Ti,gpus=16', quota)
    .option('--max-queued-jobs <number>', 'default 1,000,000', Number)
    .action(act(createFromFlags('tenant', (raw) => raw)));
  examples(
    tenant,
    'isobar create tenant health --quota cpu=500,memory=2Ti --clearance confidential',
    'isobar create tenant hospitals --parent health --weight 200',
  );

  const dataCenter = command
    .command('data-center')
    .alias('dc')
    .argument('<id>')
    .description('Registers a data center. It takes no job before its agent has joined.')
    .option('--display-name <text>', 'name for people')
    .requiredOption('--class <class>', 'national, regional or agency')
    .requiredOption('--region <region>', 'region by which demand is counted')
    .option('--location <latitude,longitude>', 'place on the map, such as 52.5,13.4', words)
    .option('--owner <tenant>', 'tenant that owns it; left out: the nation')
    .option('--labels <key=value,...>', 'labels that jobs may select', keyValues)
    .option('--clearance <word>', 'highest classification that may run there')
    .option('--accepts <tenant,...>', 'tenants whose subtrees may run there; left out: all', words)
    .option('--offers <thing,...>', 'what it offers beside nodes, such as image,mpi', words)
    .option(
      '--lease <duration>',
      'how long its agent may go on without the controller; default 10m',
    )
    .option('--price <amount>', 'of one CPU hour, in the unit of account', Number)
    .action(
      act(
        createFromFlags('data-center', ({ price, location, ...raw }) => ({
          ...raw,
          ...(Array.isArray(location) && {
            location: { latitude: Number(location[0]), longitude: Number(location[1]) },
          }),
          ...(price !== undefined && {
            price_micros_per_cpu_hour: Math.round(Number(price) * 1e6),
          }),
        })),
      ),
    );
  examples(
    dataCenter,
    'isobar create data-center north-1 --class national --region north --location 52.5,13.4',
    'isobar create token north-1 > north-1.token',
  );

  const link = command
    .command('link')
    .alias('ln')
    .argument('<id>')
    .description('Adds a link between two data centers, the same in both directions.')
    .requiredOption('--source <data-center>', 'one end')
    .requiredOption('--target <data-center>', 'the other end')
    .requiredOption('--bandwidth-mbps <number>', 'in Mbit/s', Number)
    .option('--latency-micros <number>', 'one way, in microseconds', Number)
    .option('--price <amount>', 'of 1 GiB, in the unit of account', Number)
    .action(
      act(
        createFromFlags('link', ({ price, ...raw }) => ({
          ...raw,
          ...(price !== undefined && { price_micros_per_gib: Math.round(Number(price) * 1e6) }),
        })),
      ),
    );
  examples(
    link,
    'isobar create link north-south --source north-1 --target south-1 --bandwidth-mbps 100000 --latency-micros 4000',
  );

  const token = command
    .command('token')
    .argument('<data-center>')
    .description(
      'Makes the token with which the agent of a data center enrols once, within an hour.',
    )
    .action(act(createToken));
  examples(token, 'isobar create token north-1 > north-1.token');
  examples(
    command,
    'isobar create tenant health --quota cpu=500,memory=2Ti',
    'isobar create data-center north-1 --class national --region north',
    'isobar create -f federation.yaml',
  );
}

const KINDS = ['tenant', 'data-center', 'link', 'token'];

async function createFromFile(
  session: Session,
  args: readonly string[],
  options: CreateOptions,
): Promise<void> {
  if (args.length > 0) {
    const near = nearMiss(args[0] ?? '', KINDS);
    const meant = near === undefined ? '' : `; did you mean ${near}?`;
    throw new UsageError(`unknown kind ${args[0]}${meant}`, `there are ${KINDS.join(', ')}`);
  }
  for (const manifest of await readManifests(session, options)) {
    await create(session, manifest, options);
  }
}

function createFromFlags(kind: ManifestKind, toRaw: (options: Raw) => Raw): Handler<CreateOptions> {
  return async (session, [id = ''], options) => {
    const { context: _c, tenant: _n, timeout: _t, dryRun: _d, file: _f, ...own } = options;
    const place: Place = { path: [], keys: 'snake', findings: [] };
    const manifest = parseManifest(kind, id, toRaw(snakeKeys(own)), place);
    const [finding] = place.findings;
    if (finding !== undefined) {
      const [field = '', ...inner] = finding.path;
      const flag = `--${String(field).replaceAll('_', '-')} ${pathText(inner)}`.trimEnd();
      throw new UsageError(`${finding.path[0] === 'id' ? id : flag}: ${finding.message}`);
    }
    if (manifest !== undefined) await create(session, manifest, options);
  };
}

async function create(
  session: Session,
  manifest: Manifest,
  { dryRun: validateOnly }: CreateOptions,
): Promise<void> {
  const client = await session.client();
  const how = { validateOnly, signal: session.signal };
  switch (manifest.kind) {
    case 'tenant':
      await APIS.tenant.create(client, manifest.id, manifest.fields, how);
      break;
    case 'data-center':
      await APIS['data-center'].create(client, manifest.id, manifest.fields, how);
      break;
    case 'link':
      await APIS.link.create(client, manifest.id, manifest.fields, how);
      break;
  }
  const done = validateOnly === true ? 'would be created' : 'created';
  await session.print(`${manifest.kind} ${manifest.id} ${done}`);
  if (manifest.kind === 'data-center' && validateOnly !== true) {
    await session.note(`next: isobar create token ${manifest.id} makes the token for its agent`);
  }
}

/** The token alone goes to standard output, so that it can be sent into a file and is not read over a shoulder. */
async function createToken(session: Session, [dataCenter = '']: readonly string[]): Promise<void> {
  const client = await session.client();
  const { token, expireTime } = await client.dataCenters.createToken(dataCenter, {
    signal: session.signal,
  });
  await session.print(token);
  const until = expireTime === undefined ? 'for an hour' : `until ${timestamp(expireTime)} UTC`;
  await session.note(
    `works once, ${until}; hand it over in a file or in ISOBAR_TOKEN, never as an argument`,
  );
}

function quota(text: string): Raw {
  return Object.fromEntries(
    Object.entries(keyValues(text)).map(([key, value]) => [
      key,
      key === 'gpus' ? Number(value) : value,
    ]),
  );
}

function snakeKeys(options: Raw): Raw {
  return Object.fromEntries(
    Object.entries(options).map(([key, value]) => [
      key.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
      value,
    ]),
  );
}
