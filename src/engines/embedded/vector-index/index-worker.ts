/**
 * The thread that holds one part of every gallery's index. It answers calls as they arrive and links vectors into
 * graphs in between.
 */
import { workerData } from 'node:worker_threads'
import { AlikeError } from '../../../errors.js'
import { answerCalls, MovedReply } from '../../../worker-calls/answered-calls.js'
import { eraseGraphCache, type GraphCacheKey, readGraphCache, writeGraphCache } from './graph-cache.js'
import type { IndexCalls, IndexThreadData } from './index-protocol.js'
import { LinkingTurns } from './linking-turns.js'
import { packedList } from './packed-neighbours.js'
import { SlotIndex } from './slot-index.js'
import { slotsOfPart } from './slots-of-parts.js'
import type { SlotVectors } from './vector-index.js'

const { settings, part } = workerData as IndexThreadData

/** Linking gets at least this share of the time that searches take, so that it finishes even under load. */
const linkingShare = 1
/**
 * A slice never delays the next search by more than this, or by more than half the time slow searches take anyway: they
 * are slow because much waits to be linked.
 */
const longestSliceMs = 50
const slowSearchShare = 0.5

interface Opened {
  index: SlotIndex
  key: GraphCacheKey
  started: boolean
  saving: Promise<boolean> | undefined
}

const opened = new Map<number, Opened>()
const turns = new LinkingTurns()
let linkingScheduled = false
/** Time spent on searches since the last slice of linking. */
let searchedMs = 0

answerCalls<IndexCalls>(
  {
    async open({ index, dimension, nextSlot, graphCache }) {
      const key = {
        ...graphCache,
        part,
        parts: settings.parts,
        dimension,
        m: settings.m,
        efConstruction: settings.efConstruction,
      }
      const slotIndex = new SlotIndex(dimension, settings)
      const read = await readGraphCache(key, { nextSlot, newGraph: (capacity) => slotIndex.newGraph(capacity) })
      if (read.state === 'used') slotIndex.serve(read.graph)
      opened.set(index, { index: slotIndex, key, started: false, saving: undefined })
      return { graphCache: read.state === 'rejected' ? read : { state: read.state } }
    },
    start(request) {
      const entry = find(request.index)
      const graphCacheFits = entry.index.settle()
      entry.started = true
      scheduleLinking(request.index)
      return { reading: entry.index.reading, graphCacheFits }
    },
    add({ index, slots, vectors }) {
      const entry = find(index)
      entry.index.add(slots, vectors)
      if (entry.started) scheduleLinking(index)
      return entry.index.reading
    },
    remove({ index, slots }) {
      const entry = find(index)
      entry.index.remove(slots)
      if (entry.started) scheduleLinking(index)
      return entry.index.reading
    },
    search({ index, allow, ...search }) {
      const entry = find(index)
      const startedAt = performance.now()
      const { neighbours, ...result } = entry.index.search({
        ...search,
        allow: allow && (settings.parts === 1 ? allow : slotsOfPart(allow, part, settings.parts)),
      })
      searchedMs += performance.now() - startedAt
      return { ...result, neighbours: packedList(neighbours), reading: entry.index.reading }
    },
    neighbours({ index, ...request }) {
      const entry = find(index)
      const startedAt = performance.now()
      const found = entry.index.neighbours(request, startedAt + settings.sliceMs)
      searchedMs += performance.now() - startedAt
      const buffers = [found.counts.buffer, found.slots.buffer, found.scores.buffer] as ArrayBuffer[]
      return new MovedReply<IndexCalls['neighbours']['reply']>({ ...found, reading: entry.index.reading }, buffers)
    },
    compare({ index, rows, columns }) {
      const startedAt = performance.now()
      const scores = find(index).index.compare(rows, columns)
      searchedMs += performance.now() - startedAt
      return new MovedReply<Float32Array>(scores, [scores.buffer])
    },
    vectors({ index, slots }) {
      const found = find(index).index.vectorsOf(slots)
      return new MovedReply<SlotVectors>(found, [found.slots.buffer, found.vectors.buffer] as ArrayBuffer[])
    },
    compareVectors({ index, vectors, columns }) {
      const startedAt = performance.now()
      const scores = find(index).index.compareVectors(vectors, columns)
      searchedMs += performance.now() - startedAt
      return new MovedReply<Float32Array>(scores, [scores.buffer])
    },
    read: ({ index }) => find(index).index.reading,
    save: ({ index }) => save(index),
    async close({ index, erase }) {
      const entry = find(index)
      opened.delete(index)
      await entry.saving?.catch(() => {})
      entry.index.release()
      if (erase) await eraseGraphCache(entry.key)
    },
  },
  () => opened.clear(),
)

function find(index: number): Opened {
  const entry = opened.get(index)
  if (entry === undefined) throw new AlikeError('gallery_not_found', { detail: 'Its index is closed.' })
  return entry
}

/** One save at a time per index; concurrent callers share the one in progress. */
function save(index: number): Promise<boolean> {
  const entry = find(index)
  entry.saving ??= saveNow(entry).finally(() => {
    entry.saving = undefined
    scheduleLinking(index) // linking pauses while the graph is written
  })
  return entry.saving
}

async function saveNow({ index, key }: Opened): Promise<boolean> {
  const { graph } = index
  if (graph === undefined) return false
  await writeGraphCache(key, graph)
  return true
}

function scheduleLinking(index: number): void {
  turns.add(index)
  scheduleSlice()
}

function scheduleSlice(): void {
  if (linkingScheduled || turns.areOver) return
  linkingScheduled = true
  // Immediates run after pending messages, so calls never wait for more than one slice.
  setImmediate(linkForASlice)
}

function linkForASlice(): void {
  linkingScheduled = false
  const longestMs = Math.max(longestSliceMs, searchedMs * slowSearchShare)
  const untilMs = performance.now() + Math.min(longestMs, Math.max(settings.sliceMs, searchedMs * linkingShare))
  searchedMs = 0
  turns.take(
    (index) => opened.get(index)?.index.work(untilMs) ?? false, // it may have been closed
    () => performance.now() >= untilMs,
  )
  scheduleSlice()
}
