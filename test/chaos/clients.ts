/** Clients that search and write continuously until they are stopped, and record samples. */
import { setTimeout as sleep } from 'node:timers/promises'
import { seededRandom } from '../engines/embedded/vector-index/unit-vectors.js'
import type { RoundRobin } from './round-robin.js'
import type { Samples } from './samples.js'
import { k, type WrittenGallery } from './written-gallery.js'

export interface Clients {
  /** Resolves when all have had their last response. */
  end(): Promise<void>
}

export interface ClientsOptions {
  balanced: RoundRobin
  samples: Samples
  written: WrittenGallery
  gallery: string
}

const [searchers, writers] = [2, 2]
const pauseMs = { search: 60, write: 100 }
/** Extra hits requested beyond the compared ones, because some may be changing. */
const spare = 20

export function startClients(options: ClientsOptions): Clients {
  let ended = false
  const loop = async (turn: () => Promise<void>, pause: number) => {
    for (; !ended; await sleep(pause)) await turn()
  }
  const running = [
    ...Array.from({ length: searchers }, (_, n) => loop(searching(options, seededRandom(50 + n)), pauseMs.search)),
    ...Array.from({ length: writers }, (_, n) => loop(writing(options, n, seededRandom(70 + n)), pauseMs.write)),
  ]
  return {
    async end() {
      ended = true
      await Promise.all(running)
    },
  }
}

interface Hits {
  hits: { id: string }[]
}

/** Every other search uses a recently acknowledged picture. */
function searching({ balanced, samples, written, gallery }: ClientsOptions, random: () => number) {
  let turn = 0
  return async () => {
    const own = turn++ % 2 === 0 ? written.pickNew(random) : undefined
    const { png, vector } = written.drawn(own?.seed ?? 5_000_000 + Math.floor(random() * 1_000))
    const recallOf = written.watch(vector)
    const at = samples.now
    const path = `${gallery}/search?k=${k + spare}`
    const outcome = await balanced.ask<Hits>({ method: 'POST', path, type: 'image/png', body: png })
    if (outcome.is !== 'answered') return samples.add('search', at, outcome)
    const ids = outcome.body.hits.map(({ id }) => id)
    samples.add('search', at, outcome, recallOf(ids))
    // changed in the meantime: no expectation
    if (own !== undefined && written.seedOf(own.id) === own.seed)
      samples.add('own write', at, outcome, ids.includes(own.id) ? 1 : 0)
  }
}

/** New ids, replacements under old ones, removals. Unacknowledged requests are repeated until they are acknowledged. */
function writing({ balanced, samples, written, gallery }: ClientsOptions, lane: number, random: () => number) {
  let turn = 0
  return async () => {
    turn++
    const dice = random()
    const id = (dice < 0.6 ? undefined : written.pick(random)) ?? `w-${lane}-${turn}`
    const seed = dice > 0.9 ? undefined : 1_000_000 * (lane + 1) + turn
    const path = `${gallery}/images/${id}`
    written.begin(id, seed)
    for (let tries = 0; tries < 60; tries++) {
      const at = samples.now
      const outcome = await balanced.ask(
        seed === undefined
          ? { method: 'DELETE', path }
          : { method: 'PUT', path, type: 'image/png', body: written.drawn(seed).png },
      )
      // if a removal succeeded without a response, the repeat says so
      const isDone = outcome.is === 'answered' || (outcome.is === 'refused' && outcome.code === 'image_not_found')
      samples.add('write', at, isDone ? { is: 'answered', body: undefined, ms: outcome.ms } : outcome)
      if (isDone) return written.acknowledge(id, seed)
      await sleep(500)
    }
    written.leave(id)
  }
}
