/** Keys of services for models, agents and search. Rows only. */

import { ANYWHERE, HEADER_OR_BODY, prefixRule } from './prefix-rule.ts'
import type { SecretRule } from './secret-rule.ts'

export const AI_RULES: readonly SecretRule[] = [
  prefixRule({ name: 'openai_plain_key', title: 'OpenAI key (without a marker)', prefixes: ['sk-'], body: '(?=[A-Za-z]{0,47}[0-9])[A-Za-z0-9]{48}(?![A-Za-z0-9_-])', hosts: ['openai.com', 'openai.azure.com', 'deepseek.com', 'moonshot.cn'], source: 'https://platform.openai.com/docs/api-reference/authentication' }),
  prefixRule({ name: 'deepseek_key', title: 'DeepSeek key', prefixes: ['sk-'], body: '[a-f0-9]{32}(?![A-Za-z0-9_-])', hosts: ['deepseek.com', 'moonshot.cn', 'dashscope.aliyuncs.com'], source: 'https://api-docs.deepseek.com/' }),
  prefixRule({ name: 'openai_session_key', title: 'OpenAI session key', prefixes: ['sess-'], body: '[A-Za-z0-9]{40}(?![A-Za-z0-9_-])', hosts: ['openai.com'], source: 'https://platform.openai.com/docs/api-reference/authentication' }),
  prefixRule({ name: 'nvidia_key', title: 'NVIDIA API key', prefixes: ['nvapi-'], body: '[A-Za-z0-9_-]{60,80}', hosts: ['nvidia.com'], source: 'https://docs.api.nvidia.com/' }),
  prefixRule({ name: 'cerebras_key', title: 'Cerebras key', prefixes: ['csk-'], body: '[a-z0-9]{48}(?![A-Za-z0-9_-])', hosts: ['cerebras.ai'], source: 'https://inference-docs.cerebras.ai/' }),
  prefixRule({ name: 'tavily_key', title: 'Tavily key', prefixes: ['tvly-'], body: '[A-Za-z0-9-]{32,64}', hosts: ['tavily.com'], kinds: HEADER_OR_BODY, source: 'https://docs.tavily.com/' }),
  prefixRule({ name: 'firecrawl_key', title: 'Firecrawl key', prefixes: ['fc-'], body: '[a-f0-9]{32}(?![A-Za-z0-9_-])', hosts: ['firecrawl.dev'], severity: 'high', source: 'https://docs.firecrawl.dev/' }),
  prefixRule({ name: 'jina_key', title: 'Jina key', prefixes: ['jina_'], body: '[a-f0-9]{32}[A-Za-z0-9_-]{28}', hosts: ['jina.ai'], source: 'https://jina.ai/api-dashboard/' }),
  prefixRule({ name: 'elevenlabs_key', title: 'ElevenLabs key', prefixes: ['sk_'], body: '[a-f0-9]{48}(?![A-Za-z0-9_])', hosts: ['elevenlabs.io'], source: 'https://elevenlabs.io/docs/api-reference/authentication' }),
  prefixRule({ name: 'langsmith_key', title: 'LangSmith key', prefixes: ['lsv2_pt_', 'lsv2_sk_'], body: '[a-f0-9]{32}_[a-f0-9]{10}', hosts: ['langchain.com'], source: 'https://docs.smith.langchain.com/' }),
  prefixRule({ name: 'langfuse_key', title: 'Langfuse secret key', prefixes: ['sk-lf-'], body: '[a-f0-9]{8}-(?:[a-f0-9]{4}-){3}[a-f0-9]{12}', hosts: ['langfuse.com'], source: 'https://langfuse.com/docs' }),
  prefixRule({ name: 'voyage_key', title: 'Voyage key', prefixes: ['pa-'], body: '(?=[A-Za-z_-]{0,42}[0-9])(?=[a-z0-9_-]{0,42}[A-Z])[A-Za-z0-9_-]{43}(?![A-Za-z0-9_-])', hosts: ['voyageai.com'], severity: 'high', source: 'https://docs.voyageai.com/' }),
  prefixRule({ name: 'google_refresh_token', title: 'Google refresh token', prefixes: ['1//0'], body: '[A-Za-z0-9_-]{40,120}', hosts: ['googleapis.com', 'google.com'], kinds: ANYWHERE, source: 'https://developers.google.com/identity/protocols/oauth2' }),
  prefixRule({ name: 'sourcegraph_token', title: 'Sourcegraph token', prefixes: ['sgp_'], body: '(?:[a-f0-9]{16}_|local_)?[a-f0-9]{40}', hosts: ['sourcegraph.com'], source: 'https://sourcegraph.com/docs/cli/how-tos/creating_an_access_token' }),
]
