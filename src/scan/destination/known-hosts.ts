/**
 * Hosts that many agents call and that nobody can register a part of: registries, code hosts, documentation, providers of
 * models and clouds. Nothing is allowed because of this list; random identifiers to these hosts are ordinary. Rows only.
 */

const ROWS: readonly string[] = [
  // code and packages
  'github.com githubusercontent.com githubassets.com github.io ghcr.io gitlab.com bitbucket.org codeberg.org sr.ht npmjs.org npmjs.com yarnpkg.com unpkg.com jsdelivr.net jsr.io pypi.org pythonhosted.org',
  'crates.io rust-lang.org docs.rs golang.org go.dev rubygems.org maven.org apache.org gradle.org nuget.org packagist.org hex.pm pub.dev debian.org ubuntu.com alpinelinux.org archlinux.org fedoraproject.org',
  'docker.com docker.io quay.io gcr.io pkg.dev k8s.io kubernetes.io brew.sh conda.io anaconda.org anaconda.com cdnjs.com cloudflare.com fastly.net',
  // models
  'openai.com anthropic.com claude.ai huggingface.co hf.co mistral.ai cohere.com cohere.ai groq.com x.ai deepseek.com openrouter.ai together.ai together.xyz fireworks.ai perplexity.ai replicate.com',
  // clouds and what they serve
  'amazonaws.com amazon.com aws.dev cloudfront.net googleapis.com google.com gstatic.com googleusercontent.com withgoogle.com youtube.com windows.net azure.com microsoft.com microsoftonline.com live.com office.com',
  'visualstudio.com vscode.dev azureedge.net akamaized.net akamai.net digitalocean.com digitaloceanspaces.com heroku.com vercel.com netlify.com fly.io oracle.com oraclecloud.com ibm.com',
  // work
  'slack.com atlassian.com atlassian.net notion.so notion.com linear.app figma.com asana.com trello.com dropbox.com box.com zoom.us stripe.com paypal.com twilio.com sendgrid.com salesforce.com hubspot.com',
  'sentry.io datadoghq.com newrelic.com grafana.com grafana.net pagerduty.com okta.com auth0.com supabase.com supabase.co mongodb.com snowflakecomputing.com databricks.com',
  // reading
  'wikipedia.org wikimedia.org mozilla.org w3.org ietf.org rfc-editor.org python.org nodejs.org readthedocs.io readthedocs.org stackoverflow.com stackexchange.com sstatic.net arxiv.org bing.com duckduckgo.com',
  'archive.org medium.com reddit.com twitter.com x.com linkedin.com facebook.com apple.com icloud.com mdn.dev web.dev',
]

const KNOWN: ReadonlySet<string> = new Set(ROWS.flatMap((row) => row.split(' ')))

/** @param host canonical; names below a known host count */
export function isKnownHost(host: string): boolean {
  let name = host
  for (;;) {
    if (KNOWN.has(name)) return true
    const dot = name.indexOf('.')
    if (dot < 0) return false
    name = name.slice(dot + 1)
  }
}
