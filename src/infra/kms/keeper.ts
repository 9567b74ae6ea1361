import type { SealContext } from '../ports.ts';
import type { Version } from './format.ts';

/** A data key under a master key: what is stored of it. */
export type Wrapped = { keyId: string; wrapped: Buffer };

/**
 * Who holds the master keys. Each call is bound to a context: what is wrapped in one is not unwrapped in another.
 * All but `owns` and `isAway` throw `Unavailable` where the keeper does not answer; `unwrap` and `rewrap` also `UnknownMasterKey` and `DoesNotOpen`.
 */
export type KeyKeeper = {
  /** A new data key of 32 bytes, plain and under the current master key. */
  generate(context: SealContext): Promise<Wrapped & { dataKey: Buffer }>;
  unwrap(keyId: string, wrapped: Buffer, context: SealContext, version: Version): Promise<Buffer>;
  /** The same data key under the current master key. */
  rewrap(keyId: string, wrapped: Buffer, context: SealContext): Promise<Wrapped>;
  /** The id that `generate` would give now; may be some seconds old. */
  current(): Promise<string>;
  /** Whether the id has the form of this keeper's, so that no other is to be asked. */
  owns(keyId: string): boolean;
  isAway(): boolean;
  close(): void;
};
