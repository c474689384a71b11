/** The stages of the data path, in their order. Each asks one domain folder, and throws Block where that one has a Denial. */

import type { IpAddress } from '../base/ip-address.ts'
import { openTunnel } from '../egress/index.ts'
import { checkShape, isTrusted } from '../gates/index.ts'
import { checkClaims } from '../identity/index.ts'
import { DEFAULT_PROFILE } from '../model/agent.ts'
import type { Cleared } from '../model/cleared.ts'
import type { Denial } from '../model/denial.ts'
import type { Exchange, OutgoingRequest, Reply } from '../model/exchange.ts'
import type { Profile } from '../model/policy.ts'
import { RecorderError } from '../receipt/index.ts'
import { hideCredentials } from '../scan/index.ts'
import { Block, blockOn } from './block.ts'
import { digestOf } from './body-digest.ts'
import { intentFacts, outcomeFacts, refusalFacts } from './exchange-receipts.ts'
import { buildOutgoing, withIdentityCoding } from './outgoing-request.ts'
import { MeteredSink } from './metered-sink.ts'
import { passedVerdict, type Ending, type Passage } from './passage.ts'
import { countFailedLookup, exhaustedDenial, settleBudget } from './reserve-budget.ts'
import { ResponsePump } from './response-pump.ts'
import { createResponseScreen } from './screen-response.ts'
import type { Services } from './services.ts'
import { pumpTunnel } from './tunnel-pump.ts'

/** What may be forwarded: a request that passed its scan, and the checked addresses of its destination. */
export interface Admitted {
  readonly request: Cleared<OutgoingRequest>
  readonly addresses: readonly IpAddress[]
}

/** Begins the account of an exchange: under `_default` until it is identified. */
export function openPassage(exchange: Exchange, services: Services): Passage {
  const policy = services.policy()
  const passage: Passage = {
    exchange,
    policy,
    startedAtMs: services.clock.monotonicMs(),
    livePlace: -1,
    agent: { profile: DEFAULT_PROFILE, grade: 'unknown', source: 'none', rule: '-', address: exchange.connection.peerAddress },
    profile: profileNamed(DEFAULT_PROFILE, policy.profiles),
    claimed: [],
    shownTarget: UNSEEN_TARGET,
    isTargetHidden: false,
    warnings: [],
    severity: undefined,
    digest: undefined,
    responseDigest: undefined,
    redaction: undefined,
    responseRedaction: undefined,
    address: undefined,
    place: undefined,
    stopped: undefined,
    running: undefined,
    intentRecorded: false,
    outcomeRecorded: false,
    hasLeft: false,
    heldBytes: 0,
    bytesUp: 0,
    bytesDown: 0,
  }
  services.live.open(passage)
  return passage
}

export function closePassage(passage: Passage, services: Services): void {
  // Settled long before where it was forwarded: what is left here never was.
  passage.spending?.refund()
  services.held.give(passage.heldBytes)
  passage.place?.release()
  passage.running = undefined
  services.live.close(passage)
}

/** @throws {Block} `identity_unresolved`, `identity_conflict` */
export function identify(passage: Passage, { identity, observer }: Services): void {
  const { exchange, policy } = passage
  const { agent, denial } = identity.resolve(exchange.connection, exchange.head.headers)
  passage.agent = agent
  passage.profile = profileNamed(agent.profile, policy.profiles)
  if (exchange.claimed.length > 0) {
    const claims = checkClaims(exchange.claimed, agent.profile, policy.profiles)
    // A name has room for a credential.
    passage.claimed = claims.map(({ name }) => hideCredentials(name))
    if (claims.some(({ mismatch }) => mismatch)) observer.identityDoubt(passage, 'identity_mismatch')
  }
  if (denial?.reason === 'identity_conflict' || denial?.reason === 'identity_unresolved') observer.identityDoubt(passage, denial.reason)
  blockOn(denial)
  // A connection keeps its profile's name for life; where a reload took the profile away, no rule names the caller any more.
  if (passage.profile.name !== agent.profile) throw new Block({ reason: 'identity_unresolved', detail: 'the profile is no longer configured' })
}

/** The cheap refusals, before any content work: kill switch, own addresses, method, lengths, host lists, rate, connections. */
export function requireShape(passage: Passage, services: Services): void {
  const { exchange, profile, policy } = passage
  blockOn(recheck(passage, services))
  if (!policy.surfaces[exchange.surface]) throw new Block({ reason: 'surface_disabled', detail: exchange.surface })
  const shape = checkShape({ head: exchange.head, surface: exchange.surface, profile, ownVia: services.ownVia })
  if (shape?.weight === 'block') throw new Block(shape.denial)
  if (shape?.weight === 'warn') passage.warnings.push(shape.denial.reason)

  const { host, port } = exchange.head.target
  if (services.protectedTargets.isProtectedName(host, port)) throw new Block({ reason: 'protected_target', detail: 'a listener of this companion' })
  blockOn(services.rate.take(profile))
  const place = services.concurrency.acquire(profile)
  if ('reason' in place) throw new Block(place)
  passage.place = place
}

/** Reads the body, within the memory that all bodies share, and builds the request as it will leave. */
export async function holdRequest(passage: Passage, { held, ownVia }: Services): Promise<OutgoingRequest> {
  const { exchange, policy } = passage
  const { maxBodyBytes, maxHeldBytes } = policy.limits
  let body: Buffer = NO_BODY
  if (exchange.head.hasBody) {
    const read = await exchange.readBody({
      maxBytes: maxBodyBytes,
      idleMs: policy.timeouts.requestIdleMs,
      take: (bytes) => {
        const isTaken = held.take(bytes, maxHeldBytes)
        if (isTaken) passage.heldBytes += bytes
        return isTaken
      },
    })
    if (!Buffer.isBuffer(read)) throw new Block(read)
    body = read
  }
  if (body.length > 0) passage.digest = digestOf(body)
  const request = buildOutgoing(exchange.head, body, `1.1 ${ownVia}`)
  return passage.profile.dlp.responseAction === 'allow' ? request : { ...request, headers: withIdentityCoding(request.headers) }
}

/** The name is asked for only now: policy allowed it, and the scan found no secret in it. Every answer is checked. */
export async function resolveTarget(passage: Passage, services: Services): Promise<readonly IpAddress[]> {
  const { resolver } = services
  const { host, port } = passage.exchange.head.target
  const { profile } = passage
  const answer = resolver.resolve(host, port, { allowNetworks: profile.ssrfIpAllowlist, trusted: isTrusted(profile, host, port) })
  const resolved = answer instanceof Promise ? await answer : answer
  if ('reason' in resolved) {
    if (resolved.reason === 'dns_failed') await countFailedLookup(passage, services)
    throw new Block(resolved)
  }
  const first = resolved.addresses[0]
  if (first !== undefined) passage.address = first.family === 6 ? `[${first.text}]:${port}` : `${first.text}:${port}`
  return resolved.addresses
}

/** Waits until the intent is on disk. @throws {Block} where it cannot be: nothing is forwarded then */
export async function recordIntent(passage: Passage, { recorder, clock, trustDomain, observer }: Services): Promise<void> {
  blockOn(passage.stopped)
  const appended = recorder.append(intentFacts(passage, trustDomain, clock.nowMs()), 'admission')
  if ('reason' in appended) {
    observer.receiptFailed(appended.reason, 'intent')
    throw new Block(appended)
  }
  try {
    await appended.durable
  } catch (thrown) {
    const denial = lossOf(thrown)
    observer.receiptFailed(denial.reason, 'intent')
    throw new Block(denial)
  }
  passage.intentRecorded = true
  observer.receiptWritten(passage.profile.name, passedVerdict(passage))
}

/** What may have changed while the intent was written. Called once more, synchronously, with the first byte. */
export function recheck(passage: Passage, { killSwitch, budgets }: Services): Denial | undefined {
  if (passage.stopped !== undefined) return passage.stopped
  if (budgets.frozen.has(passage.profile.name)) return { reason: 'budget_frozen', detail: 'frozen by an operator' }
  const sources = killSwitch.isOn(passage.profile.name)
  return sources === undefined ? undefined : { reason: 'kill_switch', detail: sources.join(' ') }
}

/** Sends the request and carries the answer back; resolves when the exchange is over on both sides. */
export async function forward(admitted: Admitted, passage: Passage, reply: Reply, services: Services): Promise<void> {
  if (passage.exchange.surface === 'connect') await forwardTunnel(admitted, passage, reply, services)
  else await forwardMessage(admitted, passage, reply, services)
}

function forwardMessage({ request, addresses }: Admitted, passage: Passage, reply: Reply, services: Services): Promise<void> {
  const { policy, profile, exchange } = passage
  const headWithinMs = fetchWait(passage, services.clock.nowMs())
  const pump = new ResponsePump({
    passage,
    reply,
    screen: createResponseScreen(passage, services.clock),
    ...(headWithinMs !== undefined && { headWithinMs }),
    recheck: () => {
      const denial = recheck(passage, services)
      passage.hasLeft = denial === undefined
      return denial
    },
    meter: (bytes) => {
      services.rate.addBytes(profile.name, bytes)
    },
    take: (bytes) => {
      const isTaken = services.held.take(bytes, policy.limits.maxHeldBytes)
      if (isTaken) passage.heldBytes += bytes
      return isTaken
    },
    onEnding: (ending) => {
      recordOutcome(passage, ending, services)
    },
  })
  // The object, not a closure over it: with a closure ended exchanges were seen to outlive their scavenges.
  passage.running = pump
  exchange.onGone(() => {
    pump.callerGone()
  })
  passage.bytesUp = request.body.length
  services.rate.addBytes(profile.name, request.body.length)
  const route = { profile: profile.name, addresses, timeouts: policy.timeouts }
  const metered = meteredSink(passage, pump, services)
  const call = services.sender.send(request, route, metered ?? pump)
  pump.attach(metered?.bind(call) ?? call)
  return pump.finished
}

function meteredSink(passage: Passage, sink: ResponsePump, services: Services): MeteredSink | undefined {
  const { spending } = passage
  if (spending === undefined) return undefined
  return new MeteredSink({ passage, spending, sink, exhausted: () => exhaustedDenial(passage, services), nowMs: () => services.clock.nowMs() })
}

async function forwardTunnel({ addresses }: Admitted, passage: Passage, reply: Reply, services: Services): Promise<void> {
  const { policy, exchange, profile } = passage
  blockOn(recheck(passage, services))
  const upstream = await openTunnel({ addresses, port: exchange.head.target.port, connectMs: policy.timeouts.connectMs })
  if ('reason' in upstream) throw new Block(upstream)

  const denial = recheck(passage, services)
  const caller = denial === undefined ? reply.openTunnel?.() : undefined
  if (caller === undefined) {
    upstream.destroy()
    throw new Block(denial ?? { reason: 'internal_error', detail: 'the surface has no tunnel' })
  }
  passage.hasLeft = true
  passage.origin = { status: ESTABLISHED, isWhole: true, retryAfterMs: undefined }
  const meter = (bytes: number): void => {
    services.rate.addBytes(profile.name, bytes)
  }
  const exhausted = (): Denial => exhaustedDenial(passage, services)
  recordOutcome(passage, await pumpTunnel({ passage, caller, upstream, meter, exhausted }), services)
}

/** Appends the outcome, once. The reply does not wait for its disk; an outcome that is lost leaves the intent open. */
export function recordOutcome(passage: Passage, ending: Ending, { recorder, clock, trustDomain, observer, hosts }: Services): void {
  if (passage.outcomeRecorded) return
  passage.outcomeRecorded = true
  if (endedWell(ending)) hosts.note(passage.profile.name, passage.exchange.head.target.host)
  settleBudget(passage, ending)
  const appended = recorder.append(outcomeFacts(passage, ending, trustDomain, clock.nowMs()), 'completion')
  if ('reason' in appended) observer.receiptFailed(appended.reason, 'outcome')
  else {
    appended.durable.then(
      () => {
        observer.receiptWritten(passage.profile.name, ending.verdict)
      },
      (thrown: unknown) => {
        observer.receiptFailed(lossOf(thrown).reason, 'outcome')
      },
    )
  }
  observer.ended(passage, ending, clock.monotonicMs() - passage.startedAtMs)
}

/** The destination did what was asked, and no scanner had a doubt. */
function endedWell({ reason, verdict, status }: Ending): boolean {
  return reason === 'completed' && verdict === 'allow' && status >= 200 && status < 400
}

/** Records a refusal, within the quota of its subject. A refusal that cannot be recorded stays a refusal. */
export async function recordRefusal(passage: Passage, denial: Denial, services: Services): Promise<void> {
  const { recorder, clock, trustDomain, observer, refusals } = services
  observer.refused(passage, denial, clock.monotonicMs() - passage.startedAtMs)
  const isUnknown = passage.agent.grade === 'unknown'
  const suppressed = refusals.admit(isUnknown ? passage.agent.address : passage.profile.name, isUnknown ? 'unknown_source' : 'profile')
  if (suppressed === undefined) return
  const appended = recorder.append(refusalFacts(passage, denial, suppressed, { trustDomain, nowMs: clock.nowMs() }), 'admission')
  if ('reason' in appended) {
    observer.receiptFailed(appended.reason, 'refusal')
    return
  }
  try {
    await appended.durable
  } catch (thrown) {
    observer.receiptFailed(lossOf(thrown).reason, 'refusal')
    return
  }
  observer.receiptWritten(passage.profile.name, 'block')
}

/** Why a receipt that was taken did not become durable. */
function lossOf(thrown: unknown): Denial {
  return thrown instanceof RecorderError ? thrown.denial : { reason: 'receipt_unwritable', detail: 'the receipt did not become durable' }
}

/** @returns what is left of the time that /fetch has for the head of its answer: the redirects before it are counted */
function fetchWait({ exchange, policy }: Passage, nowMs: number): number | undefined {
  if (exchange.surface !== 'fetch') return undefined
  const spentMs = Math.max(0, nowMs - exchange.receivedAtMs)
  return Math.max(0, policy.timeouts.fetchHeadMs - spentMs)
}

const ESTABLISHED = 200

const NO_BODY = Buffer.alloc(0)
/** Stands in receipt and log for a target that could not be looked at: it may hold a credential. */
const UNSEEN_TARGET = '[not scanned]'

/** The profile of that name now; `_default`, which always exists, stands in for one that a reload removed. */
function profileNamed(name: string, profiles: ReadonlyMap<string, Profile>): Profile {
  const profile = profiles.get(name) ?? profiles.get(DEFAULT_PROFILE)
  if (profile === undefined) throw new Block({ reason: 'identity_unresolved', detail: 'no _default profile' })
  return profile
}
