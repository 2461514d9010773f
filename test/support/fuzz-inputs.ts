/** The seeds of the fuzzer: valid pictures in every accepted format, and valid bodies of every kind around them. */
import { gzipSync } from 'node:zlib'
import sharp from 'sharp'
import { paxRecord, rawTar, tarOf, unicodePath, zipOf } from './archives.js'
import { drawImage, drawnLabels } from './drawn-images.js'
import { formBody, formHeaders } from './forms.js'

export interface FuzzBody {
  /** What it was before the damage. */
  name: string
  method: 'PUT' | 'POST' | 'PATCH'
  path: string
  type: string
  bytes: Buffer
}

const gallery = '/v1/galleries/fuzz'
/** Many pictures are stored under few ids to keep the gallery small. */
const ids = 8

/** Every decoder, with features off its usual path. */
export async function fuzzImages(): Promise<Record<string, Buffer>> {
  const drawn = await drawImage('cross', 7, { width: 64, height: 48, format: 'png' })
  const other = await drawImage('stripes', 8, { width: 64, height: 48, format: 'png' })
  const animated = await sharp([drawn, other], { join: { animated: true } })
    .toColourspace('srgb')
    .gif()
    .toBuffer()
  return {
    jpeg: await sharp(drawn).jpeg().toBuffer(),
    'jpeg, progressive': await sharp(drawn).jpeg({ progressive: true, chromaSubsampling: '4:4:4' }).toBuffer(),
    'jpeg, EXIF and profile': await sharp(drawn).withMetadata({ orientation: 6, icc: 'p3' }).jpeg().toBuffer(),
    'jpeg, CMYK': await sharp(drawn).toColourspace('cmyk').jpeg().toBuffer(),
    'jpeg, grey': await sharp(drawn).greyscale().jpeg().toBuffer(),
    png: drawn,
    'png, 16 bits, interlaced': await sharp(drawn).toColourspace('rgb16').png({ progressive: true }).toBuffer(),
    'png, palette and alpha': await sharp(drawn).ensureAlpha(0.5).png({ palette: true }).toBuffer(),
    webp: await sharp(drawn).webp().toBuffer(),
    'webp, lossless': await sharp(drawn).ensureAlpha(0.4).webp({ lossless: true }).toBuffer(),
    'webp, animated': await sharp(animated, { animated: true }).webp().toBuffer(),
    gif: await sharp(drawn).gif().toBuffer(),
    'gif, animated': animated,
    avif: await sharp(drawn).avif({ effort: 0 }).toBuffer(),
    'avif, lossless': await sharp(drawn).ensureAlpha(0.4).avif({ effort: 0, lossless: true }).toBuffer(),
  }
}

/**
 * Valid JSON with shapes and texts that must be refused, some with invalid UTF-8, some with an address that is not
 * text.
 */
export function fuzzShapes(random: () => number): Omit<FuzzBody, 'name'> {
  const depth = Math.floor(10 ** (random() * 5))
  const [open, close] = random() < 0.5 ? ['{"a":', '}'] : ['[', ']']
  const values = [
    `${open.repeat(depth)}1${close.repeat(depth)}`,
    `[${'{},'.repeat(depth)}0]`,
    `"${'x'.repeat(depth)}"`,
    '1e400',
    '9007199254740993',
    '"\\ud83d"',
    '"\\u0000"',
    `{"a":1,"a":${depth}}`,
  ]
  const value = values[Math.floor(random() * values.length)]!
  const bodies: [method: FuzzBody['method'], path: string, text: string][] = [
    ['PATCH', `${gallery}/images/3`, `{"metadata":{"a":${value}}}`],
    ['PATCH', `${gallery}/images/3`, `{"label":${value}}`],
    ['PUT', '/v1/galleries/fuzz-other', `{"settings":{"a":${value}}}`],
    ['POST', `${gallery}/search`, `{"imageId":"3","k":10000,"include":["metadata"],"filter":${value}}`],
    [
      'POST',
      `${gallery}/search/batch`,
      `{"queries":[${Array.from({ length: 64 }, () => `{"imageId":"3","k":10000,"include":["metadata"],"filter":${value}}`).join(',')}]}`,
    ],
    ['POST', `${gallery}/doctor`, value],
  ]
  const [method, path, text] = bodies[Math.floor(random() * bodies.length)]!
  if (random() < 0.3)
    return {
      method: 'POST',
      path: `${gallery}/ingest`,
      type: 'application/x-ndjson',
      bytes: Buffer.from(`{"add":{"id":"s","image":"","metadata":{"a":${value}}}}\n{"delete":${value}}\n${value}`),
    }
  const bytes = Buffer.from(text)
  if (random() < 0.2) bytes[Math.floor(random() * bytes.length)] = 0x80 + Math.floor(random() * 128) // no UTF-8 any more
  const address =
    random() < 0.2
      ? `?label=${Array.from(
          { length: 3 },
          () =>
            `%${Math.floor(random() * 256)
              .toString(16)
              .padStart(2, '0')}`,
        ).join('')}`
      : ''
  return { method, path: `${path}${address}`, type: 'application/json', bytes }
}

/** A picture, good or damaged, in one of the ways in which a caller can send it. */
export function imageRequest(picture: Buffer, number: number): Omit<FuzzBody, 'name'> {
  const search = { method: 'POST', path: `${gallery}/search?k=3` } as const
  const store = { method: 'PUT', path: `${gallery}/images/${number % ids}?label=${drawnLabels[number % 4]}` } as const
  const form = {
    type: formHeaders['content-type'],
    bytes: formBody([{ name: 'image', filename: 'a.jpg', content: picture }]),
  }
  const raw = { type: 'image/jpeg', bytes: picture }
  const json = { type: 'application/json', bytes: Buffer.from(JSON.stringify({ image: picture.toString('base64') })) }
  const pair = {
    type: 'application/json',
    bytes: Buffer.from(JSON.stringify({ images: [picture.toString('base64'), picture.toString('base64')] })),
  }
  const ways: Omit<FuzzBody, 'name'>[] = [
    { ...search, ...raw },
    { ...store, ...raw },
    { ...search, ...form },
    { ...store, ...form },
    { ...search, ...json },
    { ...search, path: `${search.path}&region=0.1,0.2,0.5,0.5`, ...raw },
    { method: 'POST', path: '/v1/embeddings', ...raw },
    { method: 'POST', path: '/v1/compare', ...pair },
  ]
  return ways[number % ways.length]!
}

/** The same name twice, in two forms and in several encodings, with what formats say of them; holes, links, litter and a manifest. */
function namesOfAllKinds(content: Buffer): { tar: Buffer; zip: Buffer } {
  const latin1 = (text: string) => Buffer.from(text, 'latin1')
  const utf8 = (text: string) => Buffer.from(text).toString('latin1')
  const manifest = latin1('filename;label;price\nK\xe4se.jpg;K\xe4se;9.50\na.jpg;;\n')
  const pax = (...records: [key: string, value: string][]) => ({
    name: 'x',
    type: 'x',
    content: Buffer.concat(records.map(([key, value]) => paxRecord(key, value))),
  })
  return {
    tar: rawTar([
      { name: 'volume', type: 'V' },
      pax(['comment', 'x']),
      { name: 'a.jpg', content },
      { name: 'a.jpg', content },
      { name: 'b.jpg', type: '1', link: 'a.jpg' },
      { name: 'm\xfc/1.jpg', content },
      pax(['path', utf8('Ka\u0308se.jpg')]),
      { name: '1', content },
      pax(['hdrcharset', 'BINARY'], ['path', 'K\xe4se.jpg']),
      { name: '2', content },
      pax(['GNU.sparse.size', '5000'], ['GNU.sparse.map', `100,${content.length}`], ['GNU.sparse.name', 'hole.jpg']),
      { name: '3', content },
      { name: '././@LongLink', type: 'L', content: latin1(`${'long/'.repeat(30)}\0`) },
      { name: '4', content },
      { name: '@eaDir/a.jpg', content },
      { name: 'pipe', type: '6' },
    ]),
    zip: zipOf([
      { path: 'labels.csv', content: manifest },
      { path: 'a.jpg', content },
      { path: 'a.jpg', content, isStored: true },
      { path: 'Ka\u0308se.jpg', content },
      { path: '', name: { bytes: latin1('K\x84se.jpg'), isFlaggedUtf8: false, madeBy: 0 }, content },
      { path: '', name: { bytes: latin1('K\xe4se.jpg') }, content },
      {
        path: '',
        name: { bytes: latin1('K.jpg'), isFlaggedUtf8: false, extra: unicodePath(latin1('K.jpg'), 'K\u00e4se.jpg') },
        content,
      },
      { path: 'Thumbs.db', content },
    ]),
  }
}

/** Good requests whose bodies are damaged as a whole, frames and fields included. */
export async function fuzzBodies(): Promise<FuzzBody[]> {
  const pictures = await Promise.all(drawnLabels.map((label, n) => drawImage(label, n, { width: 24, height: 24 })))
  const image = pictures[0]!.toString('base64')
  const vector = Array.from({ length: 128 }, (_, i) => (i === 3 ? 1 : 0))
  const filter = { and: [{ field: 'metadata.year', gte: 2020 }, { not: { field: 'label', in: ['circle', 'cross'] } }] }
  const files = pictures.map((content, n) => ({ name: 'image', filename: `${drawnLabels[n]}/${n}.jpg`, content }))
  const entries = pictures.map((content, n) => ({ path: `${drawnLabels[n]}/${n}.jpg`, content }))
  const tar = await tarOf(entries)
  const zip = zipOf(entries)
  const names = namesOfAllKinds(pictures[0]!)
  const json = (name: string, method: FuzzBody['method'], path: string, body: object) => ({
    name,
    method,
    path,
    type: 'application/json',
    bytes: Buffer.from(JSON.stringify(body)),
  })
  const ingest = (name: string, type: string, bytes: Buffer): FuzzBody => ({
    name,
    method: 'POST',
    path: `${gallery}/ingest`,
    type,
    bytes,
  })
  const formType = formHeaders['content-type']
  return [
    {
      name: 'form to search',
      method: 'POST',
      path: `${gallery}/search`,
      type: formType,
      bytes: formBody([
        ...files.slice(0, 2),
        { name: 'k', content: '5' },
        { name: 'filter', content: JSON.stringify(filter) },
      ]),
    },
    {
      name: 'form to store',
      method: 'PUT',
      path: `${gallery}/images/1`,
      type: formType,
      bytes: formBody([
        { name: 'label', content: 'circle' },
        { name: 'metadata', content: '{"year":2021}' },
        files[0]!,
      ]),
    },
    json('JSON to search', 'POST', `${gallery}/search`, {
      image,
      k: 5,
      filter,
      region: { x: 0.1, y: 0.1, width: 0.5, height: 0.5 },
      include: ['metadata'],
    }),
    json('vector to search', 'POST', `${gallery}/search`, { vector, k: 3, excludeIds: ['1'], minScore: -1, ef: 10 }),
    json('examples to search', 'POST', `${gallery}/search`, {
      like: ['1', '2'],
      unlike: ['3'],
      label: ['circle'],
      exact: true,
      offset: 1,
    }),
    json('JSON to store', 'PUT', `${gallery}/images/2`, {
      image,
      label: 'cross',
      metadata: { year: 2022, tags: ['a', 'b'], place: { city: 'x' } },
    }),
    json('change', 'PATCH', `${gallery}/images/3`, { label: null, metadata: { year: 2019 } }),
    json('gallery', 'PUT', '/v1/galleries/fuzz-other', { settings: { owner: 'someone' } }),
    ingest('tar', 'application/x-tar', tar),
    ingest('tar.gz', 'application/gzip', gzipSync(tar)),
    ingest('zip', 'application/zip', zip),
    ingest('tar of names', 'application/x-tar', names.tar),
    ingest('tar.gz of names', 'application/gzip', gzipSync(names.tar)),
    ingest('zip of names', 'application/zip', names.zip),
    {
      ...ingest('zip of stated names', 'application/zip', names.zip),
      path: `${gallery}/ingest?nameEncoding=shift_jis&manifestEncoding=cp437&litter=take`,
    },
    ingest(
      'form of names',
      formType,
      formBody(
        ['a.jpg', 'a.jpg', 'm\xfc.jpg', '@eaDir/a.jpg'].map((filename) => ({
          name: 'image',
          filename,
          content: pictures[0]!,
        })),
        'latin1',
      ),
    ),
    ingest('form of many', formType, formBody([{ name: 'label', content: 'circle' }, ...files])),
    ingest(
      'form of a zip',
      formType,
      formBody([{ name: 'archive', filename: 'a.zip', type: 'application/zip', content: zip }]),
    ),
  ]
}
