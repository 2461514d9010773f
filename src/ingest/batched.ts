/** Groups the items of a stream: groups are as large as items arrive quickly, but no item waits long. */

export interface BatchedOptions {
  maxSize: number
  /** Maximum time that the first item of a group waits for others. */
  maxDelayMs: number
}

/** In the order of `source`. A group is never empty. */
export async function* batched<Item>(
  source: AsyncIterable<Item>,
  { maxSize, maxDelayMs }: BatchedOptions,
): AsyncGenerator<Item[]> {
  const iterator = source[Symbol.asyncIterator]()
  let coming = iterator.next()
  try {
    for (;;) {
      const first = await coming
      if (first.done === true) return
      const batch = [first.value]
      const deadline = new Deadline(maxDelayMs)
      coming = iterator.next()
      while (batch.length < maxSize) {
        // A failure ends this group; it is thrown when the next one is started, after this one has been yielded.
        const next = await Promise.race([coming, deadline.passed]).catch(() => undefined)
        if (next === undefined || next.done === true) break
        batch.push(next.value)
        coming = iterator.next()
      }
      deadline.forget()
      yield batch
    }
  } finally {
    // If the consumer leaves early, a failure of the next item is irrelevant.
    coming.catch(() => {})
    await iterator.return?.()
  }
}

class Deadline {
  readonly passed: Promise<undefined>
  #timer: NodeJS.Timeout | undefined

  constructor(delayMs: number) {
    this.passed = new Promise((resolve) => {
      this.#timer = setTimeout(() => resolve(undefined), delayMs)
    })
  }

  forget(): void {
    clearTimeout(this.#timer)
  }
}
