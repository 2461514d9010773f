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
  const next = () => {
    const item = iterator.next()
    item.catch(() => {}) // thrown in its turn: the consumer may still be busy with a full group
    return item
  }
  let coming = next()
  try {
    for (;;) {
      const first = await coming
      if (first.done === true) return
      const batch = [first.value]
      const deadline = new Deadline(maxDelayMs)
      coming = next()
      while (batch.length < maxSize) {
        // A failure ends this group; it is thrown when the next one is started, after this one has been yielded.
        const another = await Promise.race([coming, deadline.passed]).catch(() => undefined)
        if (another === undefined || another.done === true) break
        batch.push(another.value)
        coming = next()
      }
      deadline.forget()
      yield batch
    }
  } finally {
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
