/** The Kubernetes manifests match the service, and the real tools accept them where installed. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { type TestContext, test } from 'node:test'
import { parse, parseAllDocuments } from 'yaml'
import { settingsTables } from '../../src/config/settings-tables.js'
import { createMetrics } from '../../src/metrics/metrics.js'
import { temporaryFolder } from '../support/temporary-folder.js'

interface Container {
  image: string
  env?: { name: string; value?: string }[]
  ports: { name: string; containerPort: number }[]
  resources: Record<'requests' | 'limits', { memory: string; cpu: string }>
  startupProbe: Probe
  livenessProbe: Probe
  readinessProbe: Probe
  lifecycle?: { preStop: { exec: { command: string[] } } }
}

interface Probe {
  httpGet: { path: string; port: string }
}

interface Manifest {
  kind: string
  metadata: { name: string }
  // biome-ignore lint/suspicious/noExplicitAny: differs with the kind of each manifest
  spec: any
}

const root = 'deploy/kubernetes'
const has = (tool: string): boolean => spawnSync('sh', ['-c', `command -v ${tool}`]).status === 0
const settings = new Set([...settingsTables().matchAll(/^\| `([A-Z\d_]+)` \|/gm)].map(([, name]) => name!))

async function manifestsOf(folder: string): Promise<Manifest[]> {
  const files = (await readdir(join(root, folder))).filter((file) => file.endsWith('.yaml'))
  const texts = await Promise.all(files.map((file) => readFile(join(root, folder, file), 'utf8')))
  return texts.flatMap((text) => parseAllDocuments(text).map((document) => document.toJS() as Manifest))
}

const isWorkload = ({ kind }: Manifest): boolean => kind === 'StatefulSet' || kind === 'Deployment'
const workloads = (manifests: Manifest[]) => manifests.filter(isWorkload)
const containerOf = ({ spec }: Manifest): Container => spec.template.spec.containers[0]

for (const folder of ['embedded', 'scale']) {
  test(`${folder}: every variable is a setting, every probe a route, every port a port of the service`, async () => {
    const routes = Object.keys(parse(await readFile('openapi.yaml', 'utf8')).paths as object)
    const found = workloads(await manifestsOf(folder))
    assert.ok(found.length > 0)
    for (const workload of found) {
      const container = containerOf(workload)
      for (const { name } of container.env ?? []) assert.ok(settings.has(name), name)
      const ports = new Map(container.ports.map(({ name, containerPort }) => [name, containerPort]))
      for (const probe of ['startupProbe', 'livenessProbe', 'readinessProbe'] as const) {
        const { path, port } = container[probe].httpGet
        assert.ok(routes.includes(path) && ports.has(port), probe)
      }
      assert.equal(ports.get('http'), 8080)
      assert.deepEqual(container.resources.requests.memory, container.resources.limits.memory)
    }
  })
}

test('scale: all shared variables are settings, and the metrics port is that of the pods', async () => {
  const lines = (await readFile(join(root, 'scale/settings.env'), 'utf8')).split('\n')
  const shared = new Map(
    lines.filter((line) => /^[A-Z]/.test(line)).map((line) => line.split(/=(.*)/s).slice(0, 2) as [string, string]),
  )
  for (const name of shared.keys()) assert.ok(settings.has(name), name)
  for (const workload of workloads(await manifestsOf('scale')))
    assert.equal(
      String(containerOf(workload).ports.find(({ name }) => name === 'metrics')?.containerPort),
      shared.get('METRICS_PORT'),
    )
})

test('embedded: one process, and a volume mountable by one pod', async () => {
  const [set] = workloads(await manifestsOf('embedded'))
  assert.deepEqual([set?.kind, set?.spec.replicas], ['StatefulSet', 1])
  assert.deepEqual(set?.spec.volumeClaimTemplates[0].spec.accessModes, ['ReadWriteOncePod'])
})

test('every process has time to shut down; one that serves first waits until no requests arrive any more', async () => {
  const graceSeconds = Number(/`SHUTDOWN_GRACE_MS` \| `(\d+)`/.exec(settingsTables())?.[1]) / 1_000
  for (const workload of [...(await manifestsOf('embedded')), ...(await manifestsOf('scale'))].filter(isWorkload)) {
    const waits = Number(containerOf(workload).lifecycle?.preStop.exec.command.at(-1) ?? 0)
    assert.equal(waits > 0, workload.metadata.name === 'alike-serve', workload.metadata.name)
    assert.ok(workload.spec.template.spec.terminationGracePeriodSeconds > graceSeconds + waits)
  }
})

test('scale: uploads of the maximum size, of all jobs of a pod, fit its volume, which unlike an emptyDir can be full', async () => {
  const maxBytes = Number(
    /^INGEST_MAX_BYTES=(\d+)$/m.exec(await readFile(join(root, 'scale/settings.env'), 'utf8'))?.[1],
  )
  const jobsAtOnce = Number(/`INGEST_JOBS_AT_ONCE` \| `(\d+)`/.exec(settingsTables())?.[1])
  for (const { metadata, spec } of workloads(await manifestsOf('scale'))) {
    const volumes = spec.template.spec.volumes as { name: string; ephemeral?: { volumeClaimTemplate: Manifest } }[]
    const claim = volumes.find(({ name }) => name === 'data')?.ephemeral?.volumeClaimTemplate.spec
    const [, gibibytes] = /^(\d+)Gi$/.exec(claim?.resources.requests.storage) ?? []
    assert.ok(Number(gibibytes) * 2 ** 30 > maxBytes * (metadata.name === 'alike-work' ? jobsAtOnce : 1))
  }
})

/** The metrics by which each autoscaler counts, or undefined for resources such as CPU. */
function scaledBy(manifests: readonly Manifest[]): Record<string, (string | undefined)[]> {
  const scalers = manifests.filter(({ kind }) => kind === 'HorizontalPodAutoscaler')
  return Object.fromEntries(
    scalers.map(({ metadata, spec }) => [
      metadata.name,
      (spec.metrics as { pods?: Named; external?: Named }[]).map(
        ({ pods, external }) => (pods ?? external)?.metric.name,
      ),
    ]),
  )
}

test('scale: each kind of process has an autoscaler, if only in a component, and a disruption budget', async () => {
  const manifests = await manifestsOf('scale')
  const names = (kind: string) => manifests.filter((one) => one.kind === kind).map(({ metadata }) => metadata.name)
  const deployments = names('Deployment').sort()
  assert.deepEqual(deployments, ['alike-serve', 'alike-work'])
  assert.deepEqual(names('PodDisruptionBudget').sort(), deployments)
  assert.deepEqual(scaledBy(manifests), { 'alike-serve': [undefined] }) // CPU needs no adapter for metrics
  const scalers = [...manifests, ...(await manifestsOf('components/queue-scaling'))]
  assert.deepEqual(Object.keys(scaledBy(scalers)).sort(), deployments)
})

test('the adapter queries existing metrics, and provides those that the autoscalers use', async () => {
  const text = await readFile(join(root, 'prometheus-adapter.yaml'), 'utf8')
  const metrics = createMetrics()
  const exposed = new Set([...(await metrics.expose()).text.matchAll(/^# TYPE (\w+)/gm)].map(([, name]) => name!))
  for (const [name] of text.matchAll(/(?<!as: )\balike_\w+/g)) assert.ok(exposed.has(name), name)
  const files = ['kustomization.yaml', 'work-autoscaling.yaml']
  const texts = await Promise.all(files.map((file) => readFile(join(root, 'components/queue-scaling', file), 'utf8')))
  const wanted = texts.flatMap((file) => [...file.matchAll(/name: (alike_\w+)/g)].map(([, name]) => name!))
  assert.deepEqual(providedBy(text), wanted.sort())
})

/** The metrics that the adapter's rules name, in order. */
function providedBy(rules: string): string[] {
  return [...rules.matchAll(/as: (alike_\w+)/g)].map(([, name]) => name!).sort()
}

interface Named {
  metric: { name: string }
}

const promtool = { skip: has('promtool') ? undefined : 'promtool is not installed' }

test('as many workers are wanted as jobs of any kind run, and one for every two that wait', promtool, async (t) => {
  const { rules } = parse(await readFile(join(root, 'prometheus-adapter.yaml'), 'utf8')) as {
    rules: { external: { metricsQuery: string }[] }
  }
  const expr = rules.external[0]!.metricsQuery.replaceAll('<<.LabelMatchers>>', 'namespace="alike"')
  const gauges = [...(await createMetrics().expose()).text.matchAll(/^# TYPE (alike_\w+_jobs) gauge/gm)].map(
    ([, name]) => name!,
  )
  assert.ok(gauges.length > 3)
  const folder = await temporaryFolder(t)
  const counts = { running: 1, queued: 2 }
  const series = gauges.flatMap((gauge) =>
    Object.entries(counts).flatMap(([state, count]) =>
      ['serve-1', 'work-1'].map((pod) => ({
        series: `${gauge}{namespace="alike",pod="${pod}",state="${state}"}`,
        values: `${count}`,
      })),
    ),
  )
  const samples = [{ value: gauges.length * (counts.running + counts.queued / 2) }]
  const tests = [{ input_series: series, promql_expr_test: [{ expr, eval_time: '0m', exp_samples: samples }] }]
  await writeFile(join(folder, 'test.yml'), JSON.stringify({ tests }))
  const checked = spawnSync('promtool', ['test', 'rules', join(folder, 'test.yml')], { encoding: 'utf8' })
  assert.equal(checked.status, 0, checked.stdout + checked.stderr)
})

test('the alerts match docker/alerts.yml', async () => {
  const [rule] = (await manifestsOf('components/monitoring')).filter(({ kind }) => kind === 'PrometheusRule')
  const { groups } = parse(await readFile('docker/alerts.yml', 'utf8'))
  assert.deepEqual(rule?.spec.groups, groups, 'node deploy/kubernetes/write-alerts.mjs')
})

test('the GPU component exchanges the image that both bases use', async () => {
  const imagesOf = async (folder: string) =>
    (parse(await readFile(join(root, folder, 'kustomization.yaml'), 'utf8')) as { images: Image[] }).images
  const [gpu] = await imagesOf('components/gpu')
  for (const folder of ['embedded', 'scale']) assert.equal((await imagesOf(folder))[0]?.newName, gpu?.name)
})

interface Image {
  name: string
  newName: string
}

test('the alerts name the job that the pod monitor gives its targets', async () => {
  const [monitor] = (await manifestsOf('components/monitoring')).filter(({ kind }) => kind === 'PodMonitor')
  const label = monitor?.spec.jobLabel as string
  const { groups } = parse(await readFile('docker/alerts.yml', 'utf8')) as { groups: { rules: { expr: string }[] }[] }
  const jobs = groups.flatMap(({ rules }) => rules).flatMap(({ expr }) => [...expr.matchAll(/job="(\w+)"/g)])
  assert.ok(jobs.length > 0)
  for (const folder of ['embedded', 'scale']) {
    const { labels } = parse(await readFile(join(root, folder, 'kustomization.yaml'), 'utf8')) as {
      labels: { pairs: Record<string, string>; includeTemplates: boolean }[]
    }
    assert.ok(labels[0]?.includeTemplates)
    for (const [, job] of jobs) assert.equal(labels[0].pairs[label], job)
  }
})

const kustomize = process.env.KUSTOMIZE ?? 'kustomize'
/** kubectl includes it. */
const builder = [[kustomize, 'build'] as const, ['kubectl', 'kustomize'] as const].find(([tool]) => has(tool))
const python = process.env.PYTHON ?? 'python3'
const validates = spawnSync(python, ['-c', 'import kubernetes_validate']).status === 0

interface Overlay {
  resources: string[]
  components: readonly string[]
}

/** @param overlay its paths are relative to `deploy/kubernetes` */
async function builtBy(t: TestContext, overlay: Overlay): Promise<{ text: string; manifests: Manifest[] }> {
  const folder = join(await temporaryFolder(t), 'overlay')
  await mkdir(folder)
  const at = (path: string) => relative(folder, join(process.cwd(), root, path))
  const kustomization = {
    kind: 'Kustomization',
    namespace: 'alike',
    ...overlay,
    resources: overlay.resources.map(at),
    components: overlay.components.map(at),
  }
  await writeFile(join(folder, 'kustomization.yaml'), JSON.stringify(kustomization))
  const [tool, command] = builder!
  const built = spawnSync(tool, [command, folder], { encoding: 'utf8' })
  assert.equal(built.status, 0, built.stderr)
  const manifests = parseAllDocuments(built.stdout).map((document) => document.toJS() as Manifest)
  return { text: built.stdout, manifests }
}

const skip = builder === undefined ? 'neither kustomize nor kubectl is there' : undefined

for (const [folder, components] of [
  ['embedded', []],
  ['embedded', ['gpu', 'ingress', 'monitoring']],
  ['scale', []],
  ['scale', ['gpu', 'ingress', 'monitoring', 'queue-scaling']],
] as const) {
  test(`${[folder, ...components].join(' with ')}: builds with kustomize, and validates strictly against the Kubernetes schemas`, {
    skip,
  }, async (t) => {
    const overlay = { resources: [folder], components: components.map((name) => `components/${name}`) }
    const { text, manifests } = await builtBy(t, overlay)
    const container = containerOf(manifests.find(isWorkload)!)
    const gpus = (container.resources.limits as Record<string, unknown>)['nvidia.com/gpu']
    assert.equal(gpus, (components as readonly string[]).includes('gpu') ? 1 : undefined)
    const names = container.env!.map(({ name }) => name)
    assert.deepEqual([...new Set(names)], names)
    assert.equal(container.image.endsWith('-cuda'), (components as readonly string[]).includes('gpu'), container.image)
    if (!validates) return t.diagnostic('kubernetes-validate is not there: built, and not compared with the schemas')
    // Custom resources of operators are not in the Kubernetes schemas.
    const ours = text.split(/^---$/m).filter((one) => !one.includes('monitoring.coreos.com'))
    const file = join(await temporaryFolder(t), 'built.yaml')
    await writeFile(file, ours.join('---'))
    const checked = spawnSync(python, ['-m', 'kubernetes_validate', '--strict', file], { encoding: 'utf8' })
    assert.equal(checked.status, 0, checked.stdout + checked.stderr)
  })
}

test('scale with queue-scaling: both kinds of process are scaled by what the adapter provides', { skip }, async (t) => {
  const { manifests } = await builtBy(t, { resources: ['scale'], components: ['components/queue-scaling'] })
  const scaled = scaledBy(manifests)
  assert.deepEqual(Object.keys(scaled).sort(), ['alike-serve', 'alike-work'])
  assert.equal(scaled['alike-serve']![0], undefined)
  const text = await readFile(join(root, 'prometheus-adapter.yaml'), 'utf8')
  assert.deepEqual(
    Object.values(scaled)
      .flat()
      .filter((name) => name !== undefined)
      .sort(),
    providedBy(text),
  )
})

for (const folder of ['embedded', 'scale']) {
  test(`${folder}: the documented overlay changes image, host and settings`, { skip }, async (t) => {
    const [, text] = /```yaml\n(# my-alike.*?)```\n/s.exec(await readFile('docs/kubernetes.md', 'utf8')) ?? []
    const documented = parse(text!.replace('sha256:…', `sha256:${'0'.repeat(64)}`)) as Overlay & {
      configMapGenerator: { behavior?: string }[]
    }
    const here = (path: string) => path.replace('../alike/deploy/kubernetes/', '').replace('embedded', folder)
    if (folder === 'scale') documented.configMapGenerator[0]!.behavior = 'merge'
    const { text: built, manifests } = await builtBy(t, {
      ...documented,
      resources: documented.resources.map(here),
      components: documented.components.map(here),
    })
    assert.doesNotMatch(built, /alike\.example\.com|registry\.example\.com/)
    const settings = manifests.find(({ kind }) => kind === 'ConfigMap') as Manifest & { data: Record<string, string> }
    assert.ok(settings.data['TRUST_PROXY'])
    assert.equal('WEAVIATE_URL' in settings.data, folder === 'scale')
    for (const workload of manifests.filter(isWorkload)) {
      const { envFrom } = workload.spec.template.spec.containers[0] as {
        envFrom: { configMapRef?: { name: string } }[]
      }
      assert.equal(envFrom[0]?.configMapRef?.name, settings.metadata.name)
    }
  })
}
