/** The brokers there are. */
import type { Config } from '../../config.ts';
import type { Brokers, Log } from '../ports.ts';
import { createAlpaca } from './alpaca.ts';
import { createKite } from './kite.ts';

export const openBrokers = (config: Config, log: Log): Brokers => {
  const [timeoutMs, retries] = [config.KITE_API_TIMEOUT_MS, config.KITE_API_RETRIES];
  return new Map([
    ['kite', createKite({ url: config.KITE_API_URL, timeoutMs, retries }, log)],
    ['alpaca', createAlpaca({ url: config.ALPACA_API_URL, timeoutMs: 10_000, retries: 3 }, log)],
  ]);
};
