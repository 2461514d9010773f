/** Converts docker/alerts.yml for the Prometheus operator: `node deploy/kubernetes/write-alerts.mjs`. */
import { readFile, writeFile } from 'node:fs/promises'
import { parse, stringify } from 'yaml'

const at = (path) => new URL(path, import.meta.url)
const { groups } = parse(await readFile(at('../../docker/alerts.yml'), 'utf8'))
const rule = { apiVersion: 'monitoring.coreos.com/v1', kind: 'PrometheusRule', metadata: { name: 'alike' }, spec: { groups } }
await writeFile(
  at('components/monitoring/alerts.yaml'),
  `# Written by write-alerts.mjs from docker/alerts.yml; change it there.\n${stringify(rule, { lineWidth: 0 })}`,
)
