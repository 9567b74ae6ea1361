import type { Section } from '../lib/report.ts';
import type { Stage } from '../lib/stage.ts';
import { access } from './access.ts';
import { login, me, refresh, sessions } from './better-auth.ts';
import { checks } from './checks.ts';
import { frontDoor } from './front-door.ts';
import { hash } from './hash.ts';
import { kms } from './kms.ts';
import { memory } from './memory.ts';
import { pages } from './pages.ts';
import { storm } from './storm.ts';
import { trading } from './trading.ts';

/** By the names that `--only` takes, in the order in which they run. */
export const sections: Record<string, (stage: Stage) => Promise<Section>> = {
  front: frontDoor,
  me,
  sessions,
  refresh,
  login,
  hash,
  kms,
  storm,
  access,
  checks,
  pages,
  trading,
  memory,
};
