// LinkService: the connections between data centers.
import { linkName } from '#domain/names.ts';
import { LinkServiceService } from '#gen/isobar/v1/link.ts';
import { previewLink } from '#loop/previews.ts';
import { toLinkView } from '#loop/views.ts';
import { FEDERATION } from '../authorize.ts';
import type { Handlers } from '../call.ts';
import { checkId, etagOf, idsOf } from '../convert/fields.ts';
import { toLinkEntity } from '../convert/link.ts';
import { pageByKey, pageOf } from '../convert/paging.ts';
import { unary } from './checked.ts';
import { noSuch } from './missing.ts';
import { change, readAt, type Parts } from './parts.ts';

export function linkHandlers(parts: Parts): Handlers<LinkServiceService> {
  return {
    createLink: unary(
      ({ linkId, link, validateOnly }, wrong) => {
        checkId(linkId, 'link_id', wrong);
        return {
          concern: FEDERATION,
          parsed: { entity: toLinkEntity(linkId, link, wrong), validateOnly },
        };
      },
      async ({ entity, validateOnly }, context) => {
        const command = { kind: 'putLink', mode: 'create', entity, etag: undefined } as const;
        return (
          await change(parts, context, command, validateOnly, (state) => previewLink(state, entity))
        ).value;
      },
    ),
    getLink: unary(
      ({ name, minRevision }, wrong) => {
        const [id = ''] = idsOf('links/*', name, 'name', wrong) ?? [];
        return { concern: FEDERATION, parsed: { id, minRevision } };
      },
      async ({ id, minRevision }, context) => {
        const { value } = await readAt(parts, minRevision, context, ({ links }) => {
          const found = links.get(id);
          return found && toLinkView(found);
        });
        if (value === undefined) throw noSuch('link', linkName(id));
        return value;
      },
    ),
    listLinks: unary(
      (request, wrong) => {
        const page = pageOf(request, 'links', wrong);
        return { concern: FEDERATION, parsed: { page, minRevision: request.minRevision } };
      },
      async ({ page, minRevision }, context) => {
        const { value, revision } = await readAt(parts, minRevision, context, ({ links }) => {
          const { items, nextPageToken } = pageByKey(
            links.values(),
            ({ entity }) => entity.id,
            page,
            'links',
          );
          return { links: items.map(toLinkView), nextPageToken };
        });
        return { ...value, revision };
      },
    ),
    updateLink: unary(
      ({ link, validateOnly }, wrong) => {
        const [id = ''] = idsOf('links/*', link?.name ?? '', 'link.name', wrong) ?? [];
        const entity = toLinkEntity(id, link, wrong);
        return {
          concern: FEDERATION,
          parsed: { entity, etag: etagOf(link?.etag ?? ''), validateOnly },
        };
      },
      async ({ entity, etag, validateOnly }, context) => {
        const command = { kind: 'putLink', mode: 'update', entity, etag } as const;
        return (
          await change(parts, context, command, validateOnly, (state) => previewLink(state, entity))
        ).value;
      },
    ),
    deleteLink: unary(
      ({ name, etag, validateOnly }, wrong) => {
        const [id = ''] = idsOf('links/*', name, 'name', wrong) ?? [];
        return { concern: FEDERATION, parsed: { id, etag: etagOf(etag), validateOnly } };
      },
      async ({ id, etag, validateOnly }, context) => {
        const command = { kind: 'deleteLink', id, etag } as const;
        const { revision } = await change(parts, context, command, validateOnly, () => undefined);
        return { revision };
      },
    ),
  };
}
