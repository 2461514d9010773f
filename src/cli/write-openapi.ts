/** Writes `openapi.yaml` from the routes' schemas: `npm run openapi`. */
import { writeFile } from 'node:fs/promises'
import { pino } from 'pino'
import { type AppParts, buildApp } from '../app.js'
import { readConfig } from '../config/read-config.js'
import { openApiYaml } from '../http/plugins/openapi.js'
import { createMetrics } from '../metrics/metrics.js'

/** The document of a service with default settings. No request is made, so no part is opened. */
export async function describeService(): Promise<string> {
  const app = await buildApp({
    config: readConfig({}),
    logger: pino({ level: 'silent' }),
    metrics: createMetrics(),
    parts: {} as AppParts,
  })
  await app.ready()
  const yaml = openApiYaml(app)
  await app.close()
  return yaml
}

if (process.argv[1]?.endsWith('write-openapi.js') === true) await writeFile('openapi.yaml', await describeService())
