/**
 * Requests and bytes per minute of each profile, over a sliding window on the monotonic clock. Counts are kept by profile
 * name, outside every configuration object: a reload changes limits, never what was used.
 */

import type { Clock } from '../base/clock.ts'
import type { Denial } from '../model/denial.ts'
import type { Profile } from '../model/policy.ts'
import { SlidingWindow } from './sliding-window.ts'

export type RateLimitedProfile = Pick<Profile, 'name' | 'maxRequestsPerMinute' | 'maxDataPerMinuteBytes'>

export interface RateLimiter {
  /**
   * Counts one request, or refuses it and counts nothing. Synchronous: two requests cannot both take the last place.
   *
   * @returns `rate_limited` or `data_rate_limited`, with the seconds until the same request would be admitted
   */
  take(profile: RateLimitedProfile): Denial | undefined
  /** Counts bytes that have passed, in either direction. They are known afterwards: the next request pays for them. */
  addBytes(profileName: string, bytes: number): void
  /** What the last minute used. */
  usage(profileName: string): RateUsage
  /** Tells which profiles exist now; counts of others are dropped. To be called before the new policy is in force. */
  retain(profileNames: Iterable<string>): void
}

export interface RateUsage {
  readonly requests: number
  readonly bytes: number
}

interface ProfileWindows {
  readonly requests: SlidingWindow
  readonly bytes: SlidingWindow
}

const MS_PER_SECOND = 1000

/** @param profileNames the configured ones. A name outside them shares one count with all such names: state stays bounded. */
export function createRateLimiter(clock: Clock, profileNames: Iterable<string>): RateLimiter {
  let known = new Set(profileNames)
  const windows = new Map<string, ProfileWindows>()
  const windowsOf = (name: string): ProfileWindows => {
    const key = known.has(name) ? name : UNKNOWN_PROFILE
    const found = windows.get(key) ?? { requests: new SlidingWindow(), bytes: new SlidingWindow() }
    windows.set(key, found)
    return found
  }

  return {
    take: (profile) => takeRequest(windowsOf(profile.name), profile, clock.monotonicMs()),
    addBytes: (profileName, bytes) => {
      windowsOf(profileName).bytes.add(clock.monotonicMs(), bytes)
    },
    usage: (profileName) => {
      const { requests, bytes } = windowsOf(profileName)
      return { requests: requests.sum(clock.monotonicMs()), bytes: bytes.sum(clock.monotonicMs()) }
    },
    retain: (names) => {
      known = new Set(names)
      for (const name of windows.keys()) if (!known.has(name)) windows.delete(name)
    },
  }
}

/** No profile has an empty name. */
const UNKNOWN_PROFILE = ''

function takeRequest(windows: ProfileWindows, profile: RateLimitedProfile, nowMs: number): Denial | undefined {
  const requestWaitMs = waitMs(windows.requests, profile.maxRequestsPerMinute, nowMs)
  const dataWaitMs = waitMs(windows.bytes, profile.maxDataPerMinuteBytes, nowMs)
  if (requestWaitMs === 0 && dataWaitMs === 0) {
    windows.requests.add(nowMs, 1)
    return undefined
  }
  // Both must let the request pass: the longer wait is the true one.
  const retryAfterSeconds = Math.ceil(Math.max(requestWaitMs, dataWaitMs) / MS_PER_SECOND)
  if (requestWaitMs >= dataWaitMs) return { reason: 'rate_limited', detail: `over ${profile.maxRequestsPerMinute} requests per minute`, retryAfterSeconds }
  return { reason: 'data_rate_limited', detail: `over ${profile.maxDataPerMinuteBytes} bytes per minute`, retryAfterSeconds }
}

/** @param limit 0 = unlimited */
function waitMs(window: SlidingWindow, limit: number, nowMs: number): number {
  return limit === 0 ? 0 : window.msUntilBelow(limit, nowMs)
}
