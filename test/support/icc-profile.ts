/** A profile (ICC.1:2001-04) with three primaries and one curve, as cameras write for Adobe RGB. */

const fixed = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(Math.round(value * 65_536))
  return bytes
}
const xyz = (values: readonly number[]): Buffer =>
  Buffer.concat([Buffer.from('XYZ \0\0\0\0', 'latin1'), ...values.map(fixed)])

/** Columns of Adobe RGB (1998), adapted to D50: annex B of its specification. */
const adobeColumns = {
  rXYZ: [0.60974, 0.31111, 0.01947],
  gXYZ: [0.20528, 0.62567, 0.06087],
  bXYZ: [0.14919, 0.06322, 0.74457],
} as const
const adobeGamma = 2 + 51 / 256
const d50 = [0.9642, 1, 0.8249] as const

export function adobeRgbProfile(): Buffer {
  const gamma = Buffer.from('curv\0\0\0\0\0\0\0\x01\0\0\0\0', 'latin1')
  gamma.writeUInt16BE(Math.round(adobeGamma * 256), 12)
  const description = Buffer.alloc(12 + 6 + 78)
  description.write('desc\0\0\0\0\0\0\0\x06Adobe\0', 'latin1')
  const copyright = Buffer.from('text\0\0\0\0none\0\0\0\0', 'latin1')
  const tags: [string, Buffer][] = [
    ['desc', description],
    ['cprt', copyright],
    ['wtpt', xyz(d50)],
    ...Object.entries(adobeColumns).map(([name, values]): [string, Buffer] => [name, xyz(values)]),
    ['rTRC', gamma],
    ['gTRC', gamma],
    ['bTRC', gamma],
  ]
  return assembled(tags)
}

function assembled(tags: readonly [string, Buffer][]): Buffer {
  const table = Buffer.alloc(4 + tags.length * 12)
  table.writeUInt32BE(tags.length)
  const bodies: Buffer[] = []
  let at = 128 + table.length
  for (const [i, [name, body]] of tags.entries()) {
    table.write(name, 4 + i * 12, 'latin1')
    table.writeUInt32BE(at, 8 + i * 12)
    table.writeUInt32BE(body.length, 12 + i * 12)
    bodies.push(body, Buffer.alloc(-body.length & 3))
    at += body.length + (-body.length & 3)
  }
  const header = Buffer.alloc(128)
  header.writeUInt32BE(at)
  header.writeUInt32BE(0x02400000, 8)
  header.write('mntrRGB XYZ ', 12, 'latin1')
  header.write('acsp', 36, 'latin1')
  for (const [i, value] of d50.entries()) fixed(value).copy(header, 68 + i * 4)
  return Buffer.concat([header, table, ...bodies])
}
