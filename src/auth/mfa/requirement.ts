/** Whether a user has to have a second factor: by the operator's setting, or by a rule of the organization the session speaks for. */

/** The organizations' own rule, which their room gives. */
export type OrganizationRule = (userId: string, orgId: string | null) => Promise<boolean>;
export type Requirement = ReturnType<typeof openRequirement>;

export const openRequirement = ({
  config,
  organizationRule,
}: {
  config: { MFA_REQUIRED: boolean };
  organizationRule?: OrganizationRule;
}) => ({
  /** Whether it can ever be asked for; where not, nobody need ask. */
  ever: config.MFA_REQUIRED || organizationRule !== undefined,
  of: async (userId: string, orgId: string | null): Promise<boolean> =>
    config.MFA_REQUIRED || ((await organizationRule?.(userId, orgId)) ?? false),
});
