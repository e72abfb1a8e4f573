// Tenants, data centers and links as files describe them: the fields of the API in snake_case, as `get -o yaml` prints
// them, with units and short names for people.
import {
  decimal,
  durationMs,
  flag,
  id,
  isMapping,
  list,
  mapOf,
  object,
  type ObjectOf,
  type Parser,
  type Place,
  report,
  sizeMib,
  cpuMillis,
  text,
  whole,
} from '#client/fields.ts';
import { type Entry, readEntries } from '#client/documents.ts';
import { FileError, type FileProblem } from '#client/file-error.ts';
import { numberOf, wordsOf } from '#client/enums.ts';
import { nearMiss } from '#client/near-miss.ts';
import { toDuration } from '#client/quantities.ts';
import {
  Classification,
  type DataCenter,
  DataCenterClass,
  type Link,
  Resources,
  type Tenant,
} from '#client/types.ts';
import { dataCenterNameOf, idOf, tenantNameOf } from '#client/names.ts';

export interface ManifestTypes {
  tenant: Tenant;
  'data-center': DataCenter;
  link: Link;
}
export type ManifestKind = keyof ManifestTypes;

/** One thing of a file, with the fields that the file sets. */
export type Manifest = {
  [K in ManifestKind]: {
    readonly kind: K;
    readonly id: string;
    readonly fields: Partial<ManifestTypes[K]>;
  };
}[ManifestKind];

const COLLECTIONS: Readonly<Record<ManifestKind, string>> = {
  tenant: 'tenants',
  'data-center': 'dataCenters',
  link: 'links',
};

/** All things of a file, in the order in which they can be made. Throws FileError with everything that is wrong. */
export function parseManifests(source: string, file: string): Manifest[] {
  const problems: FileProblem[] = [];
  const manifests: Manifest[] = [];
  for (const entry of readEntries(source, file)) {
    const place: Place = { path: [], keys: 'snake', findings: [] };
    const manifest = parseEntry(entry, place);
    problems.push(...place.findings.map((finding) => entry.locate(finding)));
    if (manifest !== undefined) manifests.push(manifest);
  }
  if (problems.length > 0) throw new FileError(problems);
  const kinds = Object.keys(COLLECTIONS);
  return manifests.toSorted((a, b) => kinds.indexOf(a.kind) - kinds.indexOf(b.kind));
}

function parseEntry({ value }: Entry, place: Place): Manifest | undefined {
  if (!isMapping(value)) return report(place, 'expected a mapping with kind and id');
  const named = typeof value['name'] === 'string' ? value['name'] : '';
  const kind = kindOfEntry(value['kind'], named, place);
  if (kind === undefined) return undefined;
  const entryId = typeof value['id'] === 'string' ? value['id'] : idOf(named);
  if (entryId === '') return report(place, `id is missing, or name: ${COLLECTIONS[kind]}/ID`);
  return parseManifest(kind, entryId, value, place);
}

/** From a file, or from flags in the same form. */
export function parseManifest(
  kind: ManifestKind,
  manifestId: string,
  value: unknown,
  place: Place,
): Manifest | undefined {
  id(manifestId, { ...place, path: [...place.path, 'id'] });
  if (kind === 'tenant') {
    const fields = tenant(value, place);
    return fields && { kind, id: manifestId, fields: clean(fields) };
  }
  if (kind === 'link') {
    const fields = link(value, place);
    return fields && { kind, id: manifestId, fields: clean(fields) };
  }
  const fields = dataCenter(value, place);
  return fields && { kind, id: manifestId, fields: clean(fields) };
}

function kindOfEntry(written: unknown, name: string, place: Place): ManifestKind | undefined {
  if (written === undefined) {
    for (const kind of Object.keys(COLLECTIONS) as ManifestKind[]) {
      if (name.startsWith(`${COLLECTIONS[kind]}/`)) return kind;
    }
    return report(
      place,
      'kind is missing: tenant, data-center or link; jobs are submitted instead: isobar submit -f',
    );
  }
  const given = typeof written === 'string' ? written : JSON.stringify(written);
  const word = given
    .replaceAll(/[-_\s]/g, '')
    .toLowerCase()
    .replace(/s$/, '');
  if (word === 'tenant' || word === 'link') return word;
  if (word === 'datacenter' || word === 'dc') return 'data-center';
  const near = nearMiss(given, Object.keys(COLLECTIONS));
  const meant = near === undefined ? '' : `; did you mean ${near}?`;
  return report(
    { ...place, path: [...place.path, 'kind'] },
    `expected tenant, data-center or link, found ${given}${meant}`,
  );
}

/** What the controller computes: a file that `get` printed has it, and it says nothing. */
const computed: Parser<never> = () => undefined;

function enumWord<E extends Readonly<Record<string, number>>>(
  of: E,
  prefix: string,
): Parser<E[keyof E]> {
  return (value, place) => {
    const word = text(value, place);
    if (word === undefined) return undefined;
    const found = numberOf(of, word.startsWith(prefix) ? word.slice(prefix.length) : word);
    if (found !== undefined) return found;
    const near = nearMiss(word, wordsOf(of));
    const meant = near === undefined ? '' : `; did you mean ${near}?`;
    return report(place, `expected one of ${wordsOf(of).join(', ')}, found ${word}${meant}`);
  };
}

const classification = enumWord(Classification, 'CLASSIFICATION_');
const mapped =
  <A, B>(parser: Parser<A>, map: (value: A) => B): Parser<B> =>
  (value, place) => {
    const parsed = parser(value, place);
    return parsed === undefined ? undefined : map(parsed);
  };
const tenantRef = mapped(text, tenantNameOf);
const dataCenterRef = mapped(text, dataCenterNameOf);
const amount = whole(0, Number.MAX_SAFE_INTEGER);

const quota = mapped(
  object({
    cpu: cpuMillis,
    memory: sizeMib,
    storage: sizeMib,
    gpus: decimal(0, 1e9),
    extra: mapOf(amount),
    cpuMillis: amount,
    memoryMib: amount,
    storageMib: amount,
    deviceThousandths: amount,
  }),
  (given) =>
    Resources.create({
      cpuMillis: given.cpu ?? given.cpuMillis ?? 0,
      memoryMib: given.memory ?? given.memoryMib ?? 0,
      storageMib: given.storage ?? given.storageMib ?? 0,
      deviceThousandths:
        given.gpus === undefined ? (given.deviceThousandths ?? 0) : Math.round(given.gpus * 1000),
      extra: given.extra ?? {},
    }),
);

const location = mapped(
  object({ latitude: decimal(-90, 90), longitude: decimal(-180, 180) }),
  ({ latitude = 0, longitude = 0 }) => ({ latitude, longitude }),
);

const common = { kind: computed, id: computed, name: computed, createTime: computed, etag: text };

const tenant = object(
  {
    ...common,
    displayName: text,
    parent: tenantRef,
    weight: whole(1, 1_000_000),
    homeRegion: text,
    defaultClassification: classification,
    clearance: classification,
    quota,
    maxQueuedJobs: whole(1, 10_000_000),
    allocated: computed,
    queuedJobs: computed,
    runningJobs: computed,
  },
  { region: 'write home_region', classification: 'write default_classification' },
);

const dataCenter = object({
  ...common,
  displayName: text,
  class: enumWord(DataCenterClass, 'DATA_CENTER_CLASS_'),
  region: text,
  location,
  owner: tenantRef,
  labels: mapOf(text),
  clearance: classification,
  accepts: list(tenantRef),
  offers: list(text),
  lease: mapped(durationMs, toDuration),
  priceMicrosPerCpuHour: amount,
  state: computed,
  reachable: computed,
  executor: computed,
  placement: computed,
  nodeCount: computed,
  capacity: computed,
  allocated: computed,
  foreign: computed,
  runCount: computed,
});

const link = object(
  {
    ...common,
    source: dataCenterRef,
    target: dataCenterRef,
    bandwidthMbps: whole(1, Number.MAX_SAFE_INTEGER),
    latencyMicros: amount,
    priceMicrosPerGib: amount,
    down: flag,
  },
  {
    from: 'write source',
    to: 'write target',
    bandwidth: 'write bandwidth_mbps',
    latency: 'write latency_micros',
  },
);

type Fields = ObjectOf<Readonly<Record<string, Parser<unknown>>>>;

/** Without the keys that said nothing. */
function clean<T extends Fields>(fields: T): Omit<T, 'kind' | 'id' | 'name'> {
  const { kind: _kind, id: _id, name: _name, ...rest } = fields;
  return rest;
}
