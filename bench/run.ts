/** `npm run bench [-- --only me,refresh]`: runs the sections one after the other, prints what they found and keeps it in README.md. */
import { parseArgs } from 'node:util';
import { leaveCoreZero } from './lib/cores.ts';
import { foreignShare, goalsTable, keepInReadme, machine, type Section, sectionText } from './lib/report.ts';
import { settings } from './lib/settings.ts';
import { openStage } from './lib/stage.ts';
import { sections } from './sections/index.ts';

const { values } = parseArgs({ options: { only: { type: 'string' } } });
const names = values.only?.split(',') ?? Object.keys(sections);
const unknown = names.filter((name) => !(name in sections));
if (unknown.length > 0) {
  console.error(`There is no section ${unknown.join(', ')}: --only takes ${Object.keys(sections).join(', ')}.`);
  process.exit(1);
}

leaveCoreZero();
const began = performance.now();
const stage = openStage();
const done: Section[] = [];
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void stage.close().finally(() => process.exit(130)));
try {
  for (const [name, run] of Object.entries(sections)) {
    if (!names.includes(name)) continue;
    const section = await run(stage);
    done.push(section);
    console.log(`${sectionText(section)}\n`);
  }
} finally {
  await stage.close();
}

const goals = goalsTable(done);
console.log(`${goals}\n\n${machine()}\nThe run took ${Math.round((performance.now() - began) / 1000)} s.`);
const foreign = foreignShare(done);
const disturbed = foreign > 0.1;
if (disturbed)
  console.log(`Other programs took up to ${Math.round(foreign * 100)} % of the machine: compare the CPU times, not the rates.`);
// A part of the figures, hasty or disturbed ones would pass for what they are not.
if (!values.only && !settings.quick && !disturbed) keepInReadme([machine(), goals, ...done.map(sectionText)].join('\n\n'));
else console.log('README.md keeps the figures it had.');
