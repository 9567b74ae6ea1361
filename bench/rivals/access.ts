/**
 * Decisions in one process, side by side, by a tiny HTTP interface so that it has a core of its own: GET /agree asks every side every question and
 * names the first that they answer unlike; GET /<side>?seconds= measures one. One question after the other, each by the clock.
 */
import { createServer } from 'node:http';
import { openAccess } from '../latchkey/access.ts';
import { makeRules, type Question } from './access-rules.ts';
import { openCasbin } from './casbin.ts';
import { openCasl } from './casl.ts';

const url = process.env['DATABASE_URL'] ?? '';
const rules = await makeRules(url, 10_000);
const { questions } = rules;
const [latchkey, casbin, casl] = [openAccess(url), await openCasbin(rules), openCasl(rules)];

type Ask = (question: Question) => boolean | Promise<boolean>;
const quick: Record<string, Ask> = { '/latchkey/check': latchkey.check, '/latchkey/decide': latchkey.decided, '/casl': casl.can };
/** They look at every policy for every question: they are asked some of the questions. */
const slow: Record<string, Ask> = {
  '/casbin/enforce': casbin.enforce,
  '/casbin/enforceSync': casbin.enforceSync,
  '/casbin/cached': casbin.enforceCached,
};
const sides: Record<string, Ask> = { ...quick, ...slow, '/latchkey/cold': latchkey.cold, '/casl/build': casl.build };
const few = questions.slice(0, Number(process.env['FEW']));

const agree = async () => {
  let allowed = 0;
  for (const [n, question] of questions.entries()) {
    const answers: Record<string, boolean> = {};
    for (const [name, side] of Object.entries({ ...quick, ...(n < few.length && slow) })) answers[name] = await side(question);
    if (new Set(Object.values(answers)).size > 1) return { unlike: { question, answers } };
    if (answers['/casl']) allowed += 1;
  }
  return { questions: questions.length, few: few.length, allowed };
};

/** Every latency counts, and as many as a reader can use are told. */
const most = 20_000;
const measure = async (side: Ask, asked: readonly Question[], seconds: number) => {
  const latencies: number[] = [];
  const began = performance.now();
  const until = began + seconds * 1000;
  let [count, now] = [0, began];
  while (now < until) {
    const question = asked[count % asked.length] as Question;
    const sent = performance.now();
    const answer = side(question);
    // What answers at once is not waited for.
    if (typeof answer !== 'boolean') await answer;
    now = performance.now();
    latencies.push(now - sent);
    count += 1;
  }
  const step = Math.ceil(count / most);
  const ordered = Float64Array.from(latencies).sort();
  return {
    rate: count / ((performance.now() - began) / 1000),
    latencies: [...ordered.filter((_, n) => n % step === 0)].map((ms) => Number(ms.toPrecision(4))),
  };
};

createServer(async (req, res) => {
  const { pathname, searchParams } = new URL(req.url ?? '/', 'http://localhost');
  const side = sides[pathname];
  if (pathname !== '/agree' && !side) return void res.writeHead(404).end();
  res.end(
    JSON.stringify(side ? await measure(side, pathname in slow ? few : questions, Number(searchParams.get('seconds'))) : await agree()),
  );
}).listen(Number(process.env['PORT']), '127.0.0.1', () => console.log('ready'));
