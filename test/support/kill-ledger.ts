/**
 * What clients of a service that gets killed were told, and what may therefore be stored. An answer
 * that never came leaves both possible, until a restarted service has shown which it is: after that
 * it may not change any more.
 */
import assert from 'node:assert/strict'

/** `absent`, or which picture and label lie under an id. */
export type State = 'absent' | { image: number; label: string }

interface Entry {
  /** At least one. */
  possible: State[]
  /** A change is under way, or a job that has not ended may still change it. */
  held: number
}

export class Ledger {
  readonly #entries = new Map<string, Entry>()

  /** Ids under which something is stored for sure, and that nobody is changing. */
  free(): string[] {
    return [...this.#entries]
      .filter(([, { possible, held }]) => held === 0 && possible.length === 1 && possible[0] !== 'absent')
      .map(([id]) => id)
  }

  state(id: string): State {
    return this.#entries.get(id)?.possible.at(-1) ?? 'absent'
  }

  /** Before a change is asked for: from now on the new state is possible as well. */
  begin(id: string, to: State): void {
    const entry = this.#entries.get(id) ?? { possible: ['absent'], held: 0 }
    entry.possible.push(to)
    entry.held++
    this.#entries.set(id, entry)
  }

  /** It was acknowledged. */
  acknowledge(id: string, to: State): void {
    const entry = this.#entries.get(id)!
    // What was asked for after it stays possible.
    entry.possible = entry.possible.slice(entry.possible.lastIndexOf(to))
    entry.held--
  }

  /** It was not answered. */
  leave(id: string): void {
    this.#entries.get(id)!.held--
  }

  /** What a restarted service has under each id must be possible, and is from now on what is. */
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
