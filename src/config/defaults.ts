/** Every default of the configuration, in the form of the parsed file: durations in milliseconds, sizes in bytes. */

const KIB = 1_024
const MIB = 1_048_576
const SECOND_MS = 1_000
const MINUTE_MS = 60_000
const HOUR_MS = 3_600_000

export const DEFAULTS = {
  mode: 'balanced',
  enforce: true,
  fetch_proxy: {
    enabled: true,
    listen: '127.0.0.1:8888',
    timeout_seconds: 30 * SECOND_MS,
    redirect_limit: 5,
    monitoring: { max_url_length: 8_192, blocklist: [] },
  },
  forward_proxy: { enabled: true, connect: true, max_tunnel_seconds: HOUR_MS, idle_timeout_seconds: 5 * MINUTE_MS },
  api_allowlist: [],
  trusted_domains: [],
  ssrf: { ip_allowlist: [] },
  dlp: { include_defaults: true, patterns: [], scan_env: false, env_secrets: [], min_env_secret_length: 16, response_action: 'allow' },
  canary_tokens: { enabled: true, tokens: [] },
  suppress: [],
  rate_limit: { max_requests_per_minute: 0, max_data_per_minute: 0 },
  budget: { window_minutes: 0, dow_action: 'block', warn_at: [], detail_level: 'full', failed_dials: 'refund', require_exact: false },
  cluster: { replicas: 1 },
  budget_store: { on_unavailable: 'fail_closed', namespace: 'chaperone', timeout: 250, assume_noeviction: false },
  kill_switch: { enabled: false, agents: [] },
  flight_recorder: {
    require: 'durable',
    checkpoint_interval: 1_000,
    max_entries_per_file: 10_000,
    retention_days: 0,
    min_free_bytes: 64 * MIB,
    signer: 'auto',
  },
  admin: { listen: '127.0.0.1:8889' },
  logging: { output: 'stdout', include_allowed: true, include_blocked: true },
  trust_domain: 'chaperone.local',
  identity: {
    unmatched: 'default',
    overlap: 'refuse',
    trusted_proxies: [],
    forwarded: 'none',
    allow_host_bits: false,
    allow_any: false,
  },
  limits: {
    max_body_bytes: 10 * MIB,
    max_held_bytes: 256 * MIB,
    max_held_response_bytes: MIB,
    max_header_bytes: 32 * KIB,
    max_headers: 256,
    max_connections: 8_192,
    max_connections_per_profile: 4_096,
  },
  timeouts: {
    dns: 5 * SECOND_MS,
    connect: 10 * SECOND_MS,
    response_head: 5 * MINUTE_MS,
    response_idle: 2 * MINUTE_MS,
    request_head: 15 * SECOND_MS,
    request_idle: 30 * SECOND_MS,
    keep_alive: 30 * SECOND_MS,
    drain: 30 * SECOND_MS,
  },
  dns: { servers: [], hosts_file: '/etc/hosts', cache_seconds: 5 * MINUTE_MS },
} as const
