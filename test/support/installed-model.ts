/** A model folder brought into a running service, as `POST /v1/models` takes it. */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { pack } from 'tar-stream'
import type { TestApp } from './app.js'

export interface InstalledModel {
  id: string
  name: string
}

export async function archiveOfModel(folder: string): Promise<Buffer> {
  const tar = pack()
  for (const name of await readdir(folder)) tar.entry({ name: `mine/${name}` }, await readFile(join(folder, name)))
  tar.finalize()
  return buffer(tar)
}

export async function installModel(app: Pick<TestApp, 'call'>, folder: string): Promise<InstalledModel> {
  return app.call<InstalledModel>(201, {
    method: 'POST',
    url: '/v1/models',
    headers: { 'content-type': 'application/x-tar' },
    payload: await archiveOfModel(folder),
  })
}
