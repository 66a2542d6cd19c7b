/** The private module of acme-client 5.4.0 whose request signing is used; its version is pinned for that. */
declare module 'acme-client/src/http.js' {
  export interface RawAnswer {
    status: number
    headers: Readonly<Record<string, string>>
    data: unknown
  }

  export default class HttpClient {
    constructor(directoryUrl: string, accountKey: Buffer, externalAccountBinding?: { kid?: string; hmacKey?: string })
    request(url: string, method: string, options?: { data?: unknown }): Promise<RawAnswer>
    getDirectory(): Promise<Readonly<Record<string, unknown>>>
    getNonce(): Promise<string>
    getJwk(): Record<string, string>
    createSignedBody(url: string, payload: unknown): { payload: string; protected: string; signature: string }
    signedRequest(
      url: string,
      payload: unknown,
      options: { kid: string | null; includeExternalAccountBinding: boolean },
    ): Promise<RawAnswer>
  }
}
