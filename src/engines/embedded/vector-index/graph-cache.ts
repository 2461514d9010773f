/**
 * Graph caches: a graph on disk and a note beside it that records what it was built from. Any mismatch makes the cache
 * untrusted: it is deleted and the graph is built again from the truth.
 *
 * The note is renamed into place last and names the graph file, so after a crash at any moment a note either has its
 * own graph beside it or does not exist.
 */
import { createHash, randomBytes } from 'node:crypto'
import { type FileHandle, mkdir, open, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { replaceFile } from '../../../durable-files.js'
import { AlikeError } from '../../../errors.js'
import { faultOfGraphFile } from './graph-file.js'
import { HnswGraph } from './hnsw-graph.js'

interface GraphCacheNote {
  formatVersion: 1
  galleryUid: string
  /** A note without this field, from before graphs had parts, means part 0 of 1. */
  part: number
  parts: number
  modelId: string
  dimension: number
  m: number
  efConstruction: number
  /** Nodes, including tombstones. */
  count: number
  /** The position in the truth that the graph reflects: every slot in it is below. */
  nextSlot: number
  file: string
  sha256: string
  /** SHA-256 of this note without this line. */
  noteSha256: string
}

/** What a graph belongs to and was built with; a cache with any other key is useless. */
export interface GraphCacheKey {
  /** Folder of all graph caches. */
  folder: string
  galleryUid: string
  /** The part of the index that the graph belongs to: 0 to parts − 1. */
  part: number
  parts: number
  modelId: string
  dimension: number
  m: number
  efConstruction: number
}

export type GraphCacheRead =
  | { state: 'used'; graph: HnswGraph }
  | { state: 'absent' }
  | { state: 'rejected'; reason: string }

/** @param nextSlot from the truth; a graph cache ahead of it belongs to another truth. */
export async function readGraphCache(key: GraphCacheKey, nextSlot: number): Promise<GraphCacheRead> {
  const read = await tryRead(key, nextSlot)
  if (read.state !== 'used') await eraseGraphCache(key)
  return read
}

async function tryRead(key: GraphCacheKey, nextSlot: number): Promise<GraphCacheRead> {
  const rejected = (reason: string): GraphCacheRead => ({ state: 'rejected', reason })
  let text: string
  try {
    text = await readFile(notePath(key), 'utf8')
  } catch (error) {
    return isMissing(error) ? { state: 'absent' } : rejected(`the note cannot be read: ${String(error)}`)
  }
  const note = parseNote(text)
  if (note === undefined) return rejected('the note is damaged')
  if (note.parts !== key.parts) return rejected(`it was written for ${note.parts} parts, there are ${key.parts} now`)
  for (const name of ['galleryUid', 'part', 'modelId', 'dimension', 'm', 'efConstruction'] as const) {
    if (note[name] !== key[name]) return rejected(`${name} is ${note[name]} instead of ${key[name]}`)
  }
  if (note.nextSlot > nextSlot) return rejected(`it is ahead of the database: slot ${note.nextSlot} of ${nextSlot}`)
  try {
    const path = join(key.folder, note.file)
    const fault = await faultOf(path, key, note)
    if (fault !== undefined) return rejected(fault)
    const graph = await HnswGraph.read(key, path)
    if (graph.count !== note.count || graph.nextSlot > note.nextSlot)
      return rejected('the graph holds other slots than noted')
    return { state: 'used', graph }
  } catch (error) {
    return rejected(String(error))
  }
}

async function faultOf(path: string, key: GraphCacheKey, note: GraphCacheNote): Promise<string | undefined> {
  const file = await open(path, 'r')
  try {
    return (await sha256Of(file)) === note.sha256
      ? await faultOfGraphFile(file, key, note.count)
      : 'the checksum does not fit'
  } finally {
    await file.close()
  }
}

/** @throws AlikeError `storage_full` if the file could not be written completely; the previous graph cache stays. */
export async function writeGraphCache(key: GraphCacheKey, graph: HnswGraph): Promise<void> {
  await mkdir(key.folder, { recursive: true })
  const name = `${stemOf(key)}-${randomBytes(6).toString('hex')}.hnsw`
  const { count, nextSlot } = graph
  const { folder, galleryUid, part, parts, modelId, dimension, m, efConstruction } = key
  try {
    await graph.write(join(folder, name))
    const sha256 = await settleGraphFile(join(folder, name), key, count)
    const facts = {
      formatVersion: 1 as const,
      galleryUid,
      part,
      parts,
      modelId,
      dimension,
      m,
      efConstruction,
      count,
      nextSlot,
      file: name,
      sha256,
    }
    await replaceFile(notePath(key), JSON.stringify({ ...facts, noteSha256: noteSha256(facts) }, null, 2))
  } catch (error) {
    await rm(join(folder, name), { force: true })
    throw error
  }
  await eraseGraphCache(key, name)
}

/** Syncs a written graph to disk and verifies that it is complete. */
async function settleGraphFile(path: string, key: GraphCacheKey, count: number): Promise<string> {
  const file = await open(path, 'r+')
  try {
    const fault = await faultOfGraphFile(file, key, count)
    if (fault !== undefined)
      throw new AlikeError('storage_full', { detail: `The graph cache could not be written whole: ${fault}.` })
    await file.sync()
    return await sha256Of(file)
  } finally {
    await file.close()
  }
}

type GraphCachePlace = Pick<GraphCacheKey, 'folder' | 'galleryUid' | 'part'>

/** Deletes every graph cache file of a gallery's part, except one graph file and its note if given. */
export async function eraseGraphCache(place: GraphCachePlace, except?: string): Promise<void> {
  for (const name of await namesIn(place.folder)) {
    const owner = ownerOf(name)
    if (owner?.galleryUid !== place.galleryUid || owner.part !== place.part || name === except) continue
    if (except !== undefined && join(place.folder, name) === notePath(place)) continue
    await rm(join(place.folder, name), { force: true })
  }
}

/** Deletes the graph caches of removed galleries, and of parts that indexes no longer have. */
export async function eraseForeignGraphCaches(
  folder: string,
  galleryUids: readonly string[],
  parts: number,
): Promise<void> {
  const uids = new Set(galleryUids)
  for (const name of await namesIn(folder)) {
    const owner = ownerOf(name)
    if (owner === undefined || !uids.has(owner.galleryUid) || owner.part >= parts)
      await rm(join(folder, name), { force: true })
  }
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder)
  } catch (error) {
    if (isMissing(error)) return []
    throw error
  }
}

/** Part 0 keeps the file name that graphs had before there were parts. */
function stemOf({ galleryUid, part }: Pick<GraphCachePlace, 'galleryUid' | 'part'>): string {
  return part === 0 ? galleryUid : `${galleryUid}-part${part}`
}

function ownerOf(name: string): { galleryUid: string; part: number } | undefined {
  const [, galleryUid, part = '0'] = /^(.+?)(?:-part(\d+))?(?:\.json|\.json\.tmp|-[0-9a-f]{12}\.hnsw)$/.exec(name) ?? []
  return galleryUid === undefined ? undefined : { galleryUid, part: Number(part) }
}

function notePath(place: GraphCachePlace): string {
  return join(place.folder, `${stemOf(place)}.json`)
}

/** A note with the right checksum was written by `writeGraphCache`, so its shape needs no check of its own. */
function parseNote(text: string): GraphCacheNote | undefined {
  try {
    const { noteSha256: stated, ...facts } = JSON.parse(text) as Omit<GraphCacheNote, 'part' | 'parts'> &
      Partial<GraphCacheNote>
    return stated === noteSha256(facts) && facts.formatVersion === 1
      ? { part: 0, parts: 1, ...facts, noteSha256: stated }
      : undefined
  } catch {
    return undefined
  }
}

function noteSha256(facts: Partial<GraphCacheNote>): string {
  return createHash('sha256')
    .update(JSON.stringify(Object.entries(facts).sort()))
    .digest('hex')
}

async function sha256Of(file: FileHandle): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of file.createReadStream({ start: 0, autoClose: false, highWaterMark: 1 << 18 }))
    hash.update(chunk as Buffer)
  return hash.digest('hex')
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT'
}
