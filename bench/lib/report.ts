/** What a run found: tables for the terminal and for README.md. */
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { pinning } from './cores.ts';
import type { Result } from './rounds.ts';
import { settings } from './settings.ts';
import { figure } from './stats.ts';

/** `least`: the value has to be at least `goal`; `most`: at most. */
export type Verdict = {
  readonly what: string;
  readonly goal: number;
  readonly kind: 'least' | 'most';
  readonly value: number;
  readonly unit: string;
  /** The same ratio by the processor time of the servers: a second opinion where other work disturbs the rates. */
  readonly byCpu?: number | null;
};

/** "At least `goal` times": a ratio of rates. */
export const atLeast = (what: string, goal: number, own: Result, other: Result): Verdict => ({
  what,
  kind: 'least',
  goal,
  value: own.rate / other.rate,
  unit: ' x',
  byCpu: own.cost && other.cost ? other.cost.cpuUs / own.cost.cpuUs : null,
});
export type Section = {
  readonly title: string;
  readonly results: readonly Result[];
  readonly notes: readonly string[];
  readonly verdicts: readonly Verdict[];
  /** The share of the machine that other programs took, where the results do not say. */
  readonly foreign?: number;
};

/** The worst of all sections; 0 where it cannot be told. */
export const foreignShare = (sections: readonly Section[]): number =>
  Math.max(0, ...sections.flatMap(({ foreign, results }) => [foreign ?? 0, ...results.map(({ cost }) => cost?.foreign ?? 0)]));

const percent = (share: number | undefined): string => (share === undefined ? '' : `${Math.round(share * 100)} %`);

const judge = ({ goal, kind, value }: Verdict): string => {
  if (kind === 'least' ? value >= goal : value <= goal) return 'met';
  const off = kind === 'least' ? 1 - value / goal : value / goal - 1;
  return `**missed by ${percent(off)}**`;
};

const table = (head: readonly string[], rows: readonly (readonly string[])[]): string => {
  const widths = head.map((cell, i) => Math.max(cell.length, ...rows.map((row) => row[i]?.length ?? 0)));
  const line = (cells: readonly string[]) => `| ${cells.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(' | ')} |`;
  return [line(head), `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`, ...rows.map(line)].join('\n');
};

export const goalsTable = (sections: readonly Section[]): string =>
  table(
    ['what', 'goal', 'value', 'verdict', 'by CPU time'],
    sections.flatMap(({ verdicts }) =>
      verdicts.map((v) => [
        v.what,
        `${v.kind === 'least' ? '≥' : '≤'} ${figure(v.goal)}${v.unit}`,
        `${figure(v.value)}${v.unit}`,
        judge(v),
        v.byCpu ? `${figure(v.byCpu)}${v.unit}` : '',
      ]),
    ),
  );

export const sectionText = ({ title, results, notes }: Section): string => {
  const rows = results.map((r) => [
    r.name,
    figure(r.rate),
    `${figure(r.least)} to ${figure(r.most)}`,
    figure(r.p50),
    figure(r.p99),
    r.cost ? figure(r.cost.cpuUs) : '',
    r.cost?.databaseUs ? figure(r.cost.databaseUs) : '',
    percent(r.cost?.zero),
    percent(r.cost?.others),
    percent(r.cost?.foreign),
  ]);
  const parts = [`### ${title}`];
  if (rows.length > 0)
    parts.push(table(['side', 'per second', 'range', 'p50 ms', 'p99 ms', 'CPU µs', 'SQL µs', 'core 0', 'others', 'foreign'], rows));
  if (notes.length > 0) parts.push(notes.map((note) => `- ${note}`).join('\n'));
  return parts.join('\n\n');
};

export const machine = (): string => {
  const [cpu] = cpus();
  const pinned = pinning ? 'server on core 0, load and PostgreSQL on the others' : 'nothing pinned: no taskset, or one core';
  const { rounds, turn, warmUp, connections, pool } = settings;
  return [
    `${new Date().toISOString().slice(0, 10)}, ${cpus().length} cores (${cpu?.model.trim()}), ${Math.round(totalmem() / 2 ** 30)} GB, ${process.platform},`,
    `Node ${process.version}; ${pinned}.`,
    `Medians of ${rounds} interleaved rounds of ${turn} s after ${warmUp} s of warm-up; ${connections} connections; ${pool} database connections a side.`,
  ].join(' ');
};

const [begin, end] = ['<!-- figures: begin -->', '<!-- figures: end -->'];
/** Puts `text` between the markers of README.md. */
export const keepInReadme = (text: string): void => {
  const file = new URL('../README.md', import.meta.url);
  const old = readFileSync(file, 'utf8');
  const [from, to] = [old.indexOf(begin), old.indexOf(end)];
  if (from < 0 || to < from) throw new Error('bench/README.md has lost the markers of the figures.');
  writeFileSync(file, `${old.slice(0, from + begin.length)}\n${text}\n${old.slice(to)}`);
};
