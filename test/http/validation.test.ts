import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Type } from 'typebox'
import { fieldPattern } from '../../src/gallery/field-values.js'
import { StoreParameters } from '../../src/http/schemas/image.js'
import { GalleryName, NewImageId } from '../../src/http/schemas/parameters.js'
import { galleriesPattern } from '../../src/http/schemas/patterns.js'
import { regionText } from '../../src/http/schemas/region.js'
import { searchSchemas } from '../../src/http/schemas/search-parameters.js'
import { compileCheck, type Misfit, RequestInvalid } from '../../src/http/validation.js'
import { processorMs } from '../support/processor-time.js'

const schema = Type.Object(
  { ids: Type.Optional(Type.Array(Type.String(), { maxItems: 3 })), k: Type.Optional(Type.Integer({ minimum: 1 })) },
  { additionalProperties: false },
)
const checkSchema = compileCheck(schema, 'body')

function misfitsOf(value: unknown, check = checkSchema): readonly Misfit[] {
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

/** A list that counts how often something of it is read. */
function counted(entry: unknown): { list: unknown[]; reads(): number } {
  let reads = 0
  const entries = Array.from({ length: 390_000 }, () => entry)
  const list = new Proxy(entries, {
    get(target, key) {
      reads++
      return Reflect.get(target, key) as unknown
    },
  })
  return { list, reads: () => reads }
}

test('the rest of a list that is far too long is not examined', () => {
  for (const entry of ['a', 1]) {
    const { list, reads } = counted(entry)
    assert.deepEqual(misfitsOf({ ids: list }).at(-1), tooLong)
    assert.ok(reads() < 1_000, `${reads()} reads`)
  }
})

test('nor is that of a list in a search, even where it may be a string instead', () => {
  const check = compileCheck(searchSchemas({ searchMaxK: 100, pageExpirySeconds: 60 }).Body, 'body')
  for (const [name, max] of Object.entries({ label: 100, vector: 4_096, like: 100, excludeIds: 1_000 }))
    for (const entry of ['a', 1]) {
      const { list, reads } = counted(entry)
      const expected = { in: 'body', pointer: `/${name}`, detail: `must not have more than ${max} items` }
      assert.deepEqual(misfitsOf({ [name]: list }, check).at(-1), expected)
      assert.ok(reads() < 2 * max + 1_000, `${reads()} reads of ${name}`)
    }
  for (const [name, max] of Object.entries({ label: 200, vector: 21_848 })) {
    const [longer, other] = [misfitsOf({ [name]: 'A'.repeat(max + 1) }, check), misfitsOf({ [name]: 7 }, check)]
    assert.deepEqual(
      [...longer, ...other].map(({ detail }) => detail),
      [`must not have more than ${max} characters`, 'must be either array or string'],
    )
  }
})

test('what a name, region, field or reference must look like is said in words', () => {
  const { reference } = StoreParameters.properties
  const [groupBy, galleries] = [
    Type.String({ pattern: fieldPattern.source }),
    Type.String({ pattern: galleriesPattern }),
  ]
  const check = compileCheck(
    Type.Object({ gallery: GalleryName, id: NewImageId, region: regionText, groupBy, galleries, reference }),
    'path',
  )
  const good = {
    gallery: 'g',
    id: 'a',
    region: '0,0,1,1',
    groupBy: 'metadata.year',
    galleries: 'a*',
    reference: 's3://b/k',
  }
  const rows = [
    [{ gallery: 'my pictures' }, /^gallery must be 1 to 64 letters/],
    [{ id: '..' }, /^id must neither be \. or \.\./],
    [{ region: 'all' }, /^region must be x,y,width,height/],
    [{ groupBy: 'year' }, /^groupBy must be label, or metadata\. .* such as metadata\.year\.$/],
    [{ galleries: 'my *' }, /^galleries must be the name of a gallery, or a pattern such as archive-\*\.$/],
    [{ reference: 'a.jpg' }, /^reference must begin with https:/],
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
