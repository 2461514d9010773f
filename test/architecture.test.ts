/**
 * Enforces the import rules of ARCHITECTURE.md: data flows in one direction, and every native package has one importing
 * place.
 */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize, relative } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'

const sourceFiles = readdirSync('src', { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && /\.tsx?$/.test(entry.name))
  .map((entry) => join(entry.parentPath, entry.name))

interface Import {
  file: string
  /** A package name, or a project path for our own files. */
  target: string
  dynamic: boolean
}

/** The source file that an import of JavaScript refers to. */
const sourceOf = (path: string): string =>
  sourceFiles.find((file) => file.replace(/\.tsx?$/, '.js') === path) ?? path.replace(/\.js$/, '.ts')

/** Static, dynamic and re-exporting imports of a file, ignoring comments. */
function importsOf(file: string): Import[] {
  const code = readFileSync(file, 'utf8')
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .replace(/^\s*\/\/.*$/gm, '')
  const pattern =
    /(?:\bfrom\s+|\bimport\s+|\b(import|require)\(\s*|\bcreateRequire\(import\.meta\.url\)\(\s*|new URL\(\s*)['"]([^'"]+)['"]/g
  return [...code.matchAll(pattern)].map(([, call, specifier]) => ({
    file,
    target: specifier!.startsWith('.')
      ? sourceOf(relative('.', normalize(join(dirname(file), specifier!))))
      : specifier!,
    dynamic: call === 'import',
  }))
}

const imports = sourceFiles.flatMap(importsOf)

/** Folders that may import less than the folder containing them. */
const innerParts = ['analysis/findings']

/** Part of the source tree: the folder below src, or the file's own name for files directly in src. */
function partOf(path: string): string {
  const inner = innerParts.find((part) => path.startsWith(`src/${part}/`))
  return inner ?? path.split('/')[1]!.replace(/\.tsx?$/, '')
}

/** part → the parts it may import besides itself. Nothing else is allowed. */
const mayImport: Record<string, readonly string[]> = {
  errors: [],
  'command-line': ['text'],
  'durable-files': ['errors'],
  originals: ['content-hash', 'errors', 'durable-files', 'one-after-another', 'worker-calls'],
  cosine: [],
  version: [],
  turns: [],
  niceness: [],
  'first-from': [],
  'all-ended': [],
  'one-after-another': [],
  'content-hash': ['turns'],
  text: [],
  'bounded-json': ['text'],
  access: ['errors', 'text', 'durable-files'],
  tracing: ['errors'],
  watch: ['eval', 'gallery'],
  eval: ['cosine', 'ranking'],
  'native-build': [],
  pixels: ['native-build'],
  copies: ['pixels'],
  'analysis/findings': ['cosine', 'eval', 'copies'],
  metrics: [],
  config: ['errors'],
  image: ['all-ended', 'errors', 'copies', 'pixels', 'niceness'],
  'worker-calls': ['errors'],
  embedding: [
    'durable-files',
    'cosine',
    'errors',
    'eval',
    'image',
    'metrics',
    'niceness',
    'one-after-another',
    'worker-calls',
  ],
  ranking: [],
  engines: [
    'first-from',
    'native-build',
    'one-after-another',
    'originals',
    'cosine',
    'durable-files',
    'errors',
    'text',
    'turns',
    'copies',
    'gallery',
    'jobs',
    'worker-calls',
  ],
  gallery: ['all-ended', 'cosine', 'errors', 'text', 'turns', 'bounded-json', 'copies', 'one-after-another', 'ranking'],
  datasets: ['errors', 'eval'],
  retrieval: ['content-hash', 'errors', 'ranking', 'image', 'embedding', 'gallery'],
  explain: ['cosine', 'errors', 'ranking', 'image', 'embedding', 'gallery', 'originals', 'retrieval'],
  remote: ['content-hash', 'errors', 'metrics'],
  jobs: ['errors', 'text', 'gallery'],
  postgres: ['errors', 'gallery', 'jobs'],
  ingest: [
    'first-from',
    'content-hash',
    'one-after-another',
    'originals',
    'durable-files',
    'errors',
    'text',
    'bounded-json',
    'image',
    'embedding',
    'gallery',
    'jobs',
    'metrics',
    'remote',
    'turns',
  ],
  're-embedding': [
    'copies',
    'embedding',
    'errors',
    'eval',
    'gallery',
    'image',
    'jobs',
    'one-after-another',
    'originals',
    'turns',
  ],
  analysis: ['errors', 'copies', 'eval', 'gallery', 'jobs', 'analysis/findings', 'niceness', 'worker-calls'],
  backups: ['durable-files', 'errors', 'engines', 'worker-calls'],
  http: [
    're-embedding',
    'tracing',
    'watch',
    'originals',
    'cosine',
    'errors',
    'text',
    'turns',
    'bounded-json',
    'version',
    'backups',
    'access',
    'config',
    'copies',
    'eval',
    'explain',
    'image',
    'embedding',
    'gallery',
    'metrics',
    'remote',
    'retrieval',
    'ingest',
    'analysis',
    'analysis/findings',
    'jobs',
  ],
  app: [
    're-embedding',
    'tracing',
    'image',
    'backups',
    'access',
    'config',
    'embedding',
    'explain',
    'gallery',
    'http',
    'ingest',
    'analysis',
    'jobs',
    'metrics',
  ],
  'side-apps': ['access', 'app', 'errors', 'http'],
  main: ['errors', 'config', 'image', 'metrics', 'service'],
  service: [
    'all-ended',
    're-embedding',
    'tracing',
    'watch',
    'originals',
    'errors',
    'version',
    'engines',
    'backups',
    'access',
    'config',
    'app',
    'side-apps',
    'image',
    'embedding',
    'gallery',
    'ingest',
    'analysis',
    'jobs',
    'metrics',
    'remote',
    'text',
    'postgres',
  ],
  // it knows only the service's contract: the types generated from `openapi.yaml`
  console: [],
  train: ['errors', 'durable-files', 'command-line', 'image', 'eval', 'embedding', 'datasets', 'worker-calls'],
  cli: [
    'errors',
    'durable-files',
    'command-line',
    'backups',
    'access',
    'config',
    'app',
    'metrics',
    'datasets',
    'eval',
    'http',
    'ingest',
    'text',
  ],
}

test('every part imports only what the architecture allows', () => {
  const broken = imports
    .filter(({ target }) => target.startsWith('src/'))
    .filter(({ file, target }) => partOf(file) !== partOf(target) && !mayImport[partOf(file)]?.includes(partOf(target)))
    .map(({ file, target }) => `${file} → ${target}`)
  assert.deepEqual(broken, [])
})

test('every permission is used', () => {
  const used = new Set(
    imports
      .filter(({ target }) => target.startsWith('src/'))
      .map(({ file, target }) => `${partOf(file)} → ${partOf(target)}`),
  )
  const idle = Object.entries(mayImport)
    .flatMap(([part, targets]) => targets.map((target) => `${part} → ${target}`))
    .filter((arrow) => !used.has(arrow))
  assert.deepEqual(idle, [])
})

test('there are no import cycles', () => {
  const targetsOf = new Map(
    sourceFiles.map((file) => [
      file,
      imports.filter((one) => one.file === file && sourceFiles.includes(one.target)).map(({ target }) => target),
    ]),
  )
  const reached = new Map<string, 'under way' | 'done'>()
  const cycles: string[] = []
  const visit = (file: string, path: string[]): void => {
    if (reached.get(file) === 'under way') cycles.push([...path.slice(path.indexOf(file)), file].join(' → '))
    if (reached.has(file)) return
    reached.set(file, 'under way')
    for (const target of targetsOf.get(file)!) visit(target, [...path, file])
    reached.set(file, 'done')
  }
  for (const file of sourceFiles) visit(file, [])
  assert.deepEqual(cycles, [])
})

test('the rules cover exactly the existing parts', () => {
  assert.deepEqual(
    [...new Set(sourceFiles.map(partOf))].filter((part) => !(part in mayImport)),
    [],
  )
})

test('what loads ONNX Runtime turns its telemetry off first', () => {
  const users = imports.filter(({ target }) => target === 'onnxruntime-node').map(({ file }) => file)
  assert.ok(users.length > 1)
  const reaches = new Set(users)
  for (const file of reaches) for (const { target, file: user } of imports) if (target === file) reaches.add(user)
  // a thread's environment is a copy: what starts it turns the telemetry off
  const starters = imports
    .filter(({ file, target }) => /-worker\.ts$/.test(target) && reaches.has(target) && !/-worker\.ts$/.test(file))
    .map(({ file }) => file)
  assert.ok(starters.length > 1)
  for (const file of [...users, ...starters])
    assert.equal(importsOf(file)[0]!.target, 'src/embedding/no-telemetry.ts', file)
})

test('only the commands use the clients; the service does not', () => {
  assert.deepEqual(
    imports
      .filter(({ file, target }) => target.startsWith('clients/') && partOf(file) !== 'cli')
      .map(({ file }) => file),
    [],
  )
  assert.ok(imports.some(({ target }) => target.startsWith('clients/typescript/')))
})

/** package → the only places that may import it. */
const soleImporters: Record<string, RegExp> = {
  sharp: /^src\/image\//,
  'onnxruntime-node': /^src\/(embedding\/onnx-model|train\/onnx\/onnx-session)\.ts$/,
  'better-sqlite3': /^src\/engines\/embedded\/store\/database\/database\.ts$/,
  'fs-native-extensions': /^src\/engines\/embedded\/store\/folder\/folder-lock\.ts$/,
  'weaviate-client': /^src\/engines\/weaviate\//,
  '@aws-sdk/client-s3': /^src\/(originals\/s3-(originals|denied|owners|uploads|pages)|remote\/listed-buckets)\.ts$/,
  pg: /^src\/postgres\/postgres\.ts$/,
  'pg-boss': /^src\/postgres\/job-queues\.ts$/,
  '@tensorflow/': /^src\/train\//,
  '@opentelemetry/': /^src\/tracing\/otlp\.ts$/,
  jose: /^src\/access\/tokens\.ts$/,
  'umap-js': /^src\/analysis\/findings\/layout\.ts$/,
  undici: /^src\/(remote\/|cli\/service-client\.ts)/,
  'prom-client': /^src\/metrics\//,
  preact: /^src\/console\//,
  'openapi-fetch': /^src\/console\/api\/service\.ts$/,
  fastify: /^src\/(app\.ts|side-apps\.ts|service\/service\.ts|http\/|cli\/)/,
}

for (const [name, allowed] of Object.entries(soleImporters)) {
  test(`${name} is imported only where the architecture says`, () => {
    const users = imports.filter(
      ({ target }) => target === name || target.startsWith(name.endsWith('/') ? name : `${name}/`),
    )
    assert.ok(users.length > 0, `${name} is imported nowhere: the rule is stale`)
    assert.deepEqual(
      users.filter(({ file }) => !allowed.test(file)).map(({ file }) => file),
      [],
    )
  })
}

const { dependencies, optionalDependencies, devDependencies } = JSON.parse(readFileSync('package.json', 'utf8')) as {
  [kind in 'dependencies' | 'optionalDependencies' | 'devDependencies']: Record<string, string>
}

/** By pino, by `@commander-js/extra-typings`, and by weaviate-client, which does not declare it. */
const loadedOtherwise = ['pino-pretty', 'commander', 'protobufjs']

const packageOf = (target: string) => /^(?:@[^/]+\/)?[^/]*/.exec(target)![0]
/** What the service and its commands import from packages: names, and files in them. */
const importedFromPackages = [
  ...new Set(
    [
      ...imports,
      ...readdirSync('clients/typescript/src').flatMap((name) => importsOf(join('clients/typescript/src', name))),
    ]
      .filter(({ file }) => !/^src\/(train|console)\/|^src\/cli\/write-/.test(file))
      .map(({ target }) => target)
      .filter((target) => existsSync(join('node_modules', packageOf(target), 'package.json'))),
  ),
]
const { packages: locked } = JSON.parse(readFileSync('package-lock.json', 'utf8')) as {
  packages: Record<string, { dev?: boolean }>
}

test('an installation without development packages has every package that the service and its commands import', () => {
  const imported = new Set(importedFromPackages.map(packageOf))
  assert.ok(imported.size > 30, `${imported.size} packages`)
  assert.deepEqual(
    [...imported].filter((name) => !(name in dependencies) && !(name in optionalDependencies)),
    [],
  )
  // npm leaves a package out that is listed as one for development too
  assert.deepEqual(
    Object.keys(dependencies).filter((name) => name in devDependencies),
    [],
  )
  assert.deepEqual(
    Object.keys(dependencies).filter((name) => locked[`node_modules/${name}`]?.dev !== undefined),
    [],
  )
  assert.deepEqual(
    Object.keys(dependencies).filter((name) => !imported.has(name) && !loadedOtherwise.includes(name)),
    [],
  )
})

test('and every package that those packages load in their turn, declared or not', async () => {
  const script = `
    import { registerHooks } from 'node:module'
    const places = new Set()
    registerHooks({
      resolve(specifier, context, next) {
        const resolved = next(specifier, context)
        const place = resolved.url.match(/node_modules\\/(.*node_modules\\/)?(@[^/]+\\/)?[^/]+/)?.[0]
        if (place !== undefined) places.add(place)
        return resolved
      },
    })
    for (const target of ${JSON.stringify(importedFromPackages.filter((target) => !target.endsWith('.json')))}) await import(target)
    console.log(JSON.stringify([...places]))`
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script])
  const loaded = JSON.parse(stdout) as string[]
  assert.ok(loaded.length > 100, `${loaded.length} packages`)
  assert.deepEqual(
    loaded.filter((place) => locked[place]!.dev),
    [],
  )
})

test('slots, and the names of engines, are known only inside the engines', () => {
  const outside = sourceFiles.filter((file) => !file.startsWith('src/engines/embedded/'))
  const code = (file: string) => readFileSync(file, 'utf8')
  assert.deepEqual(
    outside.filter((file) => /slot/i.test(code(file))),
    [],
  )
  // `service/storage.ts` builds it, the contract shows an example; nothing else depends on the name
  assert.deepEqual(outside.filter((file) => /'embedded'/.test(code(file))).toSorted(), [
    'src/http/schemas/gallery.ts',
    'src/service/storage.ts',
  ])
})

test('only main.ts reads the environment', () => {
  const readers = sourceFiles.filter(
    (file) =>
      /process\.env\b/.test(readFileSync(file, 'utf8')) &&
      !/^src\/(config\/read-config|main)\.ts$|^src\/train\//.test(file),
  )
  assert.deepEqual(readers, ['src/embedding/no-telemetry.ts']) // it writes one variable
})

test('there are no junk-drawer folders and no re-export-only index files', () => {
  assert.deepEqual(
    sourceFiles.filter((file) => /\/(utils?|helpers?|common|shared|lib)\//.test(file) || file.endsWith('/index.ts')),
    [],
  )
})

const architecture = readFileSync('ARCHITECTURE.md', 'utf8')

test('ARCHITECTURE.md stays under 150 lines', () => {
  assert.ok(architecture.split('\n').length < 150)
})

test('every source file that ARCHITECTURE.md names exists', () => {
  const named = [...architecture.matchAll(/`(?:src\/)?([\w./-]+\.tsx?)`/g)].map(([, path]) => path!)
  assert.ok(named.length > 60, `${named.length} files`)
  assert.deepEqual(
    named.filter((path) => !existsSync(path) && !sourceFiles.some((file) => file.endsWith(`/${path}`))),
    [],
  )
})

test('its walks of a query and of a picture from a tar take no more hops than was agreed', () => {
  const hopsOf = (heading: string) => {
    const walk = architecture.split(`## ${heading}, hop by hop\n`)[1]!.split('\n## ')[0]!
    return [...walk.matchAll(/(?:^|\s)(\d+)\.\s/g)].map(([, number]) => Number(number))
  }
  const upTo = (count: number) => Array.from({ length: count }, (_, i) => i + 1)
  const [query, picture] = [hopsOf('A query'), hopsOf('A picture from a tar')]
  assert.deepEqual([query, picture], [upTo(query.length), upTo(picture.length)])
  assert.ok(query.length <= 12 && picture.length <= 20, `${query.length} and ${picture.length} hops`)
})
