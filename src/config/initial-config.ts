/** The file that `chaperone init` writes. It loads as it is; a setting to switch on follows its `#` without a single space. */

const TEXT = `# Configuration of Chaperone. Every key is optional; what stands here without # is the default.
# Durations: 250ms, 30s, 5m. Sizes: 64KiB, 10MiB. "chaperone config explain" shows what is in force and why.
version: 1

# strict: only hosts on api_allowlist. balanced: credentials going out and addresses that are not public are blocked.
# audit: findings warn.
mode: balanced

# The agents' listener: set http_proxy and https_proxy to it, or call /fetch?url=...
# An address that is not loopback needs profiles under agents.
fetch_proxy:
  listen: 127.0.0.1:8888
  monitoring:
    # Refused in every mode. *.example.com holds every name below example.com, not example.com itself.
    blocklist: []

# Health, metrics, kill switch. Without a token here one is made in the state folder.
admin:
  listen: 127.0.0.1:8889
#  token: \${env:CHAPERONE_ADMIN_TOKEN}

# Hosts that strict mode lets pass.
# Written here: [api.example.com, '*.example.org']
api_allowlist: []

# Networks that may be dialled although they are not public.
#ssrf:
#  ip_allowlist: [10.20.0.0/16]

# Own credential rules, in RE2 syntax. env_secrets and secrets_file name what the agent holds and must not give away.
#dlp:
#  patterns:
#    - { name: internal-token, regex: 'tok_[a-z0-9]{32}', severity: critical }

# What every profile may do per minute; 0 = unlimited.
rate_limit:
  max_requests_per_minute: 0
  max_data_per_minute: 0

# What every profile may spend; a profile that names an axis replaces it, the rest it inherits. docs/budgets.md
#budget:
#  max_requests_per_session: 1000
#  max_bytes_per_session: 1GiB
#  window_minutes: 60

# Profiles. A caller gets one by the address it calls, or by the network it calls from; what a profile leaves out it takes
# from the top level. _default is the profile of everyone else; with identity.unmatched: deny they are refused instead.
#agents:
#  ci:
#    source_cidrs: [10.42.3.0/24]
#    mode: strict
#    api_allowlist: [registry.npmjs.org, api.github.com]
#    rate_limit: { max_requests_per_minute: 120 }
#  research:
#    listeners: [127.0.0.1:8890]
#    max_connections: 64
#    budget: { requests: { limit: 200, window: 10m }, retries_per_endpoint: { limit: 3 } }
#  _default:
#    rate_limit: { max_requests_per_minute: 10 }
#identity:
#  unmatched: deny
`

/** @returns YAML in which every live line states a default */
export function initialConfigText(): string {
  return TEXT
}
