import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { generateKey } from '@certctl/pki'
import { createTestCa, type HttpAnswer, responseOf, type SeenRequest } from '@certctl/testing'

export interface Served {
  readonly origin: string
  /** PEM file with the CA of its certificate. */
  readonly caPath: string
  /** For files of its configuration. */
  readonly directory: string
  readonly asked: readonly string[]
  close(): Promise<void>
}

/** HTTPS on this machine, whose requests a fake answers. */
export async function serve(answer: (request: SeenRequest) => Promise<HttpAnswer>): Promise<Served> {
  const directory = await mkdtemp(join(tmpdir(), 'certctl-misbehaving-'))
  const ca = await createTestCa()
  const { privateKeyPem: key, spki } = await generateKey('EC-P256')
  const leaf = await ca.certify(spki, { names: [{ type: 'ip', value: '127.0.0.1' }] })
  const caPath = join(directory, 'listener-ca.pem')
  await writeFile(caPath, ca.rootPem)
  const asked: string[] = []
  const respond = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const seen = seenRequest(request, await buffer(request), originOf())
    asked.push(`${seen.method} ${seen.path}`)
    const { status, headers, body } = responseOf(await answer(seen))
    response.writeHead(status, headers).end(body)
  }
  const server = createServer({ key, cert: leaf + ca.intermediatePem }, (request, response) => {
    respond(request, response).catch((error: unknown) => response.destroy(error instanceof Error ? error : undefined))
  })
  // A connection that a client kept is there when it comes back, however slow this machine is.
  server.keepAliveTimeout = 600_000
  const originOf = (): string => `https://127.0.0.1:${(server.address() as AddressInfo).port}`
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    origin: originOf(),
    caPath,
    directory,
    asked,
    async close() {
      await new Promise((resolve) => server.close(resolve).closeAllConnections())
      await rm(directory, { recursive: true, force: true })
    },
  }
}

function seenRequest({ method = '', url: target = '', headers }: IncomingMessage, body: Uint8Array, origin: string) {
  const url = new URL(target, origin)
  const text = () => Buffer.from(body).toString('utf8')
  const plain = Object.entries(headers).map(([name, value]) => [name, [value].flat().join(', ')] as const)
  const request: SeenRequest = {
    method,
    url,
    path: url.pathname,
    query: url.searchParams,
    headers: Object.fromEntries(plain),
    body,
    text,
    json: () => JSON.parse(text()),
    options: { baseUrl: origin },
  }
  return request
}
