/** Settings: where the service listens, which origins may call it, how it shuts down. */
import { Type } from 'typebox'

export const serverSettings = {
  host: Type.String({
    default: '127.0.0.1',
    minLength: 1,
    description: 'Address to listen on; 0.0.0.0 for all interfaces, :: for IPv6 as well.',
  }),
  port: Type.Integer({
    default: 8080,
    minimum: 0,
    maximum: 65535,
    description: 'Port to listen on; 0: any free port.',
  }),
  basePath: Type.String({
    default: '',
    pattern: '^$|^(?!/(v1|docs|assets|livez|readyz|metrics|openapi\\.yaml)(/|$))(/[A-Za-z0-9._~-]+)+$',
    accepts: 'a path such as /alike that is not the path of a route, without a trailing slash',
    description:
      'Path prefix under which a proxy serves the service: every URL in answers begins with it, and requests are accepted with and without it.',
  }),
  trustProxy: Type.String({
    default: '',
    pattern: '^$|^[0-9A-Fa-f.:/]+(\\s*,\\s*[0-9A-Fa-f.:/]+)*$',
    accepts: 'IP addresses and networks (10.0.0.0/8), separated by commas',
    description:
      'Proxies whose `X-Forwarded-For` is trusted for the client address, used by rate limits, upload limits and the audit log; none: the address of the connection is used, and a service without keys on 127.0.0.1 is called by that address or as localhost.',
  }),
  corsOrigins: Type.String({
    default: '',
    pattern: '^$|^\\*$|^https?://[^\\s,/]+(\\s*,\\s*https?://[^\\s,/]+)*$',
    accepts: '`*`, or origins (https://shop.example.com), separated by commas',
    description: 'Origins whose pages may call the service from a browser (CORS); none: no other origin.',
  }),
  consoleEnabled: Type.Boolean({
    default: true,
    description: 'Serve the console, the web page at `/`; the page itself needs no key, the data it shows does.',
  }),
  role: Type.Enum(['all', 'serve', 'work'], {
    default: 'all',
    description:
      'Role of the process: `serve` answers requests and accepts jobs, `work` runs jobs and answers only probes and metrics; both need `POSTGRES_URL` and a bucket.',
  }),
  logLevel: Type.Enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], {
    default: 'info',
    description: 'Minimum log level.',
  }),
  shutdownGraceMs: Type.Integer({
    default: 15_000,
    minimum: 100,
    maximum: 600_000,
    description: 'Time for accepted work to finish after SIGTERM.',
  }),
}
