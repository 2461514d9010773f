/**
 * Estimates what galleries too large to measure here would need in a Weaviate cluster: calculated from measured parts,
 * with every assumption listed. `npm run bench:scale`; `bench:engines` measures the parts on your own machine.
 */

interface Assumption {
  value: number
  unit: string
  because: string
}

const assumed = {
  dimension: { value: 527, unit: 'numbers', because: 'the default network: an embedding and its posterior' },
  vectorBytes: { value: 4, unit: 'bytes per number', because: 'full vectors are always stored, on disk' },
  codeBytes: { value: 1, unit: 'bytes per number', because: 'rq8: eight bits in memory' },
  links: {
    value: 64,
    unit: 'links per picture',
    because: 'twice 32 on the lowest layer of the graph; higher layers add a thirtieth',
  },
  linkBytes: { value: 4, unit: 'bytes per link', because: 'a 32-bit number' },
  thumbnailBytes: { value: 10_000, unit: 'bytes', because: 'of a photo, roughly' },
  recordBytes: { value: 2_000, unit: 'bytes', because: 'metadata with a few fields, descriptor and tokens' },
  replicas: { value: 3, unit: 'copies', because: 'one machine may be down' },
  nodeMemory: {
    value: 96e9,
    unit: 'bytes',
    because: 'of a 128 GB machine; the rest is for the file cache and index building',
  },
  residentBytes: {
    value: 5_800,
    unit: 'bytes per picture',
    because:
      'growth of the server between 3,000 and 50,000 pictures (183 to 455 MB), including mapped files and garbage, so an upper bound',
  },
  insertsOfCore: {
    value: 226,
    unit: 'pictures/s',
    because:
      '452/s on two cores at 50,000 pictures, shared with the client (docs/scale-out.md); linear in cores is assumed, not measured',
  },
  coresOfNode: { value: 16, unit: 'cores', because: 'a common size' },
} as const satisfies Record<string, Assumption>

const of = (name: keyof typeof assumed): number => assumed[name].value

function needs(images: number) {
  const inMemory =
    images * (of('dimension') * of('codeBytes') + of('links') * of('linkBytes') * (31 / 30)) * of('replicas')
  const ofImage = of('dimension') * (of('vectorBytes') + of('codeBytes')) + of('thumbnailBytes') + of('recordBytes')
  const resident = Math.max(inMemory, images * of('residentBytes') * of('replicas'))
  const nodesOf = (bytes: number) => Math.max(3, Math.ceil(bytes / of('nodeMemory')))
  const nodes = nodesOf(inMemory)
  // every replica inserts the picture
  const hours = (images * of('replicas')) / (nodes * of('coresOfNode') * of('insertsOfCore')) / 3_600
  return { inMemory, resident, onDisk: images * ofImage * of('replicas'), nodes, nodesMost: nodesOf(resident), hours }
}

console.log('| assumption | value | reason |\n|---|---|---|')
for (const [name, { value, unit, because }] of Object.entries(assumed))
  console.log(`| ${name} | ${value} ${unit} | ${because} |`)
console.log(
  '\n| pictures | memory, all replicas: graph and codes, at most | disk, all replicas | machines, at most | hours to fill |\n|---|---|---|---|---|',
)
for (const images of [1e6, 1e7, 1e8, 1e9]) {
  const { inMemory, resident, onDisk, nodes, nodesMost, hours } = needs(images)
  const gigabytes = (bytes: number) => Math.round(bytes / 1e8) / 10
  console.log(
    `| ${images.toLocaleString('en')} | ${gigabytes(inMemory)} to ${gigabytes(resident)} GB | ${(onDisk / 1e12).toPrecision(3)} TB | ${nodes} to ${nodesMost} | ${hours.toPrecision(2)} |`,
  )
}
