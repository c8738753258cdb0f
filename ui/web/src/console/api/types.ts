/**
 * Names for the shapes of the hub's API that the console uses.
 *
 * The shapes themselves are in schema.ts, which `make types` writes from the hub's description.
 */
import type { components } from "./schema";

type Schemas = components["schemas"];

export type Problem = Schemas["Problem"];
export type Me = Schemas["MeOut"];
export type LoginIn = Schemas["LoginIn"];
export type First = Schemas["FirstIn"];
export type Session = Schemas["SessionOut"];
export type User = Schemas["UserOut"];
export type Users = Schemas["UsersOut"];
export type NewUser = Schemas["UserIn"];
export type UserChange = Schemas["UserChange"];
export type SelfChange = Schemas["SelfChange"];
export type Role = User["role"];

export type Methods = Schemas["MethodsOut"];
export type SignedOut = Schemas["SignedOutOut"];
export type DeviceLook = Schemas["LookOut"];
export type Link = Schemas["LinkOut"];
export type ByLink = Schemas["LinkedIn"];
export type PendingTotp = Schemas["TotpOut"];
export type Group = Schemas["GroupOut"];
export type Groups = Schemas["GroupsOut"];
export type NewGroup = Schemas["GroupIn"];
export type Machine = Schemas["MachineOut"];
export type Machines = Schemas["MachinesOut"];
export type Key = Schemas["KeyOut"];
export type Keys = Schemas["KeysOut"];
export type KeyIn = Schemas["KeyIn"];
export type NewKey = Schemas["NewKeyOut"];

export type Provider = Schemas["ProviderOut"];
export type Providers = Schemas["ProvidersOut"];
export type ProviderIn = Schemas["ProviderIn"];
export type ProviderChange = Schemas["ProviderChange"];
export type ProviderTested = Schemas["TestOut"];
export type TeamModels = Schemas["ModelsOut"];
export type Route = Schemas["RouteOut"];
export type Routes = Schemas["RoutesOut"];
export type RouteIn = Schemas["RouteIn"];
export type RouteChange = Schemas["RouteChange"];
export type Policy = Schemas["PolicyOut"];
export type PolicyIn = Schemas["PolicyIn"];
export type PolicyRule = Schemas["RuleOut"];
export type MyPolicy = Schemas["MyPolicyOut"];

export type AuditEntry = Schemas["AuditEntryOut"];
export type AuditPage = Schemas["AuditOut"];
export type Chain = Schemas["ChainOut"];
export type Job = Schemas["JobOut"];
export type JobPage = Schemas["JobsOut"];
export type JobState = Job["state"];
export type Queues = Schemas["QueuesOut"];
export type Concerns = Schemas["ConcernsOut"];
export type Login = Schemas["LoginOut"];
export type Logins = Schemas["LoginsOut"];
export type Setting = Schemas["SettingOut"];
export type Settings = Schemas["SettingsOut"];
export type ScimToken = Schemas["ScimTokenOut"];
export type ScimTokenPage = Schemas["ScimTokensOut"];
export type NewScimToken = Schemas["NewScimTokenOut"];

/** How one part that the hub stands on is. */
export interface HealthPart {
  is_well: boolean;
  last_success_at: string | null;
  problem: string | null;
}

export interface Health {
  status: string;
  /** For Administrators. */
  parts?: Record<string, HealthPart> | null;
}

export type Usages = Schemas["UsagesOut"];
export type Usage = Schemas["UsageOut"];
export type Quota = Schemas["QuotaOut"];
export type Quotas = Schemas["QuotasOut"];
export type QuotaIn = Schemas["QuotaIn"];
export type QuotaChange = Schemas["QuotaChange"];
export type OwnQuota = Schemas["OwnQuotaOut"];
export type OwnQuotas = Schemas["OwnQuotasOut"];
export type Cost = Schemas["CostOut"];
export type Costs = Schemas["CostsOut"];
export type CostIn = Schemas["CostIn"];
export type TeamRun = Schemas["TeamRunOut"];
export type TeamRuns = Schemas["TeamRunPage"];
