/** Settings: where the service listens, who may call from where, how it ends. */
import { Type } from 'typebox'

export const serverSettings = {
  host: Type.String({
    default: '127.0.0.1',
    minLength: 1,
    description: 'Address to listen on; 0.0.0.0 for every interface.',
  }),
  port: Type.Integer({
    default: 8080,
    minimum: 0,
    maximum: 65535,
    description: 'Port to listen on; 0 takes a free one.',
  }),
  basePath: Type.String({
    default: '',
    pattern: '^$|^(?!/(v1|docs|livez|readyz|metrics)(/|$))(/[A-Za-z0-9._~-]+)+$',
    form: 'a path such as /alike, without a slash at its end',
    description:
      'Path below which a proxy shows the service: every address that it gives begins with it, and requests are taken with and without it.',
  }),
  trustProxy: Type.String({
    default: '',
    pattern: '^$|^[0-9A-Fa-f.:/]+(\\s*,\\s*[0-9A-Fa-f.:/]+)*$',
    form: 'IP addresses and networks (10.0.0.0/8), separated by commas',
    description:
      'Proxies whose `X-Forwarded-For` says who calls, for rate limits, places of uploads and the audit log; none: the address of the connection does.',
  }),
  corsOrigins: Type.String({
    default: '',
    pattern: '^$|^\\*$|^https?://[^\\s,/]+(\\s*,\\s*https?://[^\\s,/]+)*$',
    form: '`*`, or origins (https://shop.example.com), separated by commas',
    description: 'Origins whose pages may call the service from a browser; none: no other origin.',
  }),
  consoleEnabled: Type.Boolean({
    default: true,
    description: 'Serve the console, the web page at `/`; the page itself needs no key, what it shows does.',
  }),
  role: Type.Enum(['all', 'serve', 'work'], {
    default: 'all',
    description:
      'What the process does: `serve` answers requests and accepts jobs, `work` runs jobs and answers probes and metrics alone; both need `POSTGRES_URL` and a bucket.',
  }),
  logLevel: Type.Enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], {
    default: 'info',
    description: 'Least severe lines that are logged.',
  }),
  shutdownGraceMs: Type.Integer({
    default: 15_000,
    minimum: 100,
    maximum: 600_000,
    description: 'Time that accepted work gets to finish after SIGTERM.',
  }),
}
