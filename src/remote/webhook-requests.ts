/**
 * Sends webhooks at the end of a job: only to listed hosts, and without following redirects. Only the status of the
 * response is used.
 */
import { AlikeError } from '../errors.js'
import { AllowedHosts, expectAllowed } from './allowed-hosts.js'
import { GuardedRequests } from './guarded-requests.js'

export interface WebhookRequestsOptions {
  webhookAllowedHosts: string
  webhookTimeoutMs: number
}

export class WebhookRequests {
  readonly #hosts: AllowedHosts
  readonly #timeoutMs: number
  readonly #requests: GuardedRequests

  /** @throws AlikeError `config_invalid` for a malformed list of hosts */
  constructor({ webhookAllowedHosts, webhookTimeoutMs }: WebhookRequestsOptions) {
    const hosts = new AllowedHosts(webhookAllowedHosts, 'WEBHOOK_ALLOWED_HOSTS')
    this.#hosts = hosts
    this.#timeoutMs = webhookTimeoutMs
    this.#requests = new GuardedRequests({
      isAllowed: (address) => hosts.reaches(address),
      timeoutMs: webhookTimeoutMs,
    })
  }

  /** @throws AlikeError `url_not_allowed` */
  expectAllowed(url: string): void {
    expectAllowed(url, undefined, this.#hosts)
  }

  /** @returns the status @throws AlikeError `url_not_allowed`, `url_unreachable` */
  async post(
    text: string,
    { headers, body }: { headers: Record<string, string>; body: string },
    signal: AbortSignal,
  ): Promise<number> {
    const url = expectAllowed(text, undefined, this.#hosts) // the list may have changed by now
    try {
      const answer = await this.#requests.send(url, {
        method: 'POST',
        signal: AbortSignal.any([signal, AbortSignal.timeout(this.#timeoutMs)]),
        headers: { 'user-agent': 'alike', ...headers },
        body,
      })
      await answer.body.dump({ limit: 64 * 1024 }).catch(() => {}) // it has been received all the same
      return answer.statusCode
    } catch (error) {
      if (error instanceof AlikeError) throw error
      throw new AlikeError('url_unreachable', { detail: 'It gave no answer.', cause: error })
    }
  }

  close(): Promise<void> {
    return this.#requests.close()
  }
}
