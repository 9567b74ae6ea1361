/** The door of the administration room. */
import { type CleanupNeeds, cleanupSessions } from './cleanup-sessions.ts';
import { type CreateUserNeeds, createUser } from './create-user.ts';
import { type DeleteUserNeeds, deleteUser } from './delete-user.ts';
import { type ImpersonateNeeds, impersonate } from './impersonate.ts';
import { type ImportUsersNeeds, importUsers } from './import-users.ts';
import { listUsers } from './list-users.ts';
import { activateUser, deactivateUser, type StatusNeeds, unlockUser } from './status.ts';
import { type UpdateUserNeeds, updateUser } from './update-user.ts';

export type AdministrationNeeds = CreateUserNeeds &
  UpdateUserNeeds &
  StatusNeeds &
  DeleteUserNeeds &
  ImpersonateNeeds &
  ImportUsersNeeds &
  CleanupNeeds;
export type Administration = ReturnType<typeof openAdministration>;

export const openAdministration = (needs: AdministrationNeeds) => ({
  listUsers: listUsers(needs),
  createUser: createUser(needs),
  updateUser: updateUser(needs),
  activateUser: activateUser(needs),
  deactivateUser: deactivateUser(needs),
  unlockUser: unlockUser(needs),
  deleteUser: deleteUser(needs),
  impersonate: impersonate(needs),
  importUsers: importUsers(needs),
  cleanupSessions: cleanupSessions(needs),
});
