/** The file that keeps room for deletions. */
import assert from 'node:assert/strict'
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import { Reserve, reserveName } from '../../../../src/engines/embedded/store/folder/reserve.js'
import { type Commit, StoreWrites } from '../../../../src/engines/embedded/store/writing/store-writes.js'
import { AlikeError } from '../../../../src/errors.js'

test('a part that a killed process left is made whole, and the empty file is remembered as given away', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'alike-reserve-'))
  t.after(() => rm(folder, { recursive: true }))
  const path = join(folder, reserveName)
  await writeFile(path, Buffer.alloc(3_000))
  assert.equal(await new Reserve(folder).release(Promise.resolve()), false, 'a part is no reserve')
  assert.equal(await new Reserve(folder).take(), true)
  assert.equal((await stat(path)).size, 16 * 2 ** 20)
  assert.equal(await new Reserve(folder).release(Promise.resolve()), true)
  assert.equal((await stat(path)).size, 0)
  assert.equal(new Reserve(folder).isReleased, true)
})

test('killed while it makes the file, a process leaves nothing that counts as given away', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'alike-reserve-'))
  t.after(() => rm(folder, { recursive: true }))
  let taken: boolean | undefined
  const taking = new Reserve(folder).take().then((isTaken) => (taken = isTaken))
  while (taken === undefined) {
    assert.equal(new Reserve(folder).isReleased, false)
    await nextTurn()
  }
  assert.equal(await taking, true)
  assert.deepEqual(await readdir(folder), [reserveName])
})

test('given away and taken again at once, it is taken after the writes that it waited for', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'alike-reserve-'))
  t.after(() => rm(folder, { recursive: true }))
  const reserve = new Reserve(folder)
  await reserve.take()
  assert.deepEqual(await Promise.all([reserve.release(sleep(20)), reserve.take()]), [true, true])
  assert.equal((await stat(join(folder, reserveName))).size, 16 * 2 ** 20)
  await Promise.all([reserve.take(), reserve.giveUp()])
  await assert.rejects(stat(join(folder, reserveName)), { code: 'ENOENT' })
  assert.equal(await reserve.take(), true)
})

test('cancelled jobs and removed decisions are accepted on a full disk; if the room does not help, all writes are tried again', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'alike-reserve-'))
  t.after(() => rm(folder, { recursive: true }))
  const told: string[] = []
  let refused = 1
  const full = () => Promise.reject(new AlikeError('storage_full', { detail: 'no' }))
  const writes = new StoreWrites({
    dataDir: folder,
    max: 8,
    isOpen: true,
    expectOwnFile() {},
    send: (async (name: string) => name !== 'purge' && (refused-- > 0 ? full() : name)) as Commit,
    onReleased: async () => void told.push('released'),
    onGivenUp: () => told.push('given up'),
    onRemovalFailure: (error) => assert.fail(String(error)),
  })
  await writes.takeReserve()
  const transition = (to: 'cancelled' | 'failed') =>
    writes.commit('transitionJob', { id: 'a', transition: { from: ['running'], to }, at: '' })
  await transition('cancelled')
  assert.deepEqual(told, ['released'])
  await assert.rejects(transition('failed'), { code: 'storage_full' })
  await writes.commit('removeDecision', { gallery: 1, number: 1 })

  await writes.takeReserve()
  await transition('failed')
  refused = 2
  await assert.rejects(transition('cancelled'), { code: 'storage_full' })
  assert.deepEqual([told, writes.refusal], [['released', 'released', 'given up'], undefined])
  await transition('failed')
})
