import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Type } from 'typebox'
import { GalleryName, NewImageId } from '../../src/http/schemas/parameters.js'
import { regionText } from '../../src/http/schemas/region.js'
import { compileCheck, type Misfit, RequestInvalid } from '../../src/http/validation.js'
import { processorMs } from '../support/processor-time.js'

const list = Type.Array(Type.String(), { maxItems: 3 })
const schema = Type.Object(
  {
    ids: Type.Optional(list),
    id: Type.Optional(Type.Union([list, Type.String()])),
    k: Type.Optional(Type.Integer({ minimum: 1 })),
  },
  { additionalProperties: false },
)
const check = compileCheck(schema, 'body')

function misfitsOf(value: unknown): readonly Misfit[] {
  try {
    check(value)
  } catch (error) {
    assert.ok(error instanceof RequestInvalid)
    return error.misfits
  }
  return []
}

const tooLong: Misfit = { in: 'body', pointer: '/ids', detail: 'must not have more than 3 items' }

test('a list of the maximum length is accepted, a longer one is reported together with other faults', () => {
  assert.deepEqual(misfitsOf({ ids: ['a', 'b', 'c'] }), [])
  assert.deepEqual(misfitsOf({ ids: ['a', 'b', 'c', 'd'] }), [tooLong])
  assert.deepEqual(misfitsOf({ ids: ['a', 'b', 'c', 'd'], k: 0 }), [
    { in: 'body', pointer: '/k', detail: 'must be >= 1' },
    tooLong,
  ])
})

test('the rest of a list that is far too long is not examined', () => {
  for (const name of ['ids', 'id']) {
    for (const entry of ['a', 1]) {
      let read = 0
      const given = new Proxy(
        Array.from({ length: 390_000 }, () => entry),
        {
          get(target, key) {
            read++
            return Reflect.get(target, key) as unknown
          },
        },
      )
      assert.deepEqual(misfitsOf({ [name]: given }).at(-1), { ...tooLong, pointer: `/${name}` })
      assert.ok(read < 1_000, `${read} reads of ${name}`)
    }
  }
})

test('what a name or region must look like is said in words', () => {
  const check = compileCheck(Type.Object({ gallery: GalleryName, id: NewImageId, region: regionText }), 'path')
  const good = { gallery: 'g', id: 'a', region: '0,0,1,1' }
  const rows = [
    [{ gallery: 'my pictures' }, /^gallery must be 1 to 64 letters/],
    [{ id: '..' }, /^id must neither be \. or \.\./],
    [{ region: 'all' }, /^region must be x,y,width,height/],
  ] as const
  for (const [bad, says] of rows)
    assert.throws(
      () => check({ ...good, ...bad }),
      (error: RequestInvalid) => says.test(error.detail ?? ''),
    )
})

test('a region as text has one form, and a field full of spaces is refused at once', async () => {
  const check = compileCheck(Type.Object({ region: regionText }), 'form')
  for (const region of ['0,0,1,1', ' 0.25 , 0.1,0.5,0.5 ', '120,40,300,300px', '-1,2,3,4 px ', '1,2,3,4  px'])
    assert.deepEqual(check({ region }), { region })
  const spaces = ' '.repeat(128 * 1024)
  for (const region of [
    '0,0,1',
    '0,0,1,1,1',
    '0,0,1,1p x',
    '0,0,1,1 px px',
    `0,0,1,1${spaces}x`,
    `0${spaces},0,1,1x`,
  ]) {
    const work = async () => assert.throws(() => check({ region }), RequestInvalid)
    assert.ok((await processorMs(work)) < 1_000, region.slice(0, 20))
  }
})
