// NodeService: the machines of the data centers, as their agents report them.
import { dataCenterName, nodeName } from '#domain/names.ts';
import { NodeServiceService, type Node as View } from '#gen/isobar/v1/node.ts';
import type { DataCenter, State } from '#loop/requests.ts';
import { toNodeView } from '#loop/views.ts';
import { previewDrain } from '#loop/what-if.ts';
import { FEDERATION } from '../authorize.ts';
import type { Handlers } from '../call.ts';
import type { Wrong } from '#domain/refusal.ts';
import { EVERY, idsOf } from '../convert/fields.ts';
import { pageOf, tokenOf } from '../convert/paging.ts';
import { unary } from './checked.ts';
import { noSuch } from './missing.ts';
import { change, readAt, type Parts } from './parts.ts';

export function nodeHandlers(parts: Parts): Handlers<NodeServiceService> {
  return {
    getNode: unary(
      ({ name, minRevision }, wrong) => ({
        concern: FEDERATION,
        parsed: { ...nodeOf(name, wrong), minRevision },
      }),
      async ({ dataCenter, node, minRevision }, context) => {
        const { value } = await readAt(parts, minRevision, context, (state) =>
          viewOf(state, dataCenter, node),
        );
        if (value === undefined) throw noSuch('node', nodeName(dataCenter, node));
        return value;
      },
    ),
    listNodes: unary(
      (request, wrong) => {
        const [dataCenter = ''] = idsOf('dataCenters/*', request.parent, 'parent', wrong) ?? [];
        const { size, after } = pageOf(request, 'nodes', wrong);
        const parsed = {
          dataCenter,
          size,
          after: placeOf(after, wrong),
          minRevision: request.minRevision,
        };
        return { concern: FEDERATION, parsed };
      },
      async ({ dataCenter, size, after, minRevision }, context) => {
        const { value, revision } = await readAt(parts, minRevision, context, (state) => {
          if (dataCenter !== EVERY && !state.dataCenters.has(dataCenter)) return undefined;
          return pageOfNodes(state, dataCenter, size, after);
        });
        if (value === undefined) throw noSuch('data center', dataCenterName(dataCenter));
        return { ...value, revision };
      },
    ),
    cordonNode: cordon(parts, true),
    uncordonNode: cordon(parts, false),
    drainNode: unary(
      ({ name, validateOnly }, wrong) => ({
        concern: FEDERATION,
        parsed: { ...nodeOf(name, wrong), validateOnly },
      }),
      async ({ dataCenter, node, validateOnly }, context) => {
        // Looked at before: afterwards its runs are on their way out, and what they hold is not free yet.
        const preview = await previewDrain(parts, { id: dataCenter, node }, context.signal);
        const command = { kind: 'drainNode', dataCenter, node } as const;
        const { value } = await change(
          parts,
          context,
          command,
          validateOnly,
          (state, { movedRuns }) => ({ view: viewOf(state, dataCenter, node), movedRuns }),
        );
        const { view, movedRuns } = value;
        if (view === undefined) throw noSuch('node', nodeName(dataCenter, node));
        const waitingRuns = Math.min(preview.waitingRuns, movedRuns);
        return { node: { ...view, cordoned: true }, movedRuns, waitingRuns };
      },
    ),
  };
}

interface NodeRequest {
  readonly name: string;
  readonly validateOnly: boolean;
}

function cordon(parts: Parts, cordoned: boolean) {
  return unary(
    ({ name, validateOnly }: NodeRequest, wrong) => ({
      concern: FEDERATION,
      parsed: { ...nodeOf(name, wrong), validateOnly },
    }),
    async ({ dataCenter, node, validateOnly }, context): Promise<View> => {
      const command = { kind: 'cordonNode', dataCenter, node, cordoned } as const;
      const read = (state: State) => viewOf(state, dataCenter, node);
      const { value } = await change(parts, context, command, validateOnly, read);
      if (value === undefined) throw noSuch('node', nodeName(dataCenter, node));
      return validateOnly ? { ...value, cordoned } : value;
    },
  );
}

function nodeOf(
  name: string,
  wrong: Wrong,
): { readonly dataCenter: string; readonly node: string } {
  const [dataCenter = '', node = ''] = idsOf('dataCenters/*/nodes/*', name, 'name', wrong) ?? [];
  return { dataCenter, node };
}

function viewOf(state: State, id: string, node: string): View | undefined {
  const dataCenter = state.dataCenters.get(id);
  const row = dataCenter?.nodes.get(node);
  if (dataCenter === undefined || row === undefined || state.nodes.removed[row] === 1)
    return undefined;
  return toNodeView(state, dataCenter, row);
}

/** Where a page ended: the data center by its index, the node, and its place in case that it is gone. */
interface Place {
  readonly index: number;
  readonly node: string;
  readonly at: number;
}

function placeOf(after: string, wrong: Wrong): Place | undefined {
  if (after === '') return undefined;
  const match = /^(\d+) (\d+) (.*)$/s.exec(after);
  if (match === null) wrong('page_token', 'is not one of this list; ask for the first page again');
  return { index: Number(match?.[1]), at: Number(match?.[2]), node: match?.[3] ?? '' };
}

/** In the order of registration: of the data centers, and of the nodes in each. */
function pageOfNodes(state: State, parent: string, size: number, after: Place | undefined) {
  const nodes: View[] = [];
  let last: Place | undefined;
  for (const dataCenter of state.dataCenterList) {
    if (dataCenter === undefined || (parent !== EVERY && dataCenter.entity.id !== parent)) continue;
    if (after !== undefined && dataCenter.index < after.index) continue;
    const isResumed = dataCenter.index === after?.index;
    for (const place of nodesOf(dataCenter, isResumed ? after : undefined)) {
      const row = dataCenter.nodes.get(place.node)!; // one of its own
      if (state.nodes.removed[row] === 1) continue;
      if (nodes.length === size)
        return { nodes, nextPageToken: last === undefined ? '' : textOf(last) };
      nodes.push(toNodeView(state, dataCenter, row));
      last = place;
    }
  }
  return { nodes, nextPageToken: '' };
}

function* nodesOf(dataCenter: DataCenter, after: Place | undefined): Iterable<Place> {
  const { index } = dataCenter;
  const isKnown = after !== undefined && dataCenter.nodes.has(after.node);
  let isPast = after === undefined;
  let at = 0;
  for (const node of dataCenter.nodes.keys()) {
    if (isPast || (!isKnown && after !== undefined && at >= after.at)) yield { index, node, at };
    else if (node === after?.node) isPast = true;
    at++;
  }
}

function textOf({ index, at, node }: Place): string {
  return tokenOf('nodes', `${index} ${at} ${node}`);
}
