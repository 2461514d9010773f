/**
 * Graph caches: a graph on disk and a note beside it that records what it was built from. Any mismatch makes the cache
 * untrusted: it is deleted and the graph is built again from the truth.
 *
 * The note is renamed into place last and names the graph file, so after a crash at any moment a note either has its
 * own graph beside it or does not exist.
 */
import { createHash, randomBytes } from 'node:crypto'
import { readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { asStorageError, makeFolder, replaceFile } from '../../../durable-files.js'
import { readGraphFile, writeGraphFile } from './graph-file.js'
import type { HnswGraph } from './hnsw-graph.js'

/** Nodes reserved for each that is read, so that the first insertions need not grow the graph. */
const reservedPerNode = 1.1

/** 1 was hnswlib's own file, which held the vectors too; 2 had a node for each of many equal vectors. */
const formatVersion = 3 as const

interface GraphCacheNote {
  formatVersion: typeof formatVersion
  galleryUid: string
  part: number
  parts: number
  modelId: string
  dimension: number
  m: number
  efConstruction: number
  /** Slots, including tombstones. */
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

export interface GraphCacheTarget {
  /** From the truth; a graph cache ahead of it belongs to another truth. */
  nextSlot: number
  /** An empty graph with room for that many nodes. */
  newGraph(capacity: number): HnswGraph
}

/** The graph awaits its vectors (`HnswGraph.attach`). */
export async function readGraphCache(key: GraphCacheKey, target: GraphCacheTarget): Promise<GraphCacheRead> {
  const read = await tryRead(key, target)
  if (read.state !== 'used') await eraseGraphCache(key)
  return read
}

async function tryRead(key: GraphCacheKey, { nextSlot, newGraph }: GraphCacheTarget): Promise<GraphCacheRead> {
  const rejected = (reason: string): GraphCacheRead => ({ state: 'rejected', reason })
  let text: string
  try {
    text = await readFile(notePath(key), 'utf8')
  } catch (error) {
    return isMissing(error) ? { state: 'absent' } : rejected(`the note cannot be read: ${String(error)}`)
  }
  const note = parseNote(text)
  if (note === 'damaged') return rejected('the note is damaged')
  if (note === 'old') return rejected('it was written by another version of this service')
  if (note.parts !== key.parts) return rejected(`it was written for ${note.parts} parts, there are ${key.parts} now`)
  for (const name of ['galleryUid', 'part', 'modelId', 'dimension', 'm', 'efConstruction'] as const) {
    if (note[name] !== key[name]) return rejected(`${name} is ${note[name]} instead of ${key[name]}`)
  }
  if (note.nextSlot > nextSlot) return rejected(`it is ahead of the database: slot ${note.nextSlot} of ${nextSlot}`)
  const graph = newGraph(Math.ceil(note.count * reservedPerNode))
  try {
    const sha256 = await readGraphFile(join(key.folder, note.file), graph, note.count)
    if (sha256 !== note.sha256) throw new Error('the checksum does not fit')
    if (graph.nextSlot > note.nextSlot) throw new Error('the graph holds other slots than noted')
    return { state: 'used', graph }
  } catch (error) {
    graph.release()
    return rejected(error instanceof Error ? error.message : String(error))
  }
}

/** @throws AlikeError `storage_full` if the file could not be written completely; the previous graph cache stays. */
export async function writeGraphCache(key: GraphCacheKey, graph: HnswGraph): Promise<void> {
  await makeFolder(key.folder)
  const file = `${stemOf(key)}-${randomBytes(6).toString('hex')}.hnsw`
  try {
    const { folder, ...of } = key
    const written = await graph.whileUnchanged(async () => ({
      count: graph.count,
      nextSlot: graph.nextSlot,
      sha256: await writeGraphFile(join(folder, file), graph),
    }))
    const facts = { formatVersion, ...of, file, ...written } satisfies Omit<GraphCacheNote, 'noteSha256'>
    await replaceFile(notePath(key), JSON.stringify({ ...facts, noteSha256: noteSha256(facts) }, null, 2))
  } catch (error) {
    await rm(join(key.folder, file), { force: true })
    throw asStorageError(error)
  }
  await eraseGraphCache(key, file)
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
function parseNote(text: string): GraphCacheNote | 'damaged' | 'old' {
  try {
    const { noteSha256: stated, ...facts } = JSON.parse(text) as GraphCacheNote
    if (stated !== noteSha256(facts)) return 'damaged'
    return facts.formatVersion === formatVersion ? { ...facts, noteSha256: stated } : 'old'
  } catch {
    return 'damaged'
  }
}

function noteSha256(facts: Partial<GraphCacheNote>): string {
  return createHash('sha256')
    .update(JSON.stringify(Object.entries(facts).sort()))
    .digest('hex')
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT'
}
