/** Public door of egress/: the only opener of outgoing sockets. */
export { checkAddress } from './address-policy.ts'
export { hopByHopNames } from './hop-headers.ts'
export { createResolver, type HostResolver } from './resolve-host.ts'
export { createSender, type Sender } from './send.ts'
export { openTunnel } from './tunnel.ts'
export type { UpstreamCall, UpstreamFailure, UpstreamSink } from './upstream.ts'
