/**
 * For a picture that is alone: a session that runs the model on several cores. The workers, with a thread each, answer
 * more queries, but a lone one would leave all other cores idle. Whether it is faster depends on the network (many
 * small layers gain nothing), on the machine and on what else runs there, so it is measured: at the opening, and on.
 */
import { median } from '../eval/median.js'
import { seededRandom } from '../eval/random.js'
import type { Session } from './session.js'
import type { SessionSettings } from './worker-protocol.js'

/** It takes the memory of another worker, so it must save a tenth of the time, not just noise. */
const worthwhile = 0.9

/** Of each of two sessions, in turn, because the machine's other work changes. */
const timedRuns = 8

/** How a picture that is alone is run: by a worker, or by the session with several threads. */
export type LoneWay = 'worker' | 'threads'

/** The part of `Session` that is used. */
export type MeasuredSession = Pick<Session, 'settings' | 'run' | 'close'>

export interface LoneSession<Measured extends MeasuredSession = Session> {
  session: Measured
  /** What the measurement found, in milliseconds. */
  ms: Record<LoneWay, number>
}

/**
 * Opens one session after the other, until more threads are no faster.
 * @param candidates with more threads from one to the next
 * @param open resolves with a warm session
 * @param worker idle, warm, one thread
 * @param now a clock, milliseconds
 * @returns the fastest; undefined if none is faster than the worker
 * @throws SessionOpenError
 * @throws AlikeError `internal` if a run fails
 */
export async function openLone<Measured extends MeasuredSession>(
  candidates: readonly SessionSettings[],
  open: (settings: SessionSettings) => Promise<Measured>,
  worker: Measured,
  now: () => number = () => performance.now(),
): Promise<LoneSession<Measured> | undefined> {
  let fastest: LoneSession<Measured> | undefined
  let last: Measured | undefined
  try {
    for (const settings of candidates) {
      last = await open(settings)
      const [ours, theirs] = await inTurn([last, fastest?.session ?? worker], now)
      // What a query finds must not depend on who else searches.
      const isSame = ours.embedding.every((value, i) => value === theirs.embedding[i])
      if (!isSame || ours.ms > worthwhile * theirs.ms) break
      await fastest?.session.close()
      fastest = { session: last, ms: { threads: ours.ms, worker: fastest?.ms.worker ?? theirs.ms } }
    }
    return fastest
  } catch (error) {
    await fastest?.session.close()
    fastest = undefined
    throw error
  } finally {
    if (last !== fastest?.session) await last?.close()
  }
}

/** The embedding of one picture, and the shortest time it took. */
interface Timed {
  embedding: Float32Array
  ms: number
}

async function inTurn(
  sessions: readonly [MeasuredSession, MeasuredSession],
  now: () => number,
): Promise<[Timed, Timed]> {
  const random = seededRandom(1)
  const pixels = Uint8Array.from({ length: sessions[0].settings.inputSize ** 2 * 3 }, () => 256 * random())
  const best: Timed[] = sessions.map(() => ({ embedding: new Float32Array(), ms: Infinity }))
  for (let run = 0; run < timedRuns; run++) {
    for (const [i, session] of sessions.entries()) {
      const startedAt = now()
      const { embeddings } = await session.run([pixels], 1)
      best[i] = { embedding: embeddings, ms: Math.min(best[i]!.ms, now() - startedAt) }
    }
  }
  return best as [Timed, Timed]
}

/** Times of each way that the choice is based on. */
const remembered = 5

/** The slower way is tried again this often: what made it slow may have ended. */
const triedEvery = 16

/** Chooses the way that was faster lately. Pure. */
export class LoneChoice {
  readonly #ms: Record<LoneWay, number[]>
  #choices = 0

  /** @param ms of each way, at first */
  constructor(ms: Record<LoneWay, number>) {
    this.#ms = { worker: [ms.worker], threads: [ms.threads] }
  }

  choose(): LoneWay {
    this.#choices += 1
    const threadsAreFaster = median(this.#ms.threads) < median(this.#ms.worker)
    const triesOther = this.#choices % triedEvery === 0
    return threadsAreFaster !== triesOther ? 'threads' : 'worker'
  }

  observe(way: LoneWay, ms: number): void {
    const recent = this.#ms[way]
    recent.push(ms)
    if (recent.length > remembered) recent.shift()
  }
}
