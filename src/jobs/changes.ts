/** Waits until another process may have changed a job, as far as the job store is told. */
import type { JobStore } from './job-store.js'

export class JobChanges {
  readonly #store: JobStore
  readonly #waiting = new Map<string, Set<() => void>>()
  readonly #end: () => void

  constructor(store: JobStore) {
    this.#store = store
    this.#end = store.onChange((jobId) => this.#wake(jobId))
  }

  /** Resolves once the job may have changed; at once if no other process can change it. */
  async next(jobId: string, signal: AbortSignal): Promise<void> {
    if (this.#store.lease === undefined || signal.aborted) return
    const waiting = this.#waiting.get(jobId) ?? new Set()
    this.#waiting.set(jobId, waiting)
    await new Promise<void>((resolve) => {
      const wake = () => {
        signal.removeEventListener('abort', wake)
        waiting.delete(wake)
        if (waiting.size === 0 && this.#waiting.get(jobId) === waiting) this.#waiting.delete(jobId)
        resolve()
      }
      waiting.add(wake)
      signal.addEventListener('abort', wake)
    })
  }

  close(): void {
    this.#end()
    this.#wake(undefined)
  }

  /** @param jobId undefined: any job may have changed */
  #wake(jobId: string | undefined): void {
    const woken = jobId === undefined ? [...this.#waiting.values()] : [this.#waiting.get(jobId) ?? []]
    for (const waiting of woken) for (const wake of [...waiting]) wake()
  }
}
