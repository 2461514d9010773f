import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bodyBounds, isDeeperThan, misfitOfStored, readJson, storedBounds } from '../src/bounded-json.js'

const nested = (depth: number, inner = '1') => `${'{"a":'.repeat(depth)}${inner}${'}'.repeat(depth)}`
const misfitOf = (text: string | Uint8Array) => {
  const read = readJson(text, bodyBounds)
  return 'misfit' in read ? read.misfit : undefined
}

test('JSON round-trips unchanged', () => {
  const text = String.raw`{"a":[1,-2.5e-3,0,true,null,"say \"[[[[\" \\"],"b":{"ü":"😀"},"c":9007199254740992,"d":12345678.123456789012}`
  assert.deepEqual(readJson(text, bodyBounds), { value: JSON.parse(text) })
  assert.deepEqual(readJson(Buffer.from(`\ufeff${text}`), bodyBounds), { value: JSON.parse(text) })
})

test('depth and number of values are bounded before parsing, whatever strings contain', () => {
  const { depthMax, valuesMax } = bodyBounds
  const rows: [text: string, misfit: RegExp | undefined][] = [
    [nested(depthMax), undefined],
    [nested(depthMax + 1), /nested deeper than/],
    ['['.repeat(1_000_000), /nested deeper than/],
    [JSON.stringify({ a: '['.repeat(1_000) }), undefined],
    [JSON.stringify({ a: '\\'.repeat(1_001), b: '"'.repeat(999), c: '[{' }), undefined],
    [`{"a\\\\":${nested(depthMax)}}`, /nested deeper than/],
    [`[${'1,'.repeat(valuesMax - 2)}1]`, undefined],
    [`[${'1,'.repeat(valuesMax)}1]`, /more than .* values/],
    [`[${'[],'.repeat(valuesMax)}[]]`, /more than .* values/],
  ]
  for (const [text, misfit] of rows) assert.match(misfitOf(text) ?? 'fits', misfit ?? /^fits$/, text.slice(0, 60))
})

test('a number that would lose digits is refused, unless it is a measurement', () => {
  const refused = [
    '9007199254740993',
    '-9007199254740993',
    '123456789012345678901',
    '9007199254740993.0',
    '1e400',
    '-1E+999',
    '1e-400',
    '9007199254740993e0',
    '-900719925474099.3e1',
    '123456789012345678e1',
    '1234567890123456789012E-3',
    '0.9007199254740993e16',
    `1${'0'.repeat(200_000)}1e5`,
  ]
  const kept = [
    '9007199254740992',
    '-9007199254740991',
    '1e300',
    '1E2',
    '0e-999',
    '0.1234567890123456789',
    '3.0000000000000001',
    '5e-324',
    '9007199254740992e0',
    '900719925474099.2e1',
    '90071992547409920e-1',
    '6.02214076e23',
    '123456789012345e280',
    '1.2345678901234567890e-5',
    '1234567890123456789e-20',
    '1e23',
  ]
  for (const number of refused) assert.match(misfitOf(`{"n":[${number}]}`) ?? 'fits', /holds the number/, number)
  for (const number of kept) assert.equal(misfitOf(`{"n":[${number}]}`), undefined, number)
})

test('text with unpaired surrogates is refused, in member names too', () => {
  for (const part of ['"\\ud83d"', '"x\\udC00y"', '"a\\u0000b"', '{"\\ud800":1}', '{"a":{"b\\u0000":1}}'])
    assert.match(misfitOf(`{"n":[${part}]}`) ?? 'fits', /holds a text that/, part)
  assert.equal(misfitOf('{"n":"\\ud83d\\ude00 \\u00e9 \\\\ud83d"}'), undefined)
  assert.equal(misfitOf(Buffer.from([0x22, 0xff, 0x22])), 'is not UTF-8')
  assert.equal(misfitOf('"\ud83d"'), 'holds a text that has half of a surrogate pair, which is no Unicode text')
})

test('malformed JSON is reported with its position and without its content', () => {
  assert.equal(misfitOf('{"secret" 1}'), 'is no JSON: it breaks off or goes wrong at character 11')
  assert.match(misfitOf('secret') ?? '', /^is no JSON[^s]*$/)
  assert.equal(misfitOf('{"secret":'), 'is no JSON: it breaks off after character 10')
})

test('a member that would reach a prototype is refused by name, wherever it is', () => {
  for (const text of [
    '{"__proto__":{"a":1}}',
    '{"a":[{"__proto__":1}]}',
    '{"constructor":{"prototype":{}}}',
    '{"\\u005f_proto__":1}',
  ])
    assert.match(misfitOf(text) ?? 'fits', /^has a member `__proto__`/, text)
  for (const text of ['{"constructor":1}', '{"prototype":{}}', '{"a":"__proto__"}'])
    assert.equal(misfitOf(text), undefined, text)
})

test('stored data has no member that would reach a prototype, whatever it was read from', () => {
  assert.match(misfitOfStored(Object.fromEntries([['__proto__', 'x']])) ?? 'fits', /^has a member `__proto__`/)
  assert.match(misfitOfStored({ a: [Object.fromEntries([['__proto__', 'x']])] }) ?? 'fits', /^has a member `__proto__`/)
  assert.equal(misfitOfStored({ constructor: 1 }), undefined)
})

test('the last of several members with the same name counts', () => {
  assert.deepEqual(readJson('{"a":1,"a":2}', bodyBounds), { value: { a: 2 } })
})

test('stored data is bounded in depth, values and bytes, and read back unchanged', () => {
  const { depthMax, valuesMax } = storedBounds
  const deep = (depth: number): unknown => JSON.parse(nested(depth))
  const rows: [value: unknown, misfit: RegExp | undefined][] = [
    [{}, undefined],
    [deep(depthMax), undefined],
    [deep(depthMax + 1), /nested deeper/],
    [JSON.parse(`${'['.repeat(200_000)}${']'.repeat(200_000)}`), /nested deeper/],
    [{ list: Array.from({ length: valuesMax - 2 }, () => 0) }, undefined],
    [{ list: Array.from({ length: valuesMax - 1 }, () => 0) }, /more than .* values/],
    [{ a: 'x'.repeat(16_376) }, undefined],
    [{ a: 'x'.repeat(16_377) }, /more than 16384 bytes/],
    [{ a: 'ü'.repeat(8_189) }, /more than 16384 bytes/],
    [{ a: { b: ['\ud83d'] } }, /surrogate/],
    [{ 'a\0': 1 }, /NUL/],
  ]
  for (const [value, misfit] of rows) assert.match(misfitOfStored(value, 16_384) ?? 'fits', misfit ?? /^fits$/)
})

test('the depth of stored text is determined without parsing it', () => {
  assert.equal(isDeeperThan(nested(1_000), 1_000), false)
  assert.equal(isDeeperThan(nested(1_001), 1_000), true)
  assert.equal(isDeeperThan(JSON.stringify({ a: '['.repeat(5_000) }), 1_000), false)
})
