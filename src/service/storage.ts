/** Opens the storage of galleries: the engines, and the stores beside them. */
import { availableParallelism } from 'node:os'
import type { Logger } from 'pino'
import type { Config } from '../config/config.js'
import type { ModelFolders } from '../embedding/model-folders.js'
import { type EmbeddedEngine, openEmbedded } from '../engines/embedded/embedded-engine.js'
import { indexPartsWanted } from '../engines/embedded/vector-index/index-threads.js'
import type { WeaviateEngine } from '../engines/weaviate/weaviate-engine.js'
import { AlikeError } from '../errors.js'
import type { Engine } from '../gallery/engine.js'
import { type Galleries, openGalleries } from '../gallery/galleries.js'
import { allEntries } from '../gallery/gallery-list.js'
import { isKept } from '../gallery/prepared-sets.js'
import { RemovedSets } from '../gallery/removed-sets.js'
import { activeJobStates } from '../jobs/job.js'
import { FolderOwners } from '../originals/folder-owners.js'
import { KeptQueries } from '../originals/kept-queries.js'
import { openS3Owners } from '../originals/open-originals.js'
import { putFile } from '../originals/original-files.js'
import type { Owners } from '../originals/original-store.js'
import { openQueryStores } from '../originals/query-stores.js'
import { servable } from './models.js'
import type { Opening } from './opened-parts.js'
import { openStores, type Stores } from './stores.js'

export interface Storage {
  embedded: EmbeddedEngine
  stores: Stores
  galleries: Galleries
  /** Query pictures that are kept. */
  queries: KeptQueries
  /** Of originals and kept queries: the bucket's, or the data folder's. */
  owners: Owners
  folderOwners: Owners
}

export async function openStorage(opening: Opening, folders: ModelFolders): Promise<Storage> {
  const { config, logger, metrics, opened } = opening
  const embedded = opened.add(await openEmbeddedOf(opening))
  const stores = opened.add(await openStores(config, embedded, { name: 'embedded', models: folders, logger }))
  const weaviate = await openWeaviateOf(opening, stores)
  if (weaviate !== undefined) opened.add(weaviate)
  const engines = { embedded, ...(weaviate && { weaviate }) }
  if (config.role !== 'all' && weaviate === undefined)
    logger.warn('WEAVIATE_URL is not set: pictures are stored in this process’s data folder, where no other finds them')
  const folderOwners = await openFolderOwners(opening, { embedded, stores })
  const owners = (await openBucketOwners(opening, { embedded, stores })) ?? folderOwners
  const queries = await openKeptQueries(opening, { galleries: () => galleries, owners, embedded })
  const galleries: Galleries = await openGalleries({
    ...stores,
    engines,
    engineOfNew: engineOfNew(config, engines),
    models: servable(folders),
    takesUnprepared: config.role !== 'work',
    originals: config.originals,
    onModelMissing: ({ name, set: { modelId } }) =>
      logger.warn(
        { code: 'model_mismatch', gallery: name, modelId },
        'the model of a gallery is not installed: its pictures can be read, but neither searched nor added to',
      ),
    onDeleted: (uid) => void queries.forget(uid),
    limits: {
      galleriesMax: config.galleriesMax,
      pageMaxLength: pageMaxLengthOf(config),
      changedMax: config.setChangedMax,
    },
    pages: {
      rankingsMax: config.pageRankingsMax,
      rankingsMaxBytes: config.pageRankingsMaxBytes,
      expirySeconds: config.pageExpirySeconds,
    },
    onRankingDrop: metrics.countRankingDrop,
  })
  opened.add(galleries)
  opened.add(new RemovedSets({ catalogue: stores.catalogue, engines, shared: galleries.writes.shared, logger }))
  opened.add(queries)
  void queries.sweep() // of galleries deleted by a previous process
  return { embedded, stores, galleries, queries, owners, folderOwners }
}

/** Who else uses the data folder: it may be used with PostgreSQL at times, and without at others. */
async function openFolderOwners(
  { config, logger }: Opening,
  { embedded, stores }: Pick<Storage, 'embedded' | 'stores'>,
): Promise<Owners> {
  const { dataDir, postgresUrl, originalsS3Bucket } = config
  const owners = new FolderOwners({
    dataDir,
    ...(postgresUrl !== '' && { id: () => stores.installation(), isOtherwiseUsed: () => isCataloguedIn(embedded) }),
    onOthers: (others) =>
      logger.warn(
        { code: 'folder_shared', others },
        'the data folder holds files that another catalogue knows: nothing unknown is deleted there',
      ),
  })
  if (originalsS3Bucket === '') await owners.register().catch(warned(logger))
  return owners
}

/** Whether the engine's own database lists galleries, other than as numbers of sets, or unfinished jobs. */
async function isCataloguedIn({ catalogue, jobs }: EmbeddedEngine): Promise<boolean> {
  if ((await jobs.list({ states: activeJobStates, limit: 1 })).length > 0) return true
  for await (const { name, uid } of allEntries(catalogue)) if (name !== uid) return true
  return false
}

const warned = (logger: Logger) => (err: unknown) =>
  logger.warn({ err }, 'the marker of this installation could not be left yet')

async function openBucketOwners(
  { config, logger }: Opening,
  { embedded, stores }: Pick<Storage, 'embedded' | 'stores'>,
): Promise<Owners | undefined> {
  const owners = await openS3Owners(config, {
    id: () => stores.installation(),
    async knows(contentHashes) {
      if (contentHashes.length > 0 && config.postgresUrl === '' && config.weaviateUrl === '')
        return contentHashes.some((contentHash) => embedded.originalUses.isUsed(contentHash))
      return (await stores.catalogue.entries({ after: '', limit: 1 })).length > 0
    },
    onOthers: (others) =>
      logger.warn(
        { code: 'bucket_shared', others, prefix: `${config.originalsS3Prefix}installations/` },
        'other installations use the bucket of originals: nothing unused is deleted there until their markers are gone',
      ),
  })
  // what a restored installation only reads must not be deleted either; it need not wait for the bucket
  void owners?.register().catch(warned(logger))
  return owners
}

/** @param means.galleries set before the first query arrives */
async function openKeptQueries(
  { config, logger, metrics }: Opening,
  { galleries, owners, embedded }: { galleries: () => Galleries; owners: Owners; embedded: EmbeddedEngine },
): Promise<KeptQueries> {
  const put: typeof putFile = async (path, bytes) => {
    embedded.expectWritable() // the last room is kept for deletions
    await putFile(path, bytes)
  }
  return new KeptQueries({
    stores: await openQueryStores(config, { owners, put }),
    rules: (gallery) => galleries().rules(gallery),
    wanted: async () => {
      const rules = await galleries().rulesByUid()
      return new Map([...rules].map(([uid, { keepQueries }]) => [uid, keepQueries]))
    },
    days: config.keptQueriesDays,
    onQuery: metrics.countKeptQuery,
    logger,
  })
}

/** Maximum characters of records on one page, so that a response stays within its limit whatever the characters. */
const pageMaxLengthOf = ({ answerMaxBytes }: Config): number => answerMaxBytes / 4

function openEmbeddedOf({ config, logger, metrics }: Opening): Promise<EmbeddedEngine> {
  return openEmbedded({
    dataDir: config.dataDir,
    damagedRecords: 'named',
    cataloguedElsewhere: config.postgresUrl !== '',
    index: { exactBelow: config.exactBelow, parts: indexPartsWanted(config, availableParallelism()) },
    storage: {
      pageMaxLength: pageMaxLengthOf(config),
      galleryImagesMax: config.galleryMaxImages,
      feedbackMax: config.feedbackMax,
      decisionsMax: config.decisionsMax,
      databaseMaxBytes: config.databaseMaxBytes,
      graphCacheAfterWrites: config.graphCacheAfterWrites,
      graphCacheAfterSeconds: config.graphCacheAfterSeconds,
    },
    logger,
    onIndexRebuild: metrics.countIndexRebuild,
  })
}

/** @throws AlikeError `engine_version_refused`, `engine_setting_refused`, `config_invalid` */
async function openWeaviateOf(
  { config, logger, metrics }: Opening,
  { catalogue }: Stores,
): Promise<WeaviateEngine | undefined> {
  if (config.weaviateUrl === '') return undefined
  const { openWeaviate } = await import('../engines/weaviate/weaviate-engine.js') // a large package, loaded only with a server
  return openWeaviate({
    server: {
      url: config.weaviateUrl,
      grpcAddress: config.weaviateGrpc || `${new URL(config.weaviateUrl).hostname}:50051`,
      apiKey: config.weaviateApiKey,
      consistency: config.weaviateConsistency,
      timeoutMs: config.weaviateTimeoutMs,
    },
    layout: {
      shards: config.weaviateShards,
      replicas: config.weaviateReplicas,
      quantisation: config.weaviateQuantisation,
    },
    storage: { pageMaxLength: pageMaxLengthOf(config) },
    isKept: (set) => isKept(set, catalogue),
    logger,
    onRepair: metrics.countIndexRepair,
  })
}

/** @throws AlikeError `config_invalid` */
function engineOfNew({ defaultEngine }: Config, engines: Readonly<Record<string, Engine>>): string {
  if (defaultEngine === '' || defaultEngine in engines) return defaultEngine || 'embedded'
  const detail = `DEFAULT_ENGINE must be one of ${Object.keys(engines).join(', ')}, not "${defaultEngine}".`
  throw new AlikeError('config_invalid', { detail })
}
