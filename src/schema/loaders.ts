/** One request's batches: references that come one by one (entities of the supergraph, the actors of facts) are looked up together. */
import DataLoader from 'dataloader';
import type { AssignmentRow, RoleRow } from '../auth/access/role-store.ts';
import type { Caller } from '../auth/caller.ts';
import type { LinkedIdentity } from '../auth/identities/model.ts';
import type { Auth } from '../auth/index.ts';
import type { MfaMethod } from '../auth/mfa/model.ts';
import type { Organization } from '../auth/organizations/model.ts';
import type { TradingAccount } from '../auth/trading-accounts/model.ts';

type Ref = { id: string } | null;
export type Loaders = {
  userRef: DataLoader<string, Ref>;
  sessionRef: DataLoader<string, Ref>;
  mfaMethods: DataLoader<string, MfaMethod[]>;
  identities: DataLoader<string, LinkedIdentity[]>;
  organization: DataLoader<string, Organization | null>;
  /** Of a membership or an invitation that the caller sees. */
  place: DataLoader<string, Organization | null>;
  role: DataLoader<string, RoleRow | null>;
  roles: DataLoader<string, AssignmentRow[]>;
  tradingAccount: DataLoader<string, TradingAccount | null>;
};

/** Lazy: a request that refers to nobody makes no loader. */
export const createLoaders = (auth: Auth, caller: Caller): Loaders => {
  let userRef: Loaders['userRef'] | undefined;
  let sessionRef: Loaders['sessionRef'] | undefined;
  let mfaMethods: Loaders['mfaMethods'] | undefined;
  let identities: Loaders['identities'] | undefined;
  let organization: Loaders['organization'] | undefined;
  let place: Loaders['place'] | undefined;
  let role: Loaders['role'] | undefined;
  let roles: Loaders['roles'] | undefined;
  let tradingAccount: Loaders['tradingAccount'] | undefined;
  return {
    get organization() {
      organization ??= new DataLoader((ids: readonly string[]) => auth.organizations.visible(caller, ids), { maxBatchSize: 500 });
      return organization;
    },
    get place() {
      place ??= new DataLoader((ids: readonly string[]) => auth.organizations.named(ids), { maxBatchSize: 500 });
      return place;
    },
    get mfaMethods() {
      mfaMethods ??= new DataLoader((ids: readonly string[]) => auth.mfa.methodsOf(ids), { maxBatchSize: 500 });
      return mfaMethods;
    },
    get identities() {
      identities ??= new DataLoader((ids: readonly string[]) => auth.identities.of(ids), { maxBatchSize: 500 });
      return identities;
    },
    get role() {
      role ??= new DataLoader((ids: readonly string[]) => auth.access.rolesById(ids), { maxBatchSize: 500 });
      return role;
    },
    get roles() {
      roles ??= new DataLoader((ids: readonly string[]) => auth.access.assignmentsOf(ids), { maxBatchSize: 500 });
      return roles;
    },
    get tradingAccount() {
      tradingAccount ??= new DataLoader((ids: readonly string[]) => auth.tradingAccounts.visible(caller, ids), { maxBatchSize: 500 });
      return tradingAccount;
    },
    get userRef() {
      userRef ??= new DataLoader((ids: readonly string[]) => auth.users.findRefs(caller, ids), { maxBatchSize: 500 });
      return userRef;
    },
    get sessionRef() {
      sessionRef ??= new DataLoader((ids: readonly string[]) => auth.sessions.findVisible(caller, ids), { maxBatchSize: 500 });
      return sessionRef;
    },
  };
};
