import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { type RoomShare, SharedRoom } from '../../src/ingest/shared-room.js'

/** A job that takes as much as it is given, one picture after the other. */
class Taker {
  readonly share: RoomShare
  readonly #held: (() => void)[] = []
  #hasLeft = false

  constructor(room: SharedRoom, bytes: number) {
    this.share = room.enter()
    void this.#take(bytes)
  }

  get held(): number {
    return this.#held.length
  }

  release(count: number): void {
    for (const release of this.#held.splice(0, count)) release()
  }

  leave(): void {
    this.#hasLeft = true
    this.share.leave()
  }

  async #take(bytes: number): Promise<void> {
    while (!this.#hasLeft) this.#held.push(await this.share.take(bytes))
  }
}

test('a job that is alone has all of the room, by number and by bytes', async () => {
  for (const [bytes, held] of [
    [1, 4],
    [30, 3],
    [500, 1],
  ] as const) {
    const job = new Taker(new SharedRoom({ pictures: 4, bytes: 100 }), bytes)
    await nextTurn()
    assert.equal(job.held, held)
    job.release(held)
    await nextTurn()
    assert.equal(job.held, held)
  }
})

test('jobs share the room equally; a newcomer gets its first picture at once, the others as room is released', async () => {
  for (const room of [
    { pictures: 8, bytes: 1_000 },
    { pictures: 100, bytes: 8 },
  ]) {
    const shared = new SharedRoom(room)
    const first = new Taker(shared, 1)
    await nextTurn()
    const second = new Taker(shared, 1)
    const steps = [[first.held, second.held]]
    for (const released of [0, 2, 1, 3]) {
      first.release(released)
      await nextTurn()
      steps.push([first.held, second.held])
    }
    assert.deepEqual(steps, [
      [8, 0],
      [8, 1],
      [6, 2],
      [5, 3],
      [4, 4],
    ])
  }
})

test('the share of a job that leaves is free, also of what it has not released, and what waited ends', async () => {
  const room = new SharedRoom({ pictures: 8, bytes: 1_000 })
  const [first, second] = [new Taker(room, 100), new Taker(room, 100)]
  await nextTurn()
  assert.deepEqual([first.held, second.held], [4, 4])
  first.leave()
  await nextTurn()
  assert.deepEqual([first.held, second.held], [5, 8])
})
