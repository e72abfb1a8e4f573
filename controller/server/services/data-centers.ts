// DataCenterService: the members of the federation, and how people open and close them.
import { dataCenterName } from '#domain/names.ts';
import type { DataCenter as Entity } from '#gen/isobar/log/v1/entity.ts';
import { DataCenterServiceService, type DataCenter as View } from '#gen/isobar/v1/data_center.ts';
import { previewDataCenter } from '#loop/previews.ts';
import { toDataCenterView } from '#loop/views.ts';
import { previewDrain } from '#loop/what-if.ts';
import type { State } from '#loop/requests.ts';
import { FEDERATION } from '../authorize.ts';
import type { Handlers } from '../call.ts';
import {
  isNamed,
  merged,
  pathsOf,
  toDataCenterEntity,
  withoutExecutorOffers,
} from '../convert/data-center.ts';
import { checkId, etagOf, idsOf } from '../convert/fields.ts';
import { pageByKey, pageOf } from '../convert/paging.ts';
import { RefusalError } from '../errors.ts';
import type { CallContext } from '../running-call.ts';
import { unary } from './checked.ts';
import { noSuch } from './missing.ts';
import { change, readAt, type Changed, type Parts } from './parts.ts';
import { handOutToken } from './hand-out.ts';

/** Data centers change rarely: who meets another writer so often meets a loop. */
const MERGE_ATTEMPTS = 5;

export function dataCenterHandlers(parts: Parts): Handlers<DataCenterServiceService> {
  return {
    createDataCenter: unary(
      ({ dataCenterId, dataCenter, validateOnly }, wrong) => {
        checkId(dataCenterId, 'data_center_id', wrong);
        const entity = toDataCenterEntity(dataCenterId, dataCenter, wrong);
        return { concern: FEDERATION, parsed: { entity, validateOnly } };
      },
      async ({ entity, validateOnly }, context) => {
        const command = { kind: 'putDataCenter', mode: 'create', entity, etag: undefined } as const;
        const read = (state: State) => previewDataCenter(state, entity);
        return (await change(parts, context, command, validateOnly, read)).value;
      },
    ),
    getDataCenter: unary(
      ({ name, minRevision }, wrong) => {
        const [id = ''] = idsOf('dataCenters/*', name, 'name', wrong) ?? [];
        return { concern: FEDERATION, parsed: { id, minRevision } };
      },
      async ({ id, minRevision }, context) => {
        const { value } = await readAt(parts, minRevision, context, (state) => viewOf(state, id));
        if (value === undefined) throw noSuch('data center', dataCenterName(id));
        return value;
      },
    ),
    listDataCenters: unary(
      (request, wrong) => {
        const page = pageOf(request, 'dataCenters', wrong);
        return { concern: FEDERATION, parsed: { page, minRevision: request.minRevision } };
      },
      async ({ page, minRevision }, context) => {
        const { value, revision } = await readAt(parts, minRevision, context, (state) => {
          const all = state.dataCenters.values();
          const { items, nextPageToken } = pageByKey(
            all,
            ({ entity }) => entity.id,
            page,
            'dataCenters',
          );
          return { dataCenters: items.map((row) => toDataCenterView(state, row)), nextPageToken };
        });
        return { ...value, revision };
      },
    ),
    updateDataCenter: unary(
      ({ dataCenter, updateMask, validateOnly }, wrong) => {
        const [id = ''] =
          idsOf('dataCenters/*', dataCenter?.name ?? '', 'data_center.name', wrong) ?? [];
        const paths = pathsOf(updateMask ?? [], wrong);
        // What the mask leaves alone need not be there, and so is not looked at.
        const entity = toDataCenterEntity(id, dataCenter, (field, description) => {
          if (isNamed(paths, field)) wrong(field, description);
        });
        const etag = etagOf(dataCenter?.etag ?? '');
        return { concern: FEDERATION, parsed: { id, entity, paths, etag, validateOnly } };
      },
      async (update, context) => (await updateDataCenter(parts, update, context)).value,
    ),
    deleteDataCenter: unary(
      ({ name, etag, validateOnly }, wrong) => {
        const [id = ''] = idsOf('dataCenters/*', name, 'name', wrong) ?? [];
        return { concern: FEDERATION, parsed: { id, etag: etagOf(etag), validateOnly } };
      },
      async ({ id, etag, validateOnly }, context) => {
        const command = { kind: 'deleteDataCenter', id, etag } as const;
        const { revision } = await change(parts, context, command, validateOnly, () => undefined);
        return { revision };
      },
    ),
    cordonDataCenter: mover(parts, 'cordon'),
    uncordonDataCenter: mover(parts, 'uncordon'),
    drainDataCenter: unary(
      ({ name, validateOnly }, wrong) => {
        const [id = ''] = idsOf('dataCenters/*', name, 'name', wrong) ?? [];
        return { concern: FEDERATION, parsed: { id, validateOnly } };
      },
      async ({ id, validateOnly }, context) => {
        // Looked at before: afterwards its runs are on their way out, and what they hold is not free yet.
        const preview = await previewDrain(parts, { id }, context.signal);
        const command = { kind: 'moveDataCenter', id, verb: 'drain' } as const;
        const { value } = await change(
          parts,
          context,
          command,
          validateOnly,
          (state, { movedRuns }) => ({
            dataCenter: viewOf(state, id),
            movedRuns,
          }),
        );
        return { ...value, waitingRuns: Math.min(preview.waitingRuns, value.movedRuns) };
      },
    ),
    createEnrolmentToken: unary(
      ({ dataCenter }, wrong) => {
        const [id = ''] = idsOf('dataCenters/*', dataCenter, 'data_center', wrong) ?? [];
        return { concern: FEDERATION, parsed: id };
      },
      async (dataCenter, context) => {
        const { token, secret, expireTime } = handOutToken(parts, { kind: 'agent', dataCenter });
        const command = { kind: 'createToken', dataCenter, token } as const;
        await change(parts, context, command, false, () => undefined);
        return { token: secret, expireTime };
      },
    ),
  };
}

function mover(parts: Parts, verb: 'cordon' | 'uncordon') {
  return unary<
    { name: string; validateOnly: boolean },
    View,
    { id: string; validateOnly: boolean }
  >(
    ({ name, validateOnly }, wrong) => {
      const [id = ''] = idsOf('dataCenters/*', name, 'name', wrong) ?? [];
      return { concern: FEDERATION, parsed: { id, validateOnly } };
    },
    async ({ id, validateOnly }, context) => {
      const command = { kind: 'moveDataCenter', id, verb } as const;
      const { value } = await change(parts, context, command, validateOnly, (state) =>
        viewOf(state, id),
      );
      if (value === undefined) throw noSuch('data center', dataCenterName(id));
      return value;
    },
  );
}

interface Update {
  readonly id: string;
  readonly entity: Entity;
  readonly paths: ReturnType<typeof pathsOf>;
  readonly etag: number | undefined;
  readonly validateOnly: boolean;
}

/** What is not named is taken from what is there; whoever wrote meanwhile makes it start again. */
async function updateDataCenter(
  parts: Parts,
  update: Update,
  context: CallContext,
): Promise<Changed<View>> {
  const { id, entity, paths, etag, validateOnly } = update;
  for (let attempt = 1; ; attempt++) {
    const current = parts.loop.state.dataCenters.get(id);
    if (current === undefined) throw noSuch('data center', dataCenterName(id));
    const offers = withoutExecutorOffers(
      entity.offers,
      current.entity.offers,
      current.executorOffers,
    );
    const next = merged(current.entity, { ...entity, offers }, paths);
    const command = {
      kind: 'putDataCenter',
      mode: 'update',
      entity: next,
      etag: etag ?? current.revision,
    } as const;
    try {
      return await change(parts, context, command, validateOnly, (state) =>
        previewDataCenter(state, next),
      );
    } catch (error) {
      const isStale = error instanceof RefusalError && error.refusal.reason === 'ETAG_MISMATCH';
      if (!isStale || etag !== undefined || attempt === MERGE_ATTEMPTS) throw error;
    }
  }
}

function viewOf(state: State, id: string): View | undefined {
  const row = state.dataCenters.get(id);
  return row && toDataCenterView(state, row);
}
