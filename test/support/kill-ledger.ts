/**
 * What clients of a service that gets killed were told, and what may therefore be stored. A missing answer leaves both
 * outcomes possible until a restarted service has shown which one it is; after that it must not change any more.
 */
import assert from 'node:assert/strict'

/** `absent`, or the picture and label stored under an id. */
export type State = 'absent' | { image: number; label: string }

interface Entry {
  /** At least one. */
  possible: State[]
  /** A change is in progress, or a job that has not ended may still change it. */
  held: number
}

export class Ledger {
  readonly #entries = new Map<string, Entry>()

  /** Ids under which something is certainly stored and that nobody is changing. */
  free(): string[] {
    return [...this.#entries]
      .filter(([, { possible, held }]) => held === 0 && possible.length === 1 && possible[0] !== 'absent')
      .map(([id]) => id)
  }

  state(id: string): State {
    return this.#entries.get(id)?.possible.at(-1) ?? 'absent'
  }

  /** Called before requesting a change: from now on the new state is possible as well. */
  begin(id: string, to: State): void {
    const entry = this.#entries.get(id) ?? { possible: ['absent'], held: 0 }
    entry.possible.push(to)
    entry.held++
    this.#entries.set(id, entry)
  }

  /** The change was acknowledged. */
  acknowledge(id: string, to: State): void {
    const entry = this.#entries.get(id)!
    // Later requests stay possible.
    entry.possible = entry.possible.slice(entry.possible.lastIndexOf(to))
    entry.held--
  }

  /** The change was reported as not made. */
  refuse(id: string, to: State): void {
    const entry = this.#entries.get(id)!
    entry.possible = entry.possible.filter((state) => state !== to)
    entry.held--
  }

  /** The change was not answered. */
  leave(id: string): void {
    this.#entries.get(id)!.held--
  }

  /** What a restarted service has under each id must be possible, and is then the only possibility. */
  compare(stored: ReadonlyMap<string, State>, when: string): void {
    for (const [id, entry] of this.#entries) {
      const found = stored.get(id) ?? 'absent'
      const text = JSON.stringify(found)
      assert.ok(
        entry.possible.some((state) => JSON.stringify(state) === text),
        `${when}, ${id} is ${text} instead of ${JSON.stringify(entry.possible)}`,
      )
      if (entry.held === 0) entry.possible = [found]
    }
    for (const id of stored.keys()) assert.ok(this.#entries.has(id), `${when}, nobody has stored ${id}`)
  }

  counts(): { stored: number; deleted: number } {
    const entries = [...this.#entries.values()]
    const deleted = entries.filter(({ possible }) => possible.length === 1 && possible[0] === 'absent').length
    return { stored: entries.length - deleted, deleted }
  }
}
