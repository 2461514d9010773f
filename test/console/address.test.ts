/** The console's URLs, and the meaning of a search in one. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readAddress, writeAddress } from '../../src/console/routing/address.js'
import { curlCall, typescriptCall } from '../../src/console/search/equivalent-calls.js'
import { imageOf, keepImage } from '../../src/console/search/given-images.js'
import { placeAfterKey } from '../../src/console/search/hit-rows.js'
import { boxBetween, moved } from '../../src/console/search/region.js'
import { addressParameters, parametersOf } from '../../src/console/search/search-parameters.js'
import {
  readQuery,
  type SearchQuery,
  withExample,
  withOpinion,
  writeQuery,
} from '../../src/console/search/search-query.js'

const hostile = `<img src=x onerror=alert(1)>/"'&?#%00 שלום 🚲`

const query: SearchQuery = {
  imageId: hostile,
  like: [`${hostile}1`, '2'],
  unlike: ['3'],
  region: { x: 0.25, y: 0.1, width: 0.5, height: 0.5 },
  k: 50,
  exact: true,
  nearCopies: false,
  hideDuplicates: true,
  expand: 10,
  diversity: 0.3,
  groupBy: 'metadata.place',
  filter: { field: 'metadata.note', equals: hostile },
}

test('an address round-trips, whatever it contains', () => {
  const address = { screen: 'search', gallery: 'a.b-c', settings: writeQuery(query) } as const
  const read = readAddress(writeAddress(address))
  assert.deepEqual([read.screen, read.gallery], ['search', 'a.b-c'])
  assert.deepEqual(readQuery(read.settings), { ...query, picture: undefined, url: undefined })
})

test('the address of a given picture names it, whatever the file is called', () => {
  for (const name of ['a.jpg', `${'a'.repeat(39)}😀.jpg`, '\ud83d.jpg']) {
    const file = new File([], name)
    const settings = writeQuery({ ...query, picture: keepImage(file) })
    assert.equal(imageOf(readQuery(new URLSearchParams(settings.toString())).picture), file, name)
  }
})

test('the URL of a picture may have a query, even if it was not encoded', () => {
  const { settings } = readAddress('#/search/g?url=https://pictures.example/a.jpg?width=100')
  assert.equal(readQuery(settings).url, 'https://pictures.example/a.jpg?width=100')
})

test('an unusable address opens the search', () => {
  for (const hash of ['', '#', '#/', '#/nowhere', '#/%', '#/search/%E0%A4%A'])
    assert.equal(readAddress(hash).screen, 'search', hash)
  const settings = new URLSearchParams('k=-3&expand=101&diversity=7&region=a,b&filter={&id=1')
  const { k, expand, diversity, region, filter } = readQuery(settings)
  assert.deepEqual([k, expand, diversity, region, filter], [24, 0, 0, undefined, undefined])
})

test('another example drops opinions and region, and keeps the search options', () => {
  const next = withExample(query, { picture: '1-a.jpg' })
  assert.deepEqual([next.imageId, next.like, next.unlike, next.region], [undefined, [], [], undefined])
  assert.deepEqual([next.k, next.groupBy], [50, 'metadata.place'])
})

test('an opinion moves a picture from one side to the other, and repeating it withdraws it', () => {
  const unliked = withOpinion(query, '2', 'unlike')
  assert.deepEqual([unliked.like, unliked.unlike], [[`${hostile}1`], ['3', '2']])
  assert.deepEqual(withOpinion(unliked, '2', 'unlike').unlike, ['3'])
})

test('options that exclude each other are not sent together', () => {
  const grouped = parametersOf(query)
  assert.deepEqual([grouped.groupBy, grouped.diversity, grouped.region], ['metadata.place', undefined, undefined])
  assert.equal(grouped.expand, 10)
  const copies = parametersOf({ ...query, nearCopies: true })
  assert.deepEqual(
    [copies.nearCopies, copies.expand, copies.vote, copies.groupBy, copies.hideDuplicates],
    ['only', undefined, undefined, undefined, undefined],
  )
  assert.deepEqual(parametersOf({ ...query, picture: '1-a.jpg' }).region, query.region)
  assert.equal(addressParameters(parametersOf({ ...query, picture: '1' })).region, '0.25,0.1,0.5,0.5')
})

test('the calls to copy are equivalent, whatever the texts contain', () => {
  const parameters = parametersOf({ ...query, imageId: "it's" })
  const call = { base: 'https://pictures.example/alike/', gallery: 'demo', parameters, withKey: true }
  const curl = curlCall(call)
  assert.ok(curl.includes("'https://pictures.example/alike/v1/galleries/demo/search'"))
  assert.ok(curl.includes(`"it'\\''s"`) && curl.includes('$ALIKE_KEY'))
  const typescript = typescriptCall(call)
  assert.ok(
    typescript.includes(`"imageId": "it's"`) && typescript.includes('url: "https://pictures.example/alike/", key }'),
  )
  const upload = curlCall({ ...call, fileName: 'a.jpg', withKey: false })
  assert.ok(upload.includes("--data-binary '@a.jpg'") && upload.includes('k=50') && !upload.includes('KEY'))
})

test('a box is clipped to the picture, and one that is too small is ignored', () => {
  assert.deepEqual(boxBetween({ x: 0.5, y: 1.4 }, { x: -0.2, y: 0.5 }), { x: 0, y: 0.5, width: 0.5, height: 0.5 })
  assert.equal(boxBetween({ x: 0.5, y: 0.5 }, { x: 0.51, y: 0.9 }), undefined)
})

test('arrow keys lead to the adjacent hit, and to the row above or below', () => {
  const tops = [10, 10, 10, 90, 90, 90, 170]
  for (const [key, from, to] of [
    ['ArrowRight', 0, 1],
    ['ArrowRight', 6, undefined],
    ['ArrowLeft', 3, 2],
    ['ArrowLeft', 0, undefined],
    ['ArrowUp', 1, undefined],
    ['ArrowUp', 4, 1],
    ['ArrowUp', 6, 3],
    ['ArrowDown', 2, 5],
    ['ArrowDown', 5, 6],
    ['ArrowDown', 6, undefined],
    ['Enter', 1, undefined],
  ] as const)
    assert.equal(placeAfterKey(key, from, tops), to, `${key} from ${from}`)
})

test('arrow keys move and resize a box inside the picture', () => {
  const corner = { x: 0.5, y: 0.5, width: 0.5, height: 0.5 }
  assert.deepEqual(moved(corner, 'ArrowRight', false), corner)
  assert.equal(moved(corner, 'ArrowUp', true)!.height, 0.45)
  assert.equal(moved(undefined, 'ArrowLeft', false)!.x, 0.2)
  assert.equal(moved(corner, 'Enter', false), undefined)
})
