/** The image's HEALTHCHECK: exits 0 if /readyz reports ready. Plain node:http, so that it starts quickly. */
import { get } from 'node:http'

const request = get(
  { host: '127.0.0.1', port: process.env.PORT ?? 8080, path: '/readyz', timeout: 4000 },
  (response) => {
    response.resume()
    process.exitCode = response.statusCode === 200 ? 0 : 1
  },
)
request.on('timeout', () => request.destroy(new Error('no answer within 4 seconds')))
request.on('error', (error) => {
  console.error(error.message)
  process.exitCode = 1
})
