/** A proxy in front of a test's service, run with the configuration from docs/proxies.md and substituted addresses. */
import { execFile, spawn } from 'node:child_process'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { promisify } from 'node:util'
import { temporaryFolder } from '../support/temporary-folder.js'

export interface Proxy {
  name: 'nginx' | 'caddy' | 'traefik'
  /** Starts it before the service; stopped with the test. @returns the URL at which it exposes the service */
  start(t: TestContext, service: string): Promise<string>
}

export const proxies: readonly Proxy[] = [
  {
    name: 'nginx',
    async start(t, service) {
      const folder = await temporaryFolder(t)
      const port = await freePort()
      const { certificate, key } = await trustedCertificate(folder)
      const site = exchanged(await readFile('docker/proxies/nginx.conf', 'utf8'), {
        'server 127.0.0.1:8080;': `server ${new URL(service).host};`,
        'listen 443 ssl;': `listen 127.0.0.1:${port} ssl;`,
        '/etc/ssl/certs/pictures.example.com.pem': certificate,
        '/etc/ssl/private/pictures.example.com.key': key,
      })
      await mkdir(join(folder, 'temporary'))
      const kept = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
        .map((part) => `${part}_temp_path ${join(folder, 'temporary', part)};`)
        .join('\n')
      const configuration = `daemon off; pid ${join(folder, 'pid')}; error_log stderr; events {} http { access_log off; ${kept}\n${site} }`
      await writeFile(join(folder, 'nginx.conf'), configuration)
      return started(t, 'nginx', ['-p', folder, '-c', join(folder, 'nginx.conf')], `https://127.0.0.1:${port}`)
    },
  },
  {
    name: 'caddy',
    async start(t, service) {
      const folder = await temporaryFolder(t)
      const port = await freePort()
      const site = exchanged(await readFile('docker/proxies/Caddyfile', 'utf8'), {
        'pictures.example.com {': `http://127.0.0.1:${port} {`,
        '127.0.0.1:8080': new URL(service).host,
      })
      await writeFile(join(folder, 'Caddyfile'), `{\n\tadmin off\n\tstorage file_system ${folder}\n}\n${site}`)
      const address = `http://127.0.0.1:${port}`
      return started(t, 'caddy', ['run', '--adapter', 'caddyfile', '--config', join(folder, 'Caddyfile')], address)
    },
  },
  {
    name: 'traefik',
    async start(t, service) {
      const folder = await temporaryFolder(t)
      const port = await freePort()
      const { certificate, key } = await trustedCertificate(folder)
      const [configuration, routes] = [join(folder, 'traefik.yml'), join(folder, 'alike.yml')]
      const fixed = exchanged(await readFile('docker/proxies/traefik.yml', 'utf8'), {
        'address: ":443"': `address: "127.0.0.1:${port}"`,
        'filename: /etc/traefik/alike.yml': `filename: ${routes}`,
      })
      const dynamic = exchanged(await readFile('docker/proxies/traefik-alike.yml', 'utf8'), {
        'Host(`pictures.example.com`)': 'Host(`127.0.0.1`)',
        'http://127.0.0.1:8080': service,
        '/etc/ssl/certs/pictures.example.com.pem': certificate,
        '/etc/ssl/private/pictures.example.com.key': key,
      })
      await Promise.all([writeFile(configuration, fixed), writeFile(routes, dynamic)])
      return started(t, 'traefik', [`--configfile=${configuration}`], `https://127.0.0.1:${port}`)
    },
  },
]

/** A generated certificate for this machine, which requests of this process trust in addition to the usual ones. */
async function trustedCertificate(folder: string): Promise<{ certificate: string; key: string }> {
  const [certificate, key] = [join(folder, 'certificate'), join(folder, 'key')]
  await promisify(execFile)('openssl', [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '1'],
    ...['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', key, '-out', certificate],
  ])
  setDefaultCACertificates([...getCACertificates('default'), await readFile(certificate, 'utf8')])
  return { certificate, key }
}

export async function isInstalled(program: string): Promise<boolean> {
  return promisify(execFile)('sh', ['-c', `command -v ${program}`]).then(
    () => true,
    () => false,
  )
}

/** Each must occur exactly once, so that a changed configuration is not tested with the wrong addresses. */
function exchanged(recipe: string, changes: Record<string, string>): string {
  return Object.entries(changes).reduce((text, [from, to]) => {
    if (text.split(from).length !== 2) throw new Error(`the recipe does not have "${from}" once`)
    return text.replace(from, to)
  }, recipe)
}

async function started(t: TestContext, program: string, parameters: string[], address: string): Promise<string> {
  const proxy = spawn(program, parameters, { stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  proxy.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()))
  const ended = new Promise<void>((resolve) => proxy.once('close', () => resolve()))
  t.after(async () => {
    proxy.kill()
    await ended
  })
  while (proxy.exitCode === null) {
    const answer = await fetch(`${address}/alike/livez`).catch(() => undefined)
    await answer?.arrayBuffer()
    if (answer?.status === 200) return address
    await sleep(20)
  }
  throw new Error(`${program} ended: ${said}`)
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}
