// Data centers, their nodes, and the links between them.
import {
  CordonDataCenterRequest,
  CreateDataCenterRequest,
  CreateEnrolmentTokenRequest,
  type CreateEnrolmentTokenResponse,
  DataCenter,
  DataCenterServiceService,
  DeleteDataCenterRequest,
  DrainDataCenterRequest,
  type DrainDataCenterResponse,
  GetDataCenterRequest,
  ListDataCentersRequest,
  UncordonDataCenterRequest,
  UpdateDataCenterRequest,
} from '#gen/isobar/v1/data_center.ts';
import {
  CreateLinkRequest,
  DeleteLinkRequest,
  GetLinkRequest,
  Link,
  LinkServiceService,
  ListLinksRequest,
  UpdateLinkRequest,
} from '#gen/isobar/v1/link.ts';
import {
  CordonNodeRequest,
  DrainNodeRequest,
  type DrainNodeResponse,
  GetNodeRequest,
  ListNodesRequest,
  type Node,
  NodeServiceService,
  UncordonNodeRequest,
} from '#gen/isobar/v1/node.ts';
import {
  type Connection,
  type ListOptions,
  pageFields,
  type ReadOptions,
  type WriteOptions,
} from './connection.ts';
import { Listing } from './listing.ts';
import { dataCenterNameOf, linkNameOf, nodeNameOf } from './names.ts';
import { type CallOptions, type ClientOf, makeClient } from './rpc.ts';

export interface DeleteOptions extends WriteOptions {
  /** Must match when given. */
  readonly etag?: string | undefined;
}

export class DataCenters {
  readonly #rpc: ClientOf<DataCenterServiceService>;

  constructor({ channel }: Connection) {
    this.#rpc = makeClient(DataCenterServiceService, channel);
  }

  async create(id: string, fields: Partial<DataCenter>, options: WriteOptions = {}) {
    const { validateOnly = false } = options;
    const dataCenter = DataCenter.create(fields);
    const request = CreateDataCenterRequest.create({ dataCenterId: id, dataCenter, validateOnly });
    return this.#rpc.createDataCenter(request, options);
  }

  async get(dataCenter: string, options: ReadOptions = {}): Promise<DataCenter> {
    const { minRevision = 0 } = options;
    const name = dataCenterNameOf(dataCenter);
    return this.#rpc.getDataCenter(GetDataCenterRequest.create({ name, minRevision }), options);
  }

  list(options: ListOptions = {}): Listing<DataCenter> {
    return new Listing(async (pageToken) => {
      const request = ListDataCentersRequest.create(pageFields(options, pageToken));
      const { dataCenters, ...page } = await this.#rpc.listDataCenters(request, options);
      return { items: dataCenters, ...page };
    });
  }

  /** Replaces the named fields (snake_case); without `fields` all that are not output only. */
  async update(
    dataCenter: DataCenter,
    options: WriteOptions & { readonly fields?: readonly string[] | undefined } = {},
  ): Promise<DataCenter> {
    const { validateOnly = false, fields } = options;
    const request = UpdateDataCenterRequest.create({
      dataCenter,
      validateOnly,
      ...(fields && { updateMask: [...fields] }),
    });
    return this.#rpc.updateDataCenter(request, options);
  }

  /** Only one in which nothing runs: drain it first. */
  async delete(dataCenter: string, options: DeleteOptions = {}): Promise<number> {
    const { validateOnly = false, etag = '' } = options;
    const name = dataCenterNameOf(dataCenter);
    const request = DeleteDataCenterRequest.create({ name, etag, validateOnly });
    return (await this.#rpc.deleteDataCenter(request, options)).revision;
  }

  /** Stops new runs; those that run go on. */
  async cordon(dataCenter: string, options: WriteOptions = {}): Promise<DataCenter> {
    const { validateOnly = false } = options;
    const name = dataCenterNameOf(dataCenter);
    const request = CordonDataCenterRequest.create({ name, validateOnly });
    return this.#rpc.cordonDataCenter(request, options);
  }

  async uncordon(dataCenter: string, options: WriteOptions = {}): Promise<DataCenter> {
    const { validateOnly = false } = options;
    const name = dataCenterNameOf(dataCenter);
    const request = UncordonDataCenterRequest.create({ name, validateOnly });
    return this.#rpc.uncordonDataCenter(request, options);
  }

  /**
   * Cordons, then stops the runs and queues their jobs again elsewhere; when the last has ended, the data center has left. With
   * `validateOnly` says what would happen.
   */
  async drain(dataCenter: string, options: WriteOptions = {}): Promise<DrainDataCenterResponse> {
    const { validateOnly = false } = options;
    const name = dataCenterNameOf(dataCenter);
    const request = DrainDataCenterRequest.create({ name, validateOnly });
    return this.#rpc.drainDataCenter(request, options);
  }

  /** A secret with which the agent of the data center enrols once, within an hour. */
  async createToken(
    dataCenter: string,
    options: CallOptions = {},
  ): Promise<CreateEnrolmentTokenResponse> {
    const request = CreateEnrolmentTokenRequest.create({
      dataCenter: dataCenterNameOf(dataCenter),
    });
    return this.#rpc.createEnrolmentToken(request, options);
  }
}

export class Nodes {
  readonly #rpc: ClientOf<NodeServiceService>;

  constructor({ channel }: Connection) {
    this.#rpc = makeClient(NodeServiceService, channel);
  }

  async get(node: string, options: ReadOptions = {}): Promise<Node> {
    const { minRevision = 0 } = options;
    const name = nodeNameOf(node);
    return this.#rpc.getNode(GetNodeRequest.create({ name, minRevision }), options);
  }

  /** Of one data center, or of all. */
  list(options: ListOptions & { readonly dataCenter?: string | undefined } = {}): Listing<Node> {
    return new Listing(async (pageToken) => {
      const parent = dataCenterNameOf(options.dataCenter ?? '-');
      const request = ListNodesRequest.create({ parent, ...pageFields(options, pageToken) });
      const { nodes, ...page } = await this.#rpc.listNodes(request, options);
      return { items: nodes, ...page };
    });
  }

  async cordon(node: string, options: WriteOptions = {}): Promise<Node> {
    const { validateOnly = false } = options;
    const name = nodeNameOf(node);
    return this.#rpc.cordonNode(CordonNodeRequest.create({ name, validateOnly }), options);
  }

  async uncordon(node: string, options: WriteOptions = {}): Promise<Node> {
    const { validateOnly = false } = options;
    const name = nodeNameOf(node);
    return this.#rpc.uncordonNode(UncordonNodeRequest.create({ name, validateOnly }), options);
  }

  /** Cordons, then stops the runs on it and queues their jobs again. With `validateOnly` says what would happen. */
  async drain(node: string, options: WriteOptions = {}): Promise<DrainNodeResponse> {
    const { validateOnly = false } = options;
    const name = nodeNameOf(node);
    return this.#rpc.drainNode(DrainNodeRequest.create({ name, validateOnly }), options);
  }
}

export class Links {
  readonly #rpc: ClientOf<LinkServiceService>;

  constructor({ channel }: Connection) {
    this.#rpc = makeClient(LinkServiceService, channel);
  }

  async create(id: string, fields: Partial<Link>, options: WriteOptions = {}): Promise<Link> {
    const { validateOnly = false } = options;
    const link = Link.create(fields);
    return this.#rpc.createLink(
      CreateLinkRequest.create({ linkId: id, link, validateOnly }),
      options,
    );
  }

  async get(link: string, options: ReadOptions = {}): Promise<Link> {
    const { minRevision = 0 } = options;
    const name = linkNameOf(link);
    return this.#rpc.getLink(GetLinkRequest.create({ name, minRevision }), options);
  }

  list(options: ListOptions = {}): Listing<Link> {
    return new Listing(async (pageToken) => {
      const request = ListLinksRequest.create(pageFields(options, pageToken));
      const { links, ...page } = await this.#rpc.listLinks(request, options);
      return { items: links, ...page };
    });
  }

  /** Replaces all of it. */
  async update(link: Link, options: WriteOptions = {}): Promise<Link> {
    const { validateOnly = false } = options;
    return this.#rpc.updateLink(UpdateLinkRequest.create({ link, validateOnly }), options);
  }

  async delete(link: string, options: DeleteOptions = {}): Promise<number> {
    const { validateOnly = false, etag = '' } = options;
    const name = linkNameOf(link);
    const request = DeleteLinkRequest.create({ name, etag, validateOnly });
    return (await this.#rpc.deleteLink(request, options)).revision;
  }
}
