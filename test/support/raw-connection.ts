/** TCP connections on which a test writes its own bytes, as no HTTP client would send them. */
import { connect, type Socket, type TcpSocketConnectOpts } from 'node:net'
import type { TestContext } from 'node:test'
import { until } from './until.js'

export class RawConnection {
  readonly socket: Socket
  /** What has arrived, but for what `arrival` has returned. */
  received = ''
  /** `received`, once the connection is closed, or reset because bytes were still on their way. */
  readonly closed: Promise<string>

  /** @param address of the service, as `listen` returns it */
  constructor(address: string, options: Partial<TcpSocketConnectOpts> = {}) {
    const { hostname, port } = new URL(address)
    this.socket = connect({ host: hostname, port: Number(port), ...options })
    this.socket.on('error', () => {})
    this.socket.setEncoding('utf8').on('data', (text: string) => (this.received += text))
    this.closed = new Promise((resolve) => this.socket.once('close', () => resolve(this.received)))
  }

  write(...parts: (string | Uint8Array)[]): void {
    for (const part of parts) this.socket.write(part)
  }

  /** Waits for `sign` in what arrives. @returns what has arrived since the last call */
  async arrival(sign: string | RegExp, what = `${sign} on the connection`): Promise<string> {
    await until(() => (typeof sign === 'string' ? this.received.includes(sign) : sign.test(this.received)), what)
    const arrived = this.received
    this.received = ''
    return arrived
  }
}

/** Closed with the test. */
export function rawConnection(t: TestContext, address: string, options?: Partial<TcpSocketConnectOpts>): RawConnection {
  return rawConnections(t)(address, options)
}

/**
 * For several, or before `startApp`: they are then closed before the service, which waits for what they have begun.
 * @returns a function that opens one
 */
export function rawConnections(t: TestContext): typeof openConnection {
  const opened: RawConnection[] = []
  t.after(() => opened.forEach(({ socket }) => socket.destroy()))
  return (...given) => {
    const connection = openConnection(...given)
    opened.push(connection)
    return connection
  }
}

function openConnection(address: string, options?: Partial<TcpSocketConnectOpts>): RawConnection {
  return new RawConnection(address, options)
}
