/** The compose files contain every setting, and match the documentation. */
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { parse } from 'yaml'
import { settingsTables } from '../../src/config/settings-tables.js'

interface Compose {
  services: Record<
    string,
    {
      image: string
      environment?: Record<string, string | null>
      volumes?: string[]
      deploy: { resources: { limits: { memory: string } } }
    }
  >
}

async function composeOf(path: string): Promise<Compose> {
  return parse(await readFile(path, 'utf8'), { merge: true }) as Compose
}

/** Fixed by the image, because volumes, ports and the health check depend on them. */
const ofTheImage = ['HOST', 'PORT', 'DATA_DIR']
const compose = await composeOf('docker/compose.yaml')
const scaled = await composeOf('docker/compose.scale.yaml')
const settings = [...settingsTables().matchAll(/^\| `([A-Z\d_]+)` \|/gm)].map(([, name]) => name!).sort()

/** What S3 clients read themselves: without it a container can use no bucket that needs keys. */
const ofClients = ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN']

test('every setting and the credentials for buckets are passed to the service, and nothing else', () => {
  const passed = Object.keys(compose.services.alike!.environment!)
  assert.deepEqual([...passed, ...ofTheImage].sort(), [...settings, ...ofClients].sort())
})

test('the same holds for several processes, which differ only in their role', () => {
  const { serve, work } = scaled.services
  for (const [role, { environment = {} }] of Object.entries({ serve: serve!, work: work! })) {
    assert.deepEqual(
      Object.keys(environment)
        .filter((name) => !ofClients.includes(name))
        .concat(ofTheImage)
        .sort(),
      settings,
    )
    assert.equal(environment.ROLE, role)
  }
  const { ROLE: _, EMBED_WORKERS: __, ...shared } = serve!.environment!
  assert.deepEqual(
    Object.entries(shared),
    Object.entries(work!.environment!).filter(([name]) => name in shared),
  )
})

test('a setting missing from the shell keeps its default', () => {
  const given = Object.entries(compose.services.alike!.environment!).filter(([, value]) => value !== null)
  // biome-ignore lint/suspicious/noTemplateCurlyInString: Compose substitutes it
  assert.deepEqual(given, [['EMBED_WORKERS', '${EMBED_WORKERS:-${ALIKE_CPUS:-2}}']])
})

test('Prometheus has the key it may need, and all services have the documented memory limit', async () => {
  const { scrape_configs: jobs } = parse(await readFile('docker/prometheus.yml', 'utf8')) as {
    scrape_configs: { authorization?: { credentials_file?: string } }[]
  }
  const path = jobs[0]?.authorization?.credentials_file
  assert.ok(path !== undefined && compose.services.prometheus!.volumes!.some((one) => one.endsWith(`:${path}:ro`)))
  assert.equal(await readFile('docker/metrics.key', 'utf8'), '')
  const { memory } = compose.services.alike!.deploy.resources.limits
  const [, gibibytes] = /^\$\{ALIKE_MEMORY:-(\d+)g\}$/.exec(memory) ?? []
  const documented = await readFile('docs/load-and-safety.md', 'utf8')
  assert.match(documented, new RegExp(`\\b${gibibytes} GiB\\b`))
  for (const { services } of [compose, scaled])
    for (const [name, { deploy }] of Object.entries(services)) assert.ok(deploy.resources.limits.memory, name)
})

test('every image has an exact version', async () => {
  const recipes = await Promise.all(['Dockerfile', 'docker/train.Dockerfile'].map((path) => readFile(path, 'utf8')))
  const bases = recipes.flatMap((text) => [...text.matchAll(/^ARG \w+_IMAGE=(\S+)$/gm)].map(([, image]) => image!))
  const others = [compose, scaled].flatMap(({ services }) => Object.values(services).map(({ image }) => image))
  assert.ok(bases.length >= 3)
  // versions of PostgreSQL have two numbers: there is no image 17.10.0
  for (const image of [...bases, ...others].filter((one) => !one.startsWith('alike:')))
    assert.match(image, image.startsWith('postgres:') ? /:\d+\.\d+(-|@|$)/ : /:v?\d+\.\d+\.\d+(-|@|$)/, image)
})
