/** The five-field query of the front door, and the same shape and data for the sides that are not Latchkey. */
export const query = '{ serviceInfo { name version features passwordPolicy { minLength } mfaTypes } }';

export const typeDefs = `
  enum MfaType { TOTP EMAIL SMS WEBAUTHN BACKUP_CODE }
  type PasswordPolicy { minLength: Int! checksBreaches: Boolean! rules: [String!]! }
  type ServiceInfo { name: String! version: String! features: [String!]! passwordPolicy: PasswordPolicy! mfaTypes: [MfaType!]! }
  type Query { serviceInfo: ServiceInfo! }
`;

const serviceInfo = {
  name: 'latchkey',
  version: '0.1.0',
  features: ['password', 'sessions', 'refresh-rotation', 'audit-log', 'subscriptions', 'federation'],
  passwordPolicy: { minLength: 12, checksBreaches: false, rules: [] },
  mfaTypes: [],
};
export const resolvers = { Query: { serviceInfo: () => serviceInfo } };
export const fixedReply = JSON.stringify({
  data: { serviceInfo: { ...serviceInfo, passwordPolicy: { minLength: serviceInfo.passwordPolicy.minLength } } },
});
