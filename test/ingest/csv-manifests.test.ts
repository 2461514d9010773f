/** CSV as written by spreadsheets. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import iconv from 'iconv-lite'
import { AlikeError } from '../../src/errors.js'
import type { SourceDescription } from '../../src/ingest/source.js'
import { zipOf } from '../support/archives.js'
import { readSource } from '../support/read-source.js'

async function said(t: TestContext, csv: Buffer | string, description: Partial<SourceDescription> = {}) {
  const items = await readSource(
    t,
    zipOf([{ path: 'manifest.csv', content: Buffer.from(csv) }, { path: '1.jpg' }, { path: '2.jpg' }]),
    { kind: 'zip', ...description },
  )
  return items.map((item) =>
    'id' in item ? [item.label, ...(item.metadata === undefined ? [] : [item.metadata])] : item,
  )
}

const invalid = (detail: RegExp) => (error: unknown) =>
  error instanceof AlikeError && error.code === 'manifest_invalid' && detail.test(error.message)

test('the header determines whether commas, semicolons or tabs separate the columns', async (t) => {
  const wanted = [
    ['Käse, alt', { price: 9.99 }],
    ['x;y\tz', {}],
  ]
  const rows: string[] = [
    'filename,label,price\n1.jpg,"Käse, alt",9.99\n2.jpg,"x;y\tz",\n',
    'filename;label;price\r\n1.jpg;Käse, alt;9.99\r\n2.jpg;"x;y\tz";\r\n',
    'filename\tlabel\tprice\n1.jpg\tKäse, alt\t9.99\n2.jpg\t"x;y\tz"\t\n',
    'sep=;\r\nfilename;label;price\r\n1.jpg;Käse, alt;9.99\r\n2.jpg;"x;y\tz";\r\n',
    'sep=|\nfilename|label|price\n1.jpg|Käse, alt|9.99\n2.jpg|"x;y\tz"|\n',
    '\n"filename";"label";"price"\n1.jpg;Käse, alt;9.99\n2.jpg;"x;y\tz";\n;;\n',
    'price;filename;"label"\n9.99;1.jpg;Käse, alt\n;2.jpg;"x;y\tz"\n',
  ]
  for (const csv of rows) assert.deepEqual(await said(t, csv), wanted, JSON.stringify(csv))
  // commas within one column name are not separators
  assert.deepEqual(await said(t, 'filename;"a,b,c,d"\n1.jpg;x\n2.jpg;\n'), [
    [undefined, { 'a,b,c,d': 'x' }],
    [undefined, {}],
  ])
})

test('a manifest that is not UTF-8 is read as stated or as its byte order mark says, else refused with advice', async (t) => {
  const csv = 'filename;label\n1.jpg;Käse\n2.jpg;Köse\n'
  const wanted = [['Käse'], ['Köse']]
  const latin1 = iconv.encode(csv, 'windows-1252')
  assert.deepEqual(await said(t, csv), wanted)
  assert.deepEqual(await said(t, `\ufeff${csv}`), wanted)
  assert.deepEqual(await said(t, latin1, { manifestEncoding: 'windows-1252' }), wanted)
  assert.deepEqual(await said(t, latin1, { nameEncoding: 'latin1' }), wanted)
  assert.deepEqual(await said(t, csv, { nameEncoding: 'cp437' }), wanted, 'UTF-8 stays UTF-8')
  assert.deepEqual(await said(t, iconv.encode(csv, 'utf-16le', { addBOM: true })), wanted)
  assert.deepEqual(await said(t, iconv.encode(csv, 'utf-16be', { addBOM: true })), wanted)
  await assert.rejects(
    said(t, latin1),
    invalid(/manifest\.csv, as a whole: It is not UTF-8\. State manifestEncoding: .*windows-1252/),
  )
  await assert.rejects(said(t, latin1, { manifestEncoding: 'utf-8' }), invalid(/not UTF-8/))
  await assert.rejects(
    said(t, Buffer.from('filename,label\n1.jpg,\x81\n', 'latin1'), { manifestEncoding: 'windows-1252' }),
    invalid(/It is not windows-1252/),
  )
})

test('lines of one manifest may end in several ways', async (t) => {
  for (const csv of [
    'filename\tlabel\n1.jpg\tx\r\n2.jpg\t"y"\r\n',
    'filename,label\r\n1.jpg,x\n2.jpg,y\n',
    '\r\nfilename,label\n1.jpg,x\r2.jpg,y',
  ])
    assert.deepEqual(await said(t, csv), [['x'], ['y']], JSON.stringify(csv))
  const split = `filename,label,note\r\n1.jpg,x,${'-'.repeat(16_384 - 30)}\r\n2.jpg,y,\r\n`
  for (let more = 0; more < 3; more++) {
    const rows = (await said(t, split.replace('-', '-'.repeat(more + 1)))) as unknown[][]
    assert.deepEqual(
      rows.map(([label]) => label),
      ['x', 'y'],
    )
  }
})

test('Latin-1 is read like the names of files: quotes and the euro sign are characters', async (t) => {
  const csv = Buffer.from('filename,label\n1.jpg,it\x92s 5 \x80\n2.jpg,\n', 'latin1')
  for (const encoding of ['latin1', 'iso-8859-1'] as const) {
    assert.deepEqual((await said(t, csv, { manifestEncoding: encoding }))[0], ['it’s 5 €'])
    assert.deepEqual((await said(t, csv, { nameEncoding: encoding }))[0], ['it’s 5 €'])
  }
})

test('a numeric cell becomes a number, unless that would lose digits', async (t) => {
  const cells: [cell: string, value: unknown][] = [
    ['9.99', 9.99],
    ['10.50', 10.5],
    ['12.00', 12],
    ['0.0', 0],
    ['-0.50', -0.5],
    ['0', 0],
    ['2024', 2024],
    ['9007199254740991', 9007199254740991],
    ['9007199254740993', '9007199254740993'],
    ['0.1234567890123456789', '0.1234567890123456789'],
    ['0.000000000012', 0.000000000012],
    ['123456789.123456', 123456789.123456],
    ['007', '007'],
    ['00.5', '00.5'],
    ['.5', '.5'],
    ['5.', '5.'],
    ['+5', '+5'],
    ['1e5', '1e5'],
    ['0x10', '0x10'],
    ['1.2.3', '1.2.3'],
    ['Infinity', 'Infinity'],
    ['1 000', '1 000'],
    ['12-5', '12-5'],
  ]
  for (const [cell, value] of cells)
    assert.deepEqual((await said(t, `filename,x\n1.jpg,${cell}\n2.jpg,\n`))[0], [undefined, { x: value }], cell)
})

test('surrogate pairs stay whole wherever the text is split', async (t) => {
  for (const shift of [0, 1]) {
    const csv = `filename,note\n1.jpg,${'x'.repeat(shift)}${'\u{1f600}'.repeat(3_000)}\n2.jpg,\n`
    const [first] = await said(t, iconv.encode(csv, 'utf-16le', { addBOM: true }))
    assert.deepEqual(Object.values((first as [null, object])[1]), [`${'x'.repeat(shift)}${'\u{1f600}'.repeat(3_000)}`])
  }
})

test('an unpaired surrogate is refused', async (t) => {
  for (const csv of [
    'filename,label\n1.jpg,\ud83d\n',
    'filename,x\n1.jpg,a\ud83d\n',
    'filename,id\n1.jpg,\ude00\n',
    'filename\n\ud83d.jpg\n',
  ]) {
    await assert.rejects(
      said(t, Buffer.concat([Buffer.from('fffe', 'hex'), Buffer.from(csv, 'utf16le')])),
      invalid(/manifest\.csv, .*: It has half of a surrogate pair/),
      JSON.stringify(csv),
    )
  }
})

test('faults in a header are reported for the header', async (t) => {
  const rows: [csv: string, detail: RegExp][] = [
    ['name,label\n1.jpg,x\n', /manifest\.csv, header: It has no column "filename"/],
    ['filename,label,label\n1.jpg,x,y\n', /header: It has the column "label" twice/],
    [`filename${',a'.repeat(200)}\n`, /header: It has more than 120 columns/],
    ['filename,label\n1.jpg\n', /row 2: It is not a CSV/],
    ['filename,label\n1.jpg,x\n2.jpg,"x\n', /row \d: It is not a CSV: Quote Not Closed/],
    [`filename,label\n1.jpg,x\n2.jpg,${'x'.repeat(201)}\n`, /row 3: label/],
  ]
  for (const [csv, detail] of rows) await assert.rejects(said(t, csv), invalid(detail), csv.slice(0, 60))
})
