/** Makes views in child processes, if there are enough cores. */
import { type ChildProcess, fork } from 'node:child_process'
import { errorOf } from '../../image/decoder-protocol.js'
import { type FromViewProcess, makeView, type ToViewProcess, type ViewOrder } from './view-maker.js'

interface Waiting {
  resolve(pixels: Uint8Array): void
  reject(error: unknown): void
}

interface Lane {
  child: ChildProcess
  waiting: Map<number, Waiting>
}

export class ViewProcesses {
  readonly #lanes: Lane[]
  #nextTicket = 0

  /** @param count 0 makes views in this process */
  constructor(count: number) {
    this.#lanes = Array.from({ length: count }, openLane)
  }

  /** @throws AlikeError as `makeView` does; Error if its process ended */
  make(bytes: Uint8Array, order: ViewOrder): Promise<Uint8Array> {
    if (this.#lanes.length === 0) return makeView(bytes, order)
    const { child, waiting } = this.#lanes.reduce((idlest, lane) =>
      lane.waiting.size < idlest.waiting.size ? lane : idlest,
    )
    const ticket = this.#nextTicket++
    return new Promise((resolve, reject) => {
      waiting.set(ticket, { resolve, reject })
      child.send({ ticket, bytes, order } satisfies ToViewProcess, (error) => {
        if (error !== null) reject(error)
      })
    })
  }

  /** Abandons work in progress and ends the processes. */
  close(): void {
    for (const { child } of this.#lanes) if (child.connected) child.disconnect()
  }
}

/** A process that dies takes its pictures with it: the run fails and can be resumed. */
function openLane(): Lane {
  const waiting = new Map<number, Waiting>()
  const child = fork(new URL('./view-process.js', import.meta.url), {
    serialization: 'advanced', // pixels as bytes instead of JSON
    env: { ...process.env, UV_THREADPOOL_SIZE: '2' },
  })
  child.on('message', (message: FromViewProcess) => {
    const request = waiting.get(message.ticket)
    waiting.delete(message.ticket)
    if ('pixels' in message) request?.resolve(message.pixels)
    else request?.reject(errorOf(message.error))
  })
  child.once('exit', () => {
    for (const { reject } of waiting.values()) reject(new Error('A process of the loader ended.'))
    waiting.clear()
  })
  return { child, waiting }
}
