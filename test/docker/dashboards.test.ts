/** The dashboard and the alert rules, checked against a scrape of the running service. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { promisify } from 'node:util'
import { parse, stringify } from 'yaml'
import { startApp } from '../support/app.js'
import { drawImage } from '../support/drawn-images.js'
import { endedJob, sendJob } from '../support/jobs.js'
import { temporaryFolder } from '../support/temporary-folder.js'

const run = promisify(execFile)
const hasPromtool = await run('promtool', ['--version']).then(
  () => true,
  () => false,
)
const skip = hasPromtool ? false : 'promtool is not installed'

interface Query {
  where: string
  expression: string
}

/** Labels added by Prometheus, and those of its own series. */
const ofPrometheus = ['instance', 'job', 'le']

/** As Grafana would send them, for every instance. */
async function panelQueries(): Promise<Query[]> {
  const { panels } = JSON.parse(await readFile('docker/grafana/dashboards/alike.json', 'utf8')) as {
    panels: { title: string; targets: { expr: string; legendFormat: string }[] }[]
  }
  return panels.flatMap(({ title, targets }) =>
    targets.map(({ expr }) => ({
      where: `panel ${title}`,
      expression: expr.replaceAll('$instance', '.*').replaceAll('$__rate_interval', '5m'),
    })),
  )
}

async function alertQueries(): Promise<Query[]> {
  const { groups } = parse(await readFile('docker/alerts.yml', 'utf8')) as {
    groups: { rules: { alert: string; expr: string }[] }[]
  }
  return groups.flatMap(({ rules }) => rules.map(({ alert, expr }) => ({ where: `alert ${alert}`, expression: expr })))
}

/** The metrics of a service that was used in every way that creates series. */
async function scrape(t: TestContext): Promise<string> {
  const app = await startApp(t, { driftQueries: 20 })
  const headers = { 'content-type': 'image/png' }
  const payload = await drawImage('circle', 1, { format: 'png' })
  await app.call(201, { method: 'PUT', url: '/v1/galleries/g' })
  await app.call(201, { method: 'PUT', url: '/v1/galleries/g/images/a', headers, payload })
  for (let i = 0; i < 20; i++) await app.call(200, { method: 'POST', url: '/v1/galleries/g/search', headers, payload })
  await endedJob(
    app,
    await sendJob(app, '/v1/galleries/g', { 'content-type': 'application/x-ndjson' }, Buffer.from('{"delete":"x"}\n')),
  )
  return (await app.app.inject('/metrics')).body
}

/** metric → label → its values. */
function seriesOf(text: string): Map<string, Map<string, Set<string>>> {
  const series = new Map<string, Map<string, Set<string>>>()
  for (const [, name] of text.matchAll(/^# TYPE (\S+)/gm)) series.set(name!, new Map())
  for (const [, name, labels = ''] of text.matchAll(/^([a-z_]\w*)(?:\{(.*)\})? \S+$/gm)) {
    const base = [name!, name!.replace(/_(bucket|sum|count)$/, '')].find((one) => series.has(one))
    assert.ok(base !== undefined, `${name} has no type`)
    for (const [, label, value] of labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)) {
      const values = series.get(base)!.get(label!) ?? new Set()
      series.get(base)!.set(label!, values.add(value!))
    }
  }
  return series
}

/** Series that only exist after a refusal or with a GPU: the documentation lists their labels. */
async function documentedLabels(): Promise<Map<string, string>> {
  const rows = (await readFile('docs/monitoring.md', 'utf8')).matchAll(/^\| `(alike_\w+)` \| [^|]+ \| ([^|]*) \|/gm)
  return new Map([...rows].map(([, name, labels]) => [name!, labels!]))
}

test('every query of a panel or an alert uses existing series and labels of the running service', async (t) => {
  const series = seriesOf(await scrape(t))
  const documented = await documentedLabels()
  const queries = [...(await panelQueries()), ...(await alertQueries())]
  assert.ok(queries.length > 40)
  for (const { where, expression } of queries) {
    const metrics = [...expression.matchAll(/\b((?:alike|process|nodejs)_\w+)(?:\{([^}]*)\})?/g)].map(
      ([, name, matchers = '']) => {
        const base = [name!, name!.replace(/_(bucket|sum|count)$/, '')].find((one) => series.has(one))
        assert.ok(base !== undefined, `${where}: there is no ${name}`)
        return { base, matchers }
      },
    )
    const has = (base: string, label: string) =>
      ofPrometheus.includes(label) ||
      series.get(base)!.has(label) ||
      documented.get(base)?.match(`\\b${label}\\b`) != null
    for (const { base, matchers } of metrics)
      for (const [, label, operator, value] of matchers.matchAll(/(\w+)\s*(!?[=~]~?)\s*"([^"]*)"/g)) {
        assert.ok(has(base, label!), `${where}: ${base} has no label ${label}`)
        const values = series.get(base)!.get(label!)
        if (operator === '=' && values !== undefined)
          assert.ok(values.has(value!), `${where}: ${base} has no ${label}="${value}"`)
      }
    for (const [, by] of expression.matchAll(/\bby \(([^)]*)\)/g))
      for (const label of by!.split(',').map((one) => one.trim()))
        assert.ok(
          metrics.some(({ base }) => has(base, label)),
          `${where}: nothing has the label ${label}`,
        )
  }
})

test('a counter whose increase raises an alert is there before it increases', async (t) => {
  const text = (await (await startApp(t)).app.inject('/metrics')).body
  const counters = (await alertQueries()).flatMap(({ expression }) =>
    [...expression.matchAll(/increase\((\w+)(?:\{([^}]*)\})?\[/g)].map(([, name, matchers = '']) => ({
      name: name!,
      matchers: matchers.split(',').map((one) => one.trim()),
    })),
  )
  assert.ok(counters.length > 2)
  const series = text.split('\n').filter((line) => line.endsWith(' 0'))
  const isThere = ({ name, matchers }: { name: string; matchers: string[] }) =>
    series.some((line) => /^\w+/.exec(line)?.[0] === name && matchers.every((one) => line.includes(one)))
  assert.deepEqual(
    counters.filter((counter) => !isThere(counter)),
    [],
  )
})

test('promtool accepts every query, the rules with their tests, and the scrape configuration', { skip }, async (t) => {
  const folder = await temporaryFolder(t)
  const rules = (await panelQueries()).map(({ expression }, i) => ({ record: `panel:${i}`, expr: expression }))
  await writeFile(join(folder, 'panels.yml'), stringify({ groups: [{ name: 'panels', rules }] }))
  await run('promtool', ['check', 'rules', join(folder, 'panels.yml'), 'docker/alerts.yml'])
  await run('promtool', ['test', 'rules', 'docker/alerts.test.yml'])
  const configuration = (await readFile('docker/prometheus.yml', 'utf8'))
    .replace('/etc/prometheus/metrics.key', join(process.cwd(), 'docker/metrics.key'))
    .replace('alerts.yml', join(process.cwd(), 'docker/alerts.yml'))
  await writeFile(join(folder, 'prometheus.yml'), configuration)
  await run('promtool', ['check', 'config', join(folder, 'prometheus.yml')])
  await writeFile(join(folder, 'scrape'), await scrape(t))
  // exit code 3 means only that it would choose other names
  await run('sh', ['-c', `promtool check metrics < ${join(folder, 'scrape')} || [ $? = 3 ]`])
})

test('the provisioned dashboard uses the provisioned source, and no two panels overlap', async () => {
  const dashboard = JSON.parse(await readFile('docker/grafana/dashboards/alike.json', 'utf8')) as {
    panels: { id: number; datasource: { uid: string }; gridPos: { x: number; y: number } }[]
  }
  const { datasources } = parse(await readFile('docker/grafana/provisioning/datasources/prometheus.yml', 'utf8')) as {
    datasources: { uid: string }[]
  }
  const { panels } = dashboard
  assert.ok(panels.every(({ datasource }) => datasource.uid === datasources[0]!.uid))
  for (const of of [panels.map(({ id }) => id), panels.map(({ gridPos: { x, y } }) => `${x} ${y}`)])
    assert.equal(new Set<unknown>(of).size, panels.length)
})
