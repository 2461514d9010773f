/** Creating a gallery, or finding that the same gallery exists. */
import { isDeepStrictEqual } from 'node:util'
import { AlikeError, hasCode, ignoring } from '../errors.js'
import { type CatalogueRecord, type NewCatalogueEntry, newUid } from './catalogue.js'
import type { StorageWishes } from './engine.js'
import { type GalleryChange, newOptions } from './gallery-options.js'
import type { Metadata } from './metadata.js'
import { aboutUnprepared, expectGranted, holdPreparing, isWhole, prepareStorageOf } from './prepared-sets.js'
import type { RoutedSets } from './routed-sets.js'
import type { ServableModel } from './servable-models.js'
import type { SharedWrites } from './writes.js'

export interface NewGalleryOptions
  extends StorageWishes,
    Pick<GalleryChange, 'originals' | 'keepQueries' | 'maxImages'> {
  /** Id or name of the serving model; default: the default model, or the one already serving it. */
  model?: string | undefined
  /** Name of its engine; undefined: that of new galleries, or the one it is already in. */
  engine?: string | undefined
}

interface NewGallery extends NewGalleryOptions {
  name: string
  /** Settings of the owner; undefined: none, or those it already has. */
  settings?: Metadata | undefined
  /** Name of the engine for new galleries. */
  engineOfNew: string
  galleriesMax: number
  /** Defined if other processes may create it at the same time. */
  shared: SharedWrites | undefined
}

const triesMax = 5

/**
 * @throws AlikeError `gallery_exists` if it exists with other settings, another model or in another engine,
 * `model_not_found`, `engine_not_found`, `engine_unsupported`, `engine_unreachable`, `galleries_full`, `gallery_lost`, `gallery_elsewhere`,
 * `overloaded`, `store_unreachable`
 */
export async function createGallery(
  routed: RoutedSets,
  request: NewGallery,
): Promise<{ gallery: CatalogueRecord; created: boolean }> {
  for (let tries = 1; ; tries++) {
    const found = await createOnce(routed, request)
    if (found !== undefined) return found
    if (tries === triesMax) throw new AlikeError('gallery_not_found', { detail: 'It was removed in this moment.' })
  }
}

/** @returns undefined if it existed, and was removed before its storage was prepared: by the request that was creating it */
async function createOnce(
  routed: RoutedSets,
  request: NewGallery,
): Promise<{ gallery: CatalogueRecord; created: boolean } | undefined> {
  const { name, engine, engineOfNew, shared } = request
  const model = request.model === undefined ? routed.models.standard : routed.models.get(request.model)
  if (engine !== undefined) routed.expectEngine(engine)
  const existing = await routed.catalogue.record(name)
  // before it exists: another request for it may be answered at once
  if (existing === undefined) expectGranted(routed.engineOf(engine ?? engineOfNew), wishesIn(request))
  else if (await isThere(existing, routed))
    return prepared({ gallery: existing, created: false }, { routed, request, model })
  // before it exists, too: an unprepared gallery whose lock is free was left by a process that died
  const lock = await holdPreparing(name, shared)
  try {
    return await prepared(await routed.catalogue.create(entryOf(request, model)), { routed, request, model })
  } finally {
    await lock.release()
  }
}

async function isThere(gallery: CatalogueRecord, routed: RoutedSets): Promise<boolean> {
  if (gallery.unreadable !== undefined) return false // which its creation reports
  return (await isWhole(gallery, routed).catch(ignoring('gallery_not_found'))) === true
}

function wishesIn({ shards, replicas, quantisation }: NewGallery): StorageWishes {
  return { shards, replicas, quantisation }
}

function entryOf(request: NewGallery, { id: modelId, dimension }: ServableModel): NewCatalogueEntry {
  const { name, engine, engineOfNew, settings = {}, galleriesMax } = request
  const options = newOptions(request)
  const set = { setUid: newUid(), modelId, dimension, about: aboutUnprepared(wishesIn(request)) }
  return { name, uid: newUid(), engine: engine ?? engineOfNew, ...set, settings, options, galleriesMax }
}

async function prepared(
  { gallery, created }: { gallery: CatalogueRecord; created: boolean },
  { routed, request, model }: { routed: RoutedSets; request: NewGallery; model: ServableModel },
): Promise<{ gallery: CatalogueRecord; created: boolean } | undefined> {
  expectAsRequested(gallery, { routed, request, model })
  try {
    await prepareStorageOf(gallery, routed, wishesIn(request))
  } catch (error) {
    if (created) await undo(gallery, routed)
    if (!hasCode(error, 'gallery_not_found')) throw error
    if (!created) return undefined // otherwise it was created, and another request has removed it
  }
  return { gallery, created }
}

/** @throws AlikeError `gallery_exists` */
function expectAsRequested(
  gallery: CatalogueRecord,
  { routed, request, model }: { routed: RoutedSets; request: NewGallery; model: ServableModel },
): void {
  const { settings, engine, originals, keepQueries, maxImages } = request
  if (gallery.set.modelId !== model.id && (request.model !== undefined || !routed.models.has(gallery.set.modelId)))
    throw new AlikeError('gallery_exists', { detail: 'It belongs to another model.' })
  if (settings !== undefined && !isDeepStrictEqual(gallery.settings, settings)) throw new AlikeError('gallery_exists')
  if (engine !== undefined && gallery.engine !== engine)
    throw new AlikeError('gallery_exists', { detail: `It lives in engine ${gallery.engine}.` })
  const rules = routed.rulesOf(gallery)
  if ((originals ?? rules.originals) !== rules.originals || (keepQueries ?? rules.keepQueries) !== rules.keepQueries)
    throw new AlikeError('gallery_exists', { detail: 'What is kept of its pictures and queries is changed by PATCH.' })
  if (maxImages !== undefined && (maxImages ?? undefined) !== rules.maxImages)
    throw new AlikeError('gallery_exists', { detail: 'How many pictures it may hold is changed by PATCH.' })
}

/**
 * Removes this gallery only, as another may have its name by now, and whatever its engine has stored. A gallery that another request
 * has prepared in the meantime stays: that request was answered, and pictures may be in it.
 */
async function undo({ name, uid, engine, set }: CatalogueRecord, routed: RoutedSets): Promise<void> {
  const removed = await routed.catalogue.remove(name, uid).catch(ignoring('gallery_not_found'))
  if (removed !== undefined) await routed.engineOf(engine).drop(set)
}
