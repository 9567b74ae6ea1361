/** Whether a password was had before. */
import type { Hasher } from '../../infra/ports.ts';
import type { PasswordHolder } from './store.ts';

/** True where `password` (normalised) is the current one or one of those remembered. One verification after another: one caller, one thread. */
export const wasUsed = async (hasher: Hasher, password: string, { hash, former }: PasswordHolder, share: string): Promise<boolean> => {
  for (const each of hash ? [hash, ...former] : former) if (await hasher.verify(each, password, share)) return true;
  return false;
};
