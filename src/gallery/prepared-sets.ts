/**
 * Prepares storage for a set in its engine, once: the catalogue remembers that it was done, so that a set which its
 * engine has lost is reported, and not silently recreated empty.
 */
import { AlikeError, hasCode } from '../errors.js'
import type { Catalogue, CatalogueEntry, CatalogueSet } from './catalogue.js'
import type { Engine, StorageWishes } from './engine.js'
import { holdSoon, tryHold } from './held-locks.js'
import type { RoutedSets } from './routed-sets.js'
import type { HeldLock, SharedWrites } from './writes.js'

/**
 * @throws AlikeError `engine_unsupported` for wishes that its engine cannot grant, `data_unreadable`, `gallery_not_found` for a set
 * that was removed meanwhile; as `Engine.prepare`
 */
export async function prepareStorage(set: CatalogueSet, routed: RoutedSets, more: StorageWishes = {}): Promise<void> {
  const { uid, about } = set
  const engine = routed.engineOf(set.engine)
  expectGranted(engine, more)
  if (engine.prepare === undefined) return
  const wishes = isPrepared(set) ? {} : (about as { wishes?: StorageWishes }).wishes
  await engine.prepare(routed.stated({ set }), { ...wishes, ...wished(more) }, isPrepared(set))
  if (!isPrepared(set)) await rememberPrepared({ uid, about }, engine, routed)
}

/** The same for the serving set of a gallery, whose lock is held unless it is whole. @throws as `prepareStorage` does */
export async function prepareStorageOf(
  entry: CatalogueEntry,
  routed: RoutedSets,
  wishes?: StorageWishes,
): Promise<void> {
  // without reading its sets, because the record of the other one may be damaged
  const engine = routed.engineOf(entry.engine)
  if (engine.prepare === undefined) return expectGranted(engine, wishes ?? {})
  const sets = await routed.catalogue.sets(entry.uid)
  await prepareStorage(sets.find(({ uid }) => uid === entry.set.uid)!, routed, wishes)
}

/** Of a set that has yet to be prepared: whoever does that, if its creator cannot, does it as requested. */
export function aboutUnprepared(wishes: StorageWishes): CatalogueSet['about'] {
  const kept = wished(wishes)
  return Object.keys(kept).length === 0 ? {} : { wishes: kept }
}

/**
 * Held among processes that share the catalogue, from before a gallery exists until it is prepared: one of them prepares
 * it, for it may do so in its own folder.
 * @throws AlikeError `overloaded`, `store_unreachable`
 */
export function holdPreparing(gallery: string, shared: SharedWrites | undefined): Promise<HeldLock> {
  return holdSoon(() => tryHold({ shared }, 'sets', gallery), {
    waitMaxMs: 10_000,
    detail: 'Another process is changing the gallery.',
    retryAfterSeconds: 2,
  })
}

/**
 * Prepares a gallery whose creator died before it had. Called before other processes are told of the gallery: until its
 * storage is prepared, nobody knows which of them will have it.
 * @throws AlikeError `gallery_not_found` while it is being created; as `prepareStorage` does
 */
export async function finishPreparing(
  entry: CatalogueEntry,
  routed: RoutedSets,
  shared: SharedWrites | undefined,
): Promise<void> {
  if (await isWhole(entry, routed)) return
  const lock = await tryHold({ shared }, 'sets', entry.name)
  if (lock === undefined) throw new AlikeError('gallery_not_found', { detail: 'It is being created.' })
  await prepareStorageOf(entry, routed).finally(lock.release)
}

/** Whether the storage of its serving set has been prepared, as far as its engine needs that. @throws AlikeError `gallery_not_found` */
export async function isWhole({ engine, set }: CatalogueEntry, routed: RoutedSets): Promise<boolean> {
  return routed.engineOf(engine).prepare === undefined || isKept(set, routed.catalogue)
}

/** @throws AlikeError `engine_unsupported` for wishes that the engine cannot grant */
export function expectGranted({ takesWishes }: Engine, wishes: StorageWishes): void {
  if (takesWishes === true) return
  const names = Object.keys(wished(wishes))
  if (names.length > 0) throw new AlikeError('engine_unsupported', { detail: `It has no ${names.join(', ')}.` })
}

/** Without those that are left to the service's defaults. */
function wished(wishes: StorageWishes): Record<string, string | number> {
  return Object.fromEntries(Object.entries(wishes).filter(([, wish]) => wish !== undefined))
}

/** Whether the catalogue has the set, with its storage prepared. @throws AlikeError `gallery_not_found` */
export async function isKept(
  { uid, galleryUid }: Pick<CatalogueSet, 'uid' | 'galleryUid'>,
  { sets }: Pick<Catalogue, 'sets'>,
): Promise<boolean> {
  return (await sets(galleryUid)).some((set) => set.uid === uid && isPrepared(set))
}

/** Whether its storage has been prepared. */
export function isPrepared({ about }: Pick<CatalogueSet, 'about'>): boolean {
  return about['isMade'] === true
}

/** If the set was removed before its storage existed, that storage is dropped now. */
async function rememberPrepared(
  { uid, about }: Pick<CatalogueSet, 'uid' | 'about'>,
  engine: Engine,
  { catalogue }: RoutedSets,
): Promise<void> {
  try {
    await catalogue.changeSet(uid, { about: { ...about, isMade: true } })
  } catch (error) {
    if (!hasCode(error, 'set_not_found', 'gallery_not_found')) throw error
    await engine.drop({ uid })
    throw new AlikeError('gallery_not_found', { cause: error })
  }
}
