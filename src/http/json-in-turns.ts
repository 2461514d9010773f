/**
 * Writes a potentially large JSON answer in turns of the event loop: other requests are served in between. Lists are
 * written entry by entry; the size of an entry is limited by what a picture or gallery may store.
 */
import type { FastifyReply } from 'fastify'
import { StoredMetadata } from '../gallery/stored-json.js'
import { nextTurn } from '../turns.js'

/** Size of one turn, plus the entry at which it ends. */
const turnMs = 8

/**
 * Returned by a route instead of a large answer; the route's schema is not applied to it.
 * @throws the signal's reason
 */
export async function inTurns<Answer>(
  answer: Answer,
  reply: Pick<FastifyReply, 'type'>,
  signal?: AbortSignal,
): Promise<Answer> {
  reply.type('application/json; charset=utf-8')
  return (await jsonInTurns(answer, signal)) as unknown as Answer
}

/**
 * A list that is read in slices, and written as it is read: only its text is completely in memory.
 * @param name of the member that contains the list
 * @param onBytes called with the size of each slice; if it throws, reading ends
 * @throws what `slices` throws, and the signal's reason
 */
export async function listInTurns<Name extends string, Entry>(
  name: Name,
  slices: AsyncIterable<{ entries: readonly Entry[]; nextCursor?: string | undefined }>,
  { reply, signal, onBytes }: { reply: Pick<FastifyReply, 'type'>; signal: AbortSignal; onBytes(bytes: number): void },
): Promise<{ [name in Name]: Entry[] } & { nextCursor?: string }> {
  const parts = [Buffer.from(`{${JSON.stringify(name)}:[`)]
  let [before, end] = ['', ']}']
  for await (const { entries, nextCursor } of slices) {
    signal.throwIfAborted()
    if (nextCursor !== undefined) end = `],"nextCursor":${JSON.stringify(nextCursor)}}`
    if (entries.length === 0) continue
    const part = Buffer.from(before + entries.map((entry) => JSON.stringify(entry)).join(','))
    onBytes(part.length)
    parts.push(part)
    before = ','
  }
  reply.type('application/json; charset=utf-8')
  return Buffer.concat([...parts, Buffer.from(end)]) as never
}

/**
 * Equals `JSON.stringify` of the value, in UTF-8.
 * @param signal aborted when nobody is waiting any more: ends it between two turns
 * @throws the signal's reason
 */
export async function jsonInTurns(value: unknown, signal?: AbortSignal): Promise<Buffer> {
  const parts: Buffer[] = []
  let text = ''
  let turnBegan = performance.now()
  for (const piece of piecesOf(value)) {
    text += piece
    if (performance.now() - turnBegan < turnMs) continue
    parts.push(Buffer.from(text))
    text = ''
    await nextTurn()
    signal?.throwIfAborted()
    turnBegan = performance.now()
  }
  return Buffer.concat([...parts, Buffer.from(text)])
}

/**
 * Descends into lists of objects, and into objects that contain them or stored JSON, which is written unchanged;
 * everything else is written in one piece.
 */
function* piecesOf(value: unknown): Generator<string> {
  if (value instanceof StoredMetadata) {
    yield value.text
  } else if (isListOfObjects(value)) {
    let before = '['
    for (const entry of value) {
      yield before
      yield* piecesOf(entry)
      before = ','
    }
    yield ']'
  } else if (isObject(value) && Object.values(value).some(isOpened)) {
    let before = '{'
    for (const [name, member] of Object.entries(value)) {
      if (member === undefined) continue
      yield `${before}${JSON.stringify(name)}:`
      yield* piecesOf(member)
      before = ','
    }
    yield '}'
  } else {
    yield JSON.stringify(value)
  }
}

function isOpened(value: unknown): boolean {
  return value instanceof StoredMetadata || isListOfObjects(value)
}

function isListOfObjects(value: unknown): value is readonly object[] {
  return Array.isArray(value) && isObject(value[0])
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}
